"""Numbered pictures: patterns such as frames/%05d.png, and the names that they stand for."""

import re
from pathlib import Path

_PLACE = re.compile(r"%0?(\d*)d")


def is_pattern(path: Path) -> bool:
    """Whether a name has a place for a number, unless a file really has that name."""
    return bool(_PLACE.search(path.name)) and not path.exists()


def numbered(pattern: Path, number: int) -> Path:
    """The name of one picture."""
    return pattern.with_name(_PLACE.sub(lambda place: f"{number:0{place.group(1) or 0}d}", pattern.name, 1))


def matching(pattern: Path) -> list[Path]:
    """The files that a pattern stands for, in any order; none where the folder does not exist."""
    if not pattern.parent.is_dir():
        return []
    before, after = (re.escape(part) for part in _parts(pattern))
    expression = re.compile(rf"{before}(\d+){after}")
    found = ((file, expression.fullmatch(file.name)) for file in pattern.parent.iterdir())
    return [file for file, match in found if match and numbered(pattern, int(match[1])).name == file.name]


def without_number(pattern: Path) -> Path:
    """A name for what belongs to all of them."""
    return pattern.with_name(_PLACE.sub("frames", pattern.name, 1))


def _parts(pattern: Path) -> tuple[str, str]:
    place = _PLACE.search(pattern.name)
    assert place is not None, pattern
    return pattern.name[: place.start()], pattern.name[place.end() :]

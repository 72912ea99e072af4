"""The clips of a batch: paths and patterns that a job file names, and the files they stand for."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from glob import escape, glob, has_magic
from pathlib import Path

from vidgan.errors import MediaError, UsageError
from vidgan.jobs.batch.table import Table
from vidgan.media.folder import is_picture, looks_like_pattern
from vidgan.media.numbering import matching
from vidgan.media.output import CONTAINERS

_OTHERS = (".qt", ".avi", ".wmv", ".asf", ".flv", ".f4v", ".ogv", ".3gp", ".3g2", ".gif")
_BROADCAST = (".ts", ".mts", ".m2ts", ".m2t", ".mpg", ".mpeg", ".m2v", ".vob", ".dv")
_BARE_STREAMS = (".y4m", ".ivf", ".obu", ".mjpeg", ".h264", ".264", ".avc", ".h265", ".265", ".hevc")
CLIP_ENDINGS = frozenset((*CONTAINERS, *_OTHERS, *_BROADCAST, *_BARE_STREAMS))
"""What a pattern such as footage/* takes for a clip; one that is named outright may end as it likes."""
_OURS = (".batch", ".work")
"""Folders that jobs leave beside outputs."""


def path_in(base: Path, text: str) -> Path:
    """What a path of the job file means."""
    return base / os.path.expanduser(text)


def clips_of(job: Table, base: Path) -> list[Path]:
    """All that its `clip` stands for, each once: as they are listed, and those of a pattern sorted.

    Raises UsageError for a pattern that matches none, MediaError for a clip that is not there.
    """
    given = job.get("clip")
    if given is None:
        raise job.wrong(f'{job.title} has no clip: give clip = "footage/shot01.mp4", or a pattern')
    found: dict[str, Path] = {}
    for number, text in enumerate(_listed(given)):
        for clip in _expanded(text, base, job.place("clip", number)):
            found.setdefault(os.path.abspath(clip), clip)
    return list(found.values())


def patterns_of(job: Table, base: Path) -> list[str]:
    """Those among its `clip`, from the disk's root."""
    texts = [text for text in _listed(job.get("clip")) if _is_glob(text, base)]
    root = escape(os.path.abspath(base))
    return [os.path.normpath(os.path.join(root, os.path.expanduser(text))) for text in texts]


def would_match(pattern: str, path: Path) -> bool:
    """Whether one of patterns_of takes a file or folder for a clip, once it is there."""
    return _fit(os.path.abspath(path).split(os.sep), pattern.split(os.sep))


def clips_in(folder: Path) -> Iterator[Path]:
    """Those right in it, sorted; hidden ones do not count."""
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    return (folder / name for name in names if _is_clip(folder, name))


def require_clip(clip: Path, place: str, what: str = "clip") -> Path:
    """The clip itself; MediaError where there is nothing that could be one. Nothing is read of it."""
    if os.path.isdir(clip):
        if not _holds_pictures(clip):
            raise MediaError(f"{place}: {clip} holds no pictures: for the clips in it write {clip / '*'}")
    elif not os.path.isfile(clip) and not (looks_like_pattern(clip) and matching(clip)):
        raise MediaError(f"{place}: the {what} {clip} does not exist: check its name and folder")
    return clip


def require_picture(picture: Path, place: str, what: str) -> Path:
    """The picture itself; MediaError where it is no file."""
    if os.path.isdir(picture):
        raise MediaError(f"{place}: the {what} {picture} is a folder: give a picture in it")
    if not os.path.isfile(picture):
        raise MediaError(f"{place}: the {what} {picture} does not exist: check its name and folder")
    return picture


def name_of(clip: Path) -> str:
    """What {name} stands for: a file's without its ending, a folder's; of frames/%05d.png "frames"."""
    if os.path.isdir(clip):
        return clip.resolve().name
    if not looks_like_pattern(clip):
        return clip.stem
    before = re.sub(r"[-_. ]*%\d*d.*", "", clip.name)
    return before or clip.parent.resolve().name


def _listed(given: str | list[str]) -> list[str]:
    return [given] if isinstance(given, str) else given


def _is_glob(text: str, base: Path) -> bool:
    """A file may have brackets in its name."""
    return has_magic(text) and not os.path.exists(path_in(base, text))


def _fit(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns or not parts:
        return not parts and all(pattern == "**" for pattern in patterns)
    if patterns[0] == "**":
        return _fit(parts, patterns[1:]) or _fit(parts[1:], patterns)
    return fnmatchcase(parts[0], patterns[0]) and _fit(parts[1:], patterns[1:])


def _expanded(text: str, base: Path, place: str) -> list[Path]:
    path = path_in(base, text)
    if not _is_glob(text, base):
        return [require_clip(path, place)]
    matches = glob(os.path.expanduser(text), root_dir=base, recursive=True)
    clips = sorted(base / match for match in matches if _is_clip(base, match))
    if not clips:
        found = f"no clip, only such as {min(matches)}" if matches else "nothing"
        raise UsageError(
            f"{place}: {path} matches {found}: check folder and pattern; "
            "clips end in .mp4, .mov, .mkv and the like, or are folders of pictures"
        )
    return [require_clip(clip, place) for clip in clips]  # a link may lead nowhere


def _is_clip(base: Path, match: str) -> bool:
    """Whether what a pattern found is meant; it may have found what jobs before have left."""
    if any(part.endswith(_OURS) for part in Path(match).parts):
        return False
    path = base / match
    return _holds_pictures(path) if os.path.isdir(path) else path.suffix.lower() in CLIP_ENDINGS


def _holds_pictures(folder: Path) -> bool:
    with suppress(OSError):
        return any(is_picture(file) and not file.name.startswith(".") for file in folder.iterdir())
    return False

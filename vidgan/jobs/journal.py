"""What is done of a render: a small file for every segment, written when its part is safe on the disk."""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vidgan.jobs.segments import Segment
from vidgan.media.digest import file_sha256
from vidgan.media.output import disk_errors, replacing, sync_folder

_NAME = re.compile(r"(\d{8,})-(\d{8,})\.json")


@dataclass(frozen=True)
class Entry:
    """A segment that is done.

    frames_sha256: of its frames before they were encoded. part_sha256, part_bytes: of its part, a file or a
    folder of pictures. attempt: which process made it; its part is named after it. losses: what that process
    had found damaged of the clip by then. flicker: what a report says of its frames, None where none was
    asked for. cells: the contact sheet's pictures of its frames, PNG in base64: source and result.
    """

    start: int
    stop: int
    frames_sha256: str
    part_sha256: str
    part_bytes: int
    attempt: str = ""
    losses: tuple[str, ...] = ()
    flicker: tuple[dict[str, Any], ...] | None = None
    cells: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def segment(self) -> Segment:
        return Segment(self.start, self.stop)


class Journal:
    """The entries in a work folder, and the parts that they speak of."""

    def __init__(self, folder: Path) -> None:
        self._entries, self._parts = folder / "journal", folder / "parts"

    def part(self, segment: Segment, attempt: str) -> Path:
        """Where the pictures of a segment go that an attempt makes; the folder is made.

        Of two attempts at once, one of a machine that was thought dead, none touches the other's part: what
        counts is that which the entry names, and an entry is replaced as a whole.
        """
        _make(self._parts)
        return self._parts / f"{segment}-{attempt}"

    @property
    def has_parts(self) -> bool:
        return any(self._parts.glob("*"))

    def drop_parts(self) -> None:
        """At the end of a job, all at once: some of them would be rendered again."""
        if self._parts.exists():
            gone = self._parts.replace(self._parts.with_name(".parts.part"))
            shutil.rmtree(gone)

    def add(self, entry: Entry) -> None:
        """Enter a segment whose part is synced and has its name. Raises OutputError."""
        _make(self._entries)
        with replacing(self._path(entry.segment)) as temporary:
            temporary.write_text(json.dumps(asdict(entry)) + "\n", encoding="utf-8")

    def entry(self, segment: Segment) -> Entry | None:
        """What was entered of a segment, whatever has become of its part since."""
        try:
            told = json.loads(self._path(segment).read_text(encoding="utf-8"))
            entry = Entry(**told)
        except (OSError, ValueError, TypeError):
            return None
        return entry if entry.segment == segment else None

    def proven(self, segment: Segment, names: Sequence[Path] = ()) -> Entry | None:
        """The entry of a segment whose part is, byte for byte, what was entered.

        names: of its pictures, for a part whose pictures may have got their names already.
        """
        entry = self.entry(segment)
        if entry is None:
            return None
        try:
            found = content_of(self.part(segment, entry.attempt), names)
            return entry if found == (entry.part_sha256, entry.part_bytes) else None
        except (OSError, ValueError):  # ValueError: something lies among its pictures that has no number
            return None

    def strike(self, segment: Segment) -> None:
        """Forget a segment, which is to be rendered again, and what is left of its part."""
        entry = self.entry(segment)
        self._path(segment).unlink(missing_ok=True)
        if entry is not None:
            _discard(self.part(segment, entry.attempt))

    def __len__(self) -> int:
        return sum(1 for _ in self._entries.glob("*.json"))

    def frames_done(self) -> int:
        """By the entries' names."""
        named = (_NAME.fullmatch(entry.name) for entry in self._entries.glob("*.json"))
        return sum(int(name[2]) - int(name[1]) for name in named if name)

    def _path(self, segment: Segment) -> Path:
        return self._entries / f"{segment}.json"


def content_of(part: Path, names: Sequence[Path] = ()) -> tuple[str, int]:
    """SHA-256 and size of a part: a file, or a folder of pictures by their numbers.

    names: where those of the pictures are that have left it. OSError where one is nowhere, ValueError where
    something else lies among them.
    """
    if names:
        here = [part / f"{number}{name.suffix.lower()}" for number, name in enumerate(names)]
        files = [file if file.exists() else name for file, name in zip(here, names, strict=True)]
    else:
        files = sorted(part.iterdir(), key=lambda file: int(file.stem)) if part.is_dir() else [part]
    return file_sha256(*files), sum(file.stat().st_size for file in files)


def _discard(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)


def _make(folder: Path) -> None:
    if not folder.exists():
        with disk_errors(folder):
            folder.mkdir(exist_ok=True)
            sync_folder(folder.parent)

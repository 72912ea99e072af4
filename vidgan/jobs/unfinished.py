"""What lies in work folders: how far each job came, and whether somebody is at it."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vidgan.errors import UsageError
from vidgan.jobs.delivery import was_put_in_place
from vidgan.jobs.journal import Journal
from vidgan.jobs.ownership import owner_of
from vidgan.jobs.work import JOB, LESSON, in_words, recalled, size_of

_KIND = "the kind of job"  # as facts_of calls it


@dataclass(frozen=True)
class Unfinished:
    """A job that is not done. out, work: its output and its folder. kind: render, translate or passthrough.

    frames_done, frames: segments that are entered, and all of it. trained: whether a translation has its look
    already. bytes: what the folder takes. last: when it was last written to. owner: who works on it now.
    """

    out: Path
    work: Path
    kind: str
    frames_done: int
    frames: int
    trained: bool
    bytes: int
    last: datetime
    owner: str | None

    @property
    def progress(self) -> str:
        if self.kind == "translate" and not self.trained:
            return "in training"
        return f"{self.frames_done} of {self.frames} frames"

    @property
    def size(self) -> str:
        return in_words(self.bytes)

    @property
    def last_at_work(self) -> str:
        return self.last.strftime("%Y-%m-%d %H:%M")

    @property
    def state(self) -> str:
        if self.owner:
            return f"at work: {self.owner}"
        return "done" if was_put_in_place(self.out) else "stopped"

    def as_json(self) -> dict[str, Any]:
        return {
            "state": self.state.partition(":")[0],
            "out": str(self.out),
            "work": str(self.work),
            "kind": self.kind,
            "frames_done": self.frames_done,
            "frames": self.frames,
            "trained": self.trained,
            "bytes": self.bytes,
            "last": self.last.isoformat(timespec="seconds"),
            "owner": self.owner,
        }


def unfinished(folder: Path) -> list[Unfinished]:
    """Every work folder in a folder and those below it. UsageError where it is none."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder: name the one that the outputs were to go into.")
    return [_told(work) for work in sorted(_work_folders(folder))]


def _work_folders(folder: Path) -> Iterator[Path]:
    for path, below, files in os.walk(folder):
        if path.endswith(".work") and JOB in files:
            below.clear()
            yield Path(path)


def _told(work: Path) -> Unfinished:
    told = recalled(work, JOB)
    told = told if isinstance(told, dict) else {}
    facts = told.get("facts")
    return Unfinished(
        out=work.with_name(Path(str(told.get("out", work.stem))).name),
        work=work,
        kind=facts.get(_KIND, "unknown") if isinstance(facts, dict) else "unknown",
        frames_done=Journal(work).frames_done(),
        frames=told.get("frames", 0),
        trained=(work / LESSON).exists(),
        bytes=size_of(work),
        last=datetime.fromtimestamp(_last_written(work)).astimezone(),
        owner=owner_of(work),
    )


def _last_written(work: Path) -> float:
    latest = 0.0
    for path, _, names in os.walk(work):
        for name in names:
            with suppress(OSError):  # it may be gone by now
                latest = max(latest, os.stat(os.path.join(path, name)).st_mtime)
    return latest

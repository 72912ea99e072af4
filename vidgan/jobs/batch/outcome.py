"""What became of each job of a batch: what the morning's report tells."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

STATUSES = ("done", "failed", "interrupted", "waiting")


@dataclass(frozen=True)
class Outcome:
    """One job's.

    status: one of STATUSES. before: it was done by an earlier run of the batch. seconds: from its beginning
    to its verified end, without what training its look took, which train_seconds is. figures: by name, how
    good the result is. error, remedy: of a job that failed. sheet: a contact sheet (PNG: sources above,
    results below), where it was rendered.
    """

    clip: str
    look: str
    out: str
    status: str
    before: bool = False
    seconds: float = 0.0
    train_seconds: float = 0.0
    frames: int = 0
    frames_per_second: float = 0.0
    frames_sha256: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    error: str | None = None
    remedy: str | None = None
    sheet: Path | None = None
    target: Path | None = None

    def as_json(self) -> dict[str, Any]:
        return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(self).items()}


@dataclass(frozen=True)
class BatchResult:
    """A batch's. began: ISO 8601. engine: "this machine, 2 at a time", or a cluster's address."""

    name: str
    folder: Path
    outcomes: tuple[Outcome, ...]
    began: str
    seconds: float
    engine: str
    interrupted: bool = False

    def count(self, status: str) -> int:
        return sum(outcome.status == status for outcome in self.outcomes)

    def as_json(self) -> dict[str, Any]:
        """What report.json holds."""
        return {
            "name": self.name,
            "began": self.began,
            "seconds": self.seconds,
            "engine": self.engine,
            "interrupted": self.interrupted,
            "counts": {status: self.count(status) for status in STATUSES},
            "jobs": [outcome.as_json() for outcome in self.outcomes],
        }


def told_once(name: str, message: str) -> str:
    """What is to be said of something; many a message begins with its name."""
    return message if message.startswith(name) else f"{name}: {message}"


def in_words(seconds: float) -> str:
    """3 h 05 min."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
    )

"""How a job is carried out, and who watches it. Nothing here belongs in a recipe."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Options:
    """device: auto, cpu, cuda or mps. overwrite: replace an existing output.

    stream: which video stream, counted among the clip's video streams (None: its default). allow_truncated:
    render what decodes of a clip that lacks frames. rate: frames a second of a folder of pictures (None:
    24). sheet: where to put a contact sheet (PNG or JPEG). raft_weights: RAFT's weights, for recipes whose
    flow it is. report: measure how much every frame flickers, and write it beside the output. start, end:
    frame or timecode of the first frame to render, and of the first that is not any more. verify: compare
    the result with the clip. fresh: throw away what an earlier attempt left in the work folder. keep_work:
    leave the folder when the job is done. profile: say how busy each stage was.
    engine: auto, torch or openvino: what computes a generator while frames are rendered.
    """

    device: str = "auto"
    overwrite: bool = False
    stream: int | None = None
    allow_truncated: bool = False
    sheet: Path | None = None
    raft_weights: Path | None = None
    rate: Fraction | None = None
    report: bool = False
    start: str | int | None = None
    end: str | int | None = None
    verify: bool = True
    fresh: bool = False
    keep_work: bool = False
    profile: bool = False
    engine: str = "auto"


@dataclass(frozen=True)
class Progress:
    """phase: survey, compare, train, render, join or verify. fraction: how much of the phase is done, 0..1.

    part: of the phase, in words. detail: where it stands in that part. losses: each training loss by
    name, a running mean.
    """

    phase: str
    fraction: float
    detail: str = ""
    part: str = ""
    losses: Mapping[str, float] = field(default_factory=dict)


def _ignore(_: object) -> None:
    """Where nobody watches."""


@dataclass(frozen=True)
class Watch:
    """The library prints nothing; it tells these.

    progress: often. notice: once each, a sentence that the user should read: what was chosen or lost.
    """

    progress: Callable[[Progress], None] = _ignore
    notice: Callable[[str], None] = _ignore


@dataclass(frozen=True)
class Verified:
    """kept: how many promises are. unheld: the names of what the result's container or codec cannot hold."""

    kept: int
    unheld: tuple[str, ...]


@dataclass(frozen=True)
class StageShare:
    """How long a stage was at work, all its workers together, and how much of their time that was."""

    name: str
    busy_seconds: float
    share: float
    items: int
    workers: int = 1


@dataclass(frozen=True)
class Profile:
    """stages: the busiest first. cpu_share: how much was done of what all processor cores could have."""

    wall_seconds: float
    cpu_seconds: float
    cpu_share: float
    stages: tuple[StageShare, ...]


@dataclass(frozen=True)
class Result:
    """What a job made, from what, and how long it took. Seconds are wall time.

    frames_sha256: of all frames before they were encoded: equal for equal renders, whatever the encoder's
    threads made of them. reused: how many of them an earlier attempt had made. verified: what comparing it
    with its clip found. report: where every frame's flicker is; worst: those frames that flicker most beyond
    their source.
    """

    out: Path
    device: str
    frames: int = 0
    frames_sha256: str = ""
    reused: int = 0
    recipe: Path | None = None
    sheet: Path | None = None
    representative: int | None = None
    steps: tuple[int, ...] = ()
    keyframes: tuple[int, ...] = ()
    train_seconds: float = 0.0
    render_seconds: float = 0.0
    report: Path | None = None
    worst: tuple[str, ...] = ()
    verified: Verified | None = None
    profile: Profile | None = None

    def as_json(self) -> dict[str, Any]:
        return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(self).items()}

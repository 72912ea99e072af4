"""How steady a render is, frame by frame, beside its source."""

import json
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vidgan.jobs.rendering import Rendered
from vidgan.media.output import beside
from vidgan.metrics import Motion, step_e_warps
from vidgan.motion import DisFlow
from vidgan.resample import eight_bit
from vidgan.stream import prefetch

_WORST = 5
# Rounding to 8 bits alone, in both frames: a source without any flicker is no measure.
_ROUNDING = 2 / (12 * 255**2)

_Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class FrameFlicker:
    """e_warp of a frame and the one before it; None where it begins a shot or next to nothing stays in sight.

    source: the same of the source. relative: how many times as much as that.
    """

    frame: int
    seconds: float
    e_warp: float | None = None
    source: float | None = None
    relative: float | None = None

    def __str__(self) -> str:
        return f"frame {self.frame} at {self.seconds:.2f} s, {self.relative:.1f} times its source"

    @property
    def excess(self) -> float:
        """What the look has added; in frames that cannot be measured nothing."""
        return 0.0 if self.e_warp is None or self.source is None else self.e_warp - self.source


class FlickerReport:
    """Measures frames on their way from rendering to encoding."""

    def __init__(self, cuts: Collection[int], first_pts: int = 0, first: int = 0) -> None:
        """first_pts: of the clip's first frame, from which timecodes count. first: it begins there."""
        self.cuts, self.first_pts, self.first = cuts, first_pts, first
        self.frames: list[FrameFlicker] = []

    def frames_before(self, start: int) -> int:
        """How many frames before `start` have to be shown, for its own flicker to be measured."""
        return 0 if start <= self.first or start in self.cuts else 1

    def watched(self, frames: Iterator[Rendered]) -> Generator[Rendered]:
        """The same frames; they are measured in a thread of their own."""
        return prefetch(self._measured(frames), name="report")

    def _measured(self, frames: Iterator[Rendered]) -> Generator[Rendered]:
        motion = DisFlow("medium")
        before: _Pair | None = None
        with closing(frames):  # type: ignore[type-var]
            for rendered in frames:
                after = _eight_bits(rendered)
                seconds = float((rendered.frame.pts - self.first_pts) * rendered.frame.time_base)
                place = FrameFlicker(rendered.frame.index, seconds)
                if before is not None and rendered.frame.index not in self.cuts:
                    place = _flicker(place, before, after, motion)
                self.frames.append(place)
                yield rendered
                before = after

    def of(self, start: int, stop: int) -> tuple[dict[str, Any], ...]:
        """What was measured of frames [start, stop), for restore."""
        return tuple(asdict(one) for one in self.frames if start <= one.frame < stop)

    def restore(self, flickers: Sequence[Sequence[Mapping[str, Any]]]) -> None:
        """All that is to be reported, in order: what of() gave, in this process and in others."""
        self.frames = [FrameFlicker(**one) for part in flickers for one in part]

    def worst(self, count: int = _WORST) -> list[FrameFlicker]:
        """Those that flicker most beyond their source, the worst first."""
        found = [one for one in self.frames if one.excess > 0]
        return sorted(found, key=lambda one: -one.excess)[:count]

    def as_json(self) -> dict[str, Any]:
        measured = [one for one in self.frames if one.e_warp is not None]
        means = {
            key: float(np.mean([getattr(one, key) for one in measured])) if measured else None
            for key in ("e_warp", "source", "relative")
        }
        return {
            "mean": means,
            "worst": [one.frame for one in self.worst()],
            "frames": [asdict(one) for one in self.frames],
        }

    def as_text(self) -> str:
        return json.dumps(self.as_json(), indent=1) + "\n"


def report_beside(out: Path) -> Path:
    """Where the report of an output goes."""
    return beside(out, "report.json")


def _eight_bits(rendered: Rendered) -> _Pair:
    """Source and result."""
    return eight_bit(rendered.source), eight_bit(rendered.frame.pixels)


def _flicker(place: FrameFlicker, before: _Pair, after: _Pair, motion: Motion) -> FrameFlicker:
    pairs = [(before[1], after[1]), (before[0], after[0])]
    result, source = step_e_warps(before[0], after[0], pairs, motion)
    if np.isnan(result):
        return place
    return replace(place, e_warp=result, source=source, relative=result / max(source, _ROUNDING))

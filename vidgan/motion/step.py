"""From one frame to the next: the motion between neighbours, measured at most once."""

from collections.abc import Collection, Generator, Iterable
from typing import NamedTuple, Protocol

from numpy.typing import NDArray
from torch import Tensor

from vidgan.motion.flow import FlowEstimator, visible_field
from vidgan.resample import to_field


class Picture(Protocol):
    """A decoded frame as far as motion needs it; vidgan.media's Frame is one."""

    @property
    def index(self) -> int: ...
    @property
    def pixels(self) -> NDArray: ...


class Step:
    """A frame and the one before it; each way's flow is measured when it is first asked for.

    before, after: (H, W, 3) RGB. Flows are (1, 2, H, W) float32 in pixels on the CPU, channel 0 along x.
    For one thread at a time.
    """

    def __init__(self, before: NDArray, after: NDArray, estimator: FlowEstimator) -> None:
        self._before, self._after, self._estimator = before, after, estimator
        self._back: Tensor | None = None
        self._forth: Tensor | None = None

    @property
    def back(self) -> Tensor:
        """From the frame to the one before it."""
        if self._back is None:
            self._back = to_field(self._estimator(self._after, self._before))
        return self._back

    @property
    def forth(self) -> Tensor:
        """From the one before to the frame."""
        if self._forth is None:
            self._forth = to_field(self._estimator(self._before, self._after))
        return self._forth

    @property
    def seen_before(self) -> Tensor:
        """(1, 1, H, W) bool: what of the frame is in sight in the one before it, too."""
        return visible_field(self.back, self.forth)


class Stepped(NamedTuple):
    """A frame, and the step to it; None where it begins a shot or nothing before it was read."""

    frame: Picture
    step: Step | None


def in_steps(
    frames: Iterable[Picture], estimator: FlowEstimator, cuts: Collection[int] = ()
) -> Generator[Stepped]:
    """Consecutive frames with the steps between them; cuts: indices of frames that begin a shot."""
    before: Picture | None = None
    for frame in frames:
        if before is None or frame.index in cuts:
            yield Stepped(frame, None)
        else:
            yield Stepped(frame, Step(before.pixels, frame.pixels, estimator))
        before = frame

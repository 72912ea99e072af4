"""Frames drawn as many at a time, and in pieces as large, as memory holds."""

import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, nullcontext
from itertools import groupby

import torch
from torch import Tensor

from vidgan.errors import DeviceError
from vidgan.gan.model import InBatches
from vidgan.motion import Moment, Origin, Stepped
from vidgan.resample import require_finite, to_tensor
from vidgan.stream import concurrently

TILES_PX = (1024, 512, 256)
"""Sides of the tiles that are tried, one after another."""

_SAID = ("out of memory", "can't allocate memory", "bad_alloc")

Placed = tuple[Stepped, tuple[Origin, ...]]
"""A frame, the motion to it, and where the noise comes from that it is drawn with."""


def batch_of(translate: object) -> int:
    """How many frames it takes at a time: batches begin at frames whose numbers are multiples of that."""
    return translate.batch if isinstance(translate, InBatches) else 1


class Fitting:
    """A translation that makes do with the memory there is: smaller batches first, then smaller tiles.

    No frame is dropped: what did not fit is drawn again. notice: told once, when something first did not
    fit. From then on, rounding may be another than with more memory: a GPU has other kernels for other
    batches, and what tiles change is in gan/tiles.py.
    """

    def __init__(self, translate: InBatches, notice: Callable[[str], None]) -> None:
        self.translate, self.notice = translate, notice
        self.most, self.left = translate.batch, list(TILES_PX)
        self.alone: threading.Lock | None = None  # once memory did not suffice, frames wait for each other
        self._changing = threading.Lock()

    def moments(self, placed: Iterable[Placed], at_once: int = 1) -> Generator[Moment]:
        """Every frame in the look, in order; so many batches at the same time."""
        batch = self.translate.batch
        groups = (list(group) for _, group in groupby(placed, lambda one: one[0].frame.index // batch))
        with closing(concurrently(groups, self._moments_of, at_once, "translate")) as made:
            for moments in made:
                yield from moments

    def _moments_of(self, together: Sequence[Placed]) -> list[Moment]:
        drawn = self._drawn([to_tensor(s.frame.pixels) for s, _ in together], [o for _, o in together])
        return [
            Moment(frame.index, frame.pixels, require_finite(picture[None]), step)
            for ((frame, step), _), picture in zip(together, drawn, strict=True)
        ]

    def _drawn(self, frames: Sequence[Tensor], origins: Sequence[Sequence[Origin]]) -> list[Tensor]:
        """(3, H, W) each."""
        drawn: list[Tensor] = []
        while len(drawn) < len(frames):
            part = slice(len(drawn), len(drawn) + self.most)
            with self.alone or nullcontext():
                result = self._tried(frames[part], origins[part])
            if result is None:
                self._make_do()
            else:
                drawn += result
        return drawn

    def _tried(self, frames: Sequence[Tensor], origins: Sequence[Sequence[Origin]]) -> Tensor | None:
        """None where memory does not suffice; the error is gone by then, and what it held with it."""
        try:
            return self.translate.across_together(frames, origins)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            return None

    def _make_do(self) -> None:
        with self._changing:
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            if self.alone is None:
                self.alone = threading.Lock()
                self.notice(
                    "memory did not suffice: frames are drawn fewer at a time or in tiles; none is lost."
                )
                self.most = max(1, self.most // 2)
            elif self.most > 1:
                self.most //= 2
            elif self.left:
                self.translate.tile_px = self.left.pop(0)
            else:
                raise DeviceError(
                    "memory does not suffice for a frame of this size, not even in small pieces: end other "
                    "programs that use the device, take --device cpu, or make the clip smaller."
                )


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice: a GPU's, torch's on a CPU, or Python's."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and any(text in message for text in _SAID)

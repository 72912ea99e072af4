"""A matte: where the result replaces the source, and where the source stays."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from numpy.typing import NDArray
from torch import Tensor

from vidgan.errors import UsageError
from vidgan.jobs.options import Options, Watch
from vidgan.jobs.source import same_proportions
from vidgan.media import Clip, open_clip
from vidgan.resample import blur, resize, to_tensor
from vidgan.stream import prefetch

_FEATHER = 1 / 240
"""Of the width, as sigma: 2 pixels at 480, 8 at 1920."""


@dataclass(frozen=True)
class Matte:
    """clip: white where the result shows, frame by frame, or one picture for all. size: of what is rendered.

    feather: sigma in pixels of the softening of its edges, 0 for none.
    """

    clip: Clip
    size: tuple[int, int]
    feather: float

    def weights(self, start: int, stop: int) -> Generator[Tensor, None, None]:
        """For each of these frames (1, 1, H, W) in [0, 1]."""
        if len(self.clip) == 1:
            yield from [self._weight(self.clip.frame(0).pixels)] * (stop - start)
            return
        with closing(prefetch(self.clip.frames(start, stop), name="matte")) as frames:
            for frame in frames:
                yield self._weight(frame.pixels)

    def _weight(self, pixels: NDArray) -> Tensor:
        white = (to_tensor(pixels).mean(1, keepdim=True) + 1) / 2
        fitted = resize(white, self.size).clamp(0, 1)
        return blur(fitted, self.feather) if self.feather else fitted


def open_matte(
    path: str | Path | None, feather: float | None, clip: Clip, options: Options, watch: Watch
) -> Matte | None:
    """The matte for a clip; UsageError where it has other proportions or another number of frames."""
    if path is None:
        if feather is not None:
            raise UsageError("--feather softens a matte: give --matte too")
        return None
    if feather is not None and not 0 <= feather <= 1000:
        raise UsageError(f"--feather {feather:g} is no width in pixels: give 0 to 1000")
    matte = open_clip(path, allow_truncated=options.allow_truncated)
    for notice in matte.info.notices:
        watch.notice(f"{path}: {notice}")
    longer = options.allow_truncated and len(matte) > len(clip)  # than what is left of the clip
    if len(matte) not in (1, len(clip)) and not longer:
        raise UsageError(
            f"{path} has {len(matte)} frames, the clip {len(clip)}: give one for every frame, or a picture"
        )
    height, width = clip.frame(0).pixels.shape[:2]
    if not same_proportions(matte.frame(0).pixels, (height, width)):
        shown = matte.frame(0).pixels.shape
        raise UsageError(
            f"{path} is {shown[1]}x{shown[0]}, the clip {width}x{height}: give the same proportions"
        )
    return Matte(matte, (height, width), _FEATHER * width if feather is None else feather)

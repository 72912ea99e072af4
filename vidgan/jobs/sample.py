"""Fresh pictures of a look that learnt one picture."""

import math
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vidgan.errors import UsageError
from vidgan.gan.device import choose_device
from vidgan.gan.look import load_look
from vidgan.gan.pyramid import Size
from vidgan.jobs.options import Options, Progress, Result, Watch
from vidgan.media import check_output, write_picture
from vidgan.media.output import PICTURES
from vidgan.resample import to_pixels

_LEAST_PX = 20  # the coarsest stage is some tenth of it, and must be more than a pixel
_MOST_PIXELS_EACH = 8_000_000  # activations take some 5 GB at 64 channels
_MOST_PIXELS = 100_000_000  # of the whole sheet
_GAP_PX = 4


def sample(
    model: str | Path,
    out: str | Path,
    *,
    count: int = 9,
    size: Size | None = None,
    seed: int | None = None,
    start: int = 0,
    options: Options | None = None,
    watch: Watch | None = None,
) -> Result:
    """Draw `count` pictures and write them side by side, in rows, as one picture `out`.

    size: (height, width) in pixels of each, the picture's own as it was trained on where None. seed: of the
    first one's noise, the next have the next; another each time where None. start: stages before it show
    the picture itself, so the larger it is the less is new. Raises VidganError.
    """
    options, watch = options or Options(), watch or Watch()
    device = choose_device(options.device)
    check_output(out, [model], overwrite=options.overwrite, endings=PICTURES)
    _check_size(size, count)
    look = load_look(Path(model))
    draw = look.model.sampler(device)
    if not 0 <= start < look.model.grown:
        raise UsageError(f"there is no stage {start} to start from: {model} has 0 to {look.model.grown - 1}.")
    first = random.SystemRandom().randrange(2**31) if seed is None else seed
    samples = []
    for number in range(count):
        samples.append(to_pixels(draw(size, start, first + number)))
        watch.progress(Progress("render", (number + 1) / count, f"picture {number + 1}/{count}"))
    write_picture(out, side_by_side(samples))
    if seed is None:
        watch.notice(f"--seed {first} draws these again")
    return Result(Path(out), str(device), count)


def _check_size(size: Size | None, count: int) -> None:
    if count < 1:
        raise UsageError(f"{count} pictures cannot be drawn: ask for 1 or more.")
    if size is None:
        return
    shown = f"{size[1]}x{size[0]}"
    if min(size) < _LEAST_PX:
        raise UsageError(f"{shown} is too small a picture: draw at least {_LEAST_PX} px on each side.")
    if size[0] * size[1] > _MOST_PIXELS_EACH:
        raise UsageError(f"{shown} is too large a picture: at most {_MOST_PIXELS_EACH // 10**6} megapixels.")
    if size[0] * size[1] * count > _MOST_PIXELS:
        raise UsageError(f"{count} pictures of {shown} are too large a sheet: draw fewer, or smaller.")


def side_by_side(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """(H, W, 3) uint8 each, all of one size, in rows of about as many as there are rows; gaps are white."""
    height, width, _ = pictures[0].shape
    columns = math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    down, across = height + _GAP_PX, width + _GAP_PX
    sheet = np.full((rows * down - _GAP_PX, columns * across - _GAP_PX, 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        top, left = (number // columns) * down, (number % columns) * across
        sheet[top : top + height, left : left + width] = picture
    return sheet

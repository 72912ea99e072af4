"""How good a delivered clip is: a few of its frames beside its target and its source."""

import math
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np

from vidgan.jobs.request import Request
from vidgan.jobs.source import chosen_span
from vidgan.media import Clip, open_clip, read_picture
from vidgan.metrics import detail, structure
from vidgan.resample import eight_bit

_FRAMES = 3
_MOST_PX = 480  # wide: what a frame of full size would add is not worth its time


def figures_of(request: Request, target: Path | None) -> dict[str, float]:
    """Means over a few frames of what was written: structure, and with a target detail.

    Those of vidgan.metrics that take no seconds, as far as there are any: a black frame has no layout, a
    flat target no detail. Raises VidganError where a file cannot be read any more.
    """
    options = request.options
    source = open_clip(
        request.clip, stream=options.stream, allow_truncated=options.allow_truncated, rate=options.rate
    )
    result = open_clip(request.out)
    span = chosen_span(source, options)
    looked_at = [int(place) for place in np.linspace(0, len(span), _FRAMES * 2 + 1)[1::2]]
    frames = [(_small(result, place), _small(source, span.start + place)) for place in looked_at]
    if min(frames[0][0].shape[:2]) < 32:
        return {}
    with np.errstate(invalid="ignore"):
        found = {"structure": [structure(made, given) for made, given in frames]}
    if target is not None:
        wanted = read_picture(target)
        found["detail"] = [detail(made, wanted) for made, _ in frames]
    finite = {name: list(filter(math.isfinite, values)) for name, values in found.items()}
    return {name: fmean(values) for name, values in finite.items() if values}


def _small(clip: Clip, index: int) -> np.ndarray:
    pixels = eight_bit(clip.frame(index).pixels)
    if pixels.shape[1] <= _MOST_PX:
        return pixels
    height = max(1, round(pixels.shape[0] * _MOST_PX / pixels.shape[1]))
    return cv2.resize(pixels, (_MOST_PX, height), interpolation=cv2.INTER_AREA)

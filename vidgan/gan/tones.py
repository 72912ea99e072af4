"""Exposure: a frame's tones brought to those of the pair's frame, which the palette was fitted to.

A flame that dies down leaves less light, and so less of what light becomes; the target's colours would be
out of proportion in such a frame.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.gan.palette import luminance

_TONES = 256
_KEPT = 256  # quantiles of the pair's frame
_SMOOTH = 15  # tones over which the curve is averaged: it bends, and does not jump
_MOST_GAIN = 3.0
# Of the pair's spread: a frame with less than half of it fades, or shows nothing; it is left alone.
_LEAST_SPREAD = 0.5
_EVEN = 0.02  # a spread of less, in the range [-1, 1], is noise


def tone_quantiles(picture: Tensor) -> Tensor:
    """picture: (B, 3, H, W) in [-1, 1] -> (_KEPT,), its luminances, evenly over its pixels, in order."""
    ordered = luminance(picture).flatten().sort().values
    return ordered[_evenly(len(ordered)).to(ordered.device)]


def _evenly(count: int) -> Tensor:
    """(_KEPT,), numbers from 0 to count - 1; whole arithmetic, as float32 ends at 16 million."""
    return torch.arange(_KEPT) * (count - 1) // (_KEPT - 1)


def match_tones(frame: Tensor, quantiles: Tensor, amount: float) -> Tensor:
    """frame: (1, 3, H, W) in [-1, 1] with its tones spread like `quantiles`, as far as amount (0..1) says.

    Histogram matching by one smooth curve for the whole frame; colours keep their hue. Returns the same
    shape and range.
    """
    if not amount:
        return frame
    light = luminance(frame)
    confidence = _confidence(float(light.std()), float(quantiles.std()))
    change = (amount * confidence * _change(light, quantiles)).to(frame.device)
    place = ((light + 1) / 2 * (_TONES - 1)).clamp(0, _TONES - 1)
    below = place.floor().long().clamp(max=_TONES - 2)
    new = light + torch.lerp(change[below], change[below + 1], place - below)
    gain = ((new + 1) / (light + 1).clamp_min(1e-3)).clamp(1 / _MOST_GAIN, _MOST_GAIN)
    return ((frame + 1) * gain - 1).clamp(-1, 1)


def _change(light: Tensor, quantiles: Tensor) -> Tensor:
    """(_TONES,), on the CPU: what is to be added to each tone between -1 and 1.

    Averaged over neighbouring tones by how many pixels have them: tones that none has say nothing.
    """
    counts = torch.histc(light.float(), _TONES, -1, 1).cpu()
    share = (counts.cumsum(0) - counts / 2) / counts.sum()  # of pixels that are darker than each tone
    wanted = np.interp(share.numpy(), np.linspace(0, 1, len(quantiles)), quantiles.cpu().numpy())
    change = torch.from_numpy(wanted).float() - torch.linspace(-1, 1, _TONES)
    return _averaged(change * counts) / _averaged(counts).clamp_min(1e-3)


def _averaged(tones: Tensor) -> Tensor:
    margin = _SMOOTH // 2
    return F.avg_pool1d(F.pad(tones[None, None], (margin, margin)), _SMOOTH, 1)[0, 0]


def _confidence(spread: float, wanted: float) -> float:
    """1 for a frame with as much contrast as the pair's, 0 for one with less than _LEAST_SPREAD of it.

    0 also where the pair's frame is even: it has no tones that others could be brought to.
    """
    if wanted < _EVEN:
        return 0.0
    share = spread / wanted
    return min(1.0, max(0.0, (share - _LEAST_SPREAD) / (1 - _LEAST_SPREAD)))

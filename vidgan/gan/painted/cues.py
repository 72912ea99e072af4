"""What simple filters see in a frame, about as large as colours are: looks are made of such things."""

import torch
from torch import Tensor

from vidgan.resample import bilateral, surroundings

_REACHES = ((1, 6.0), (3, 4.0))  # pixels to each side that count as surroundings, and a gain
_REACH, _TOLERANCE = 3, 0.3  # of the bilateral filter: pixels to each side, and colours of a range of 2
CUES = 3 * len(_REACHES) + 3


def cues(frame: Tensor) -> Tensor:
    """(B, 3, H, W) in [-1, 1] -> (B, CUES, H, W): what stands out from its surroundings, finer and coarser;
    and the frame smoothed within its edges, which most painted looks begin with."""
    planes, within = [], frame
    for reach, gain in _REACHES:
        around = surroundings(within, reach)
        planes.append(gain * (within - around))
        within = around
    return torch.cat([*planes, bilateral(frame, _REACH, _TOLERANCE)], 1)

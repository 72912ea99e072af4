"""What travels through the pipeline: one picture with its exact time."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np


@dataclass(frozen=True)
class Frame:
    """One decoded (or translated) picture.

    index: position in the clip, counted from 0 as decoded. pts: presentation time in units of
    time_base, exactly as the container has it; duration in the same units (0 where unknown).
    pixels: (H, W, 3) float32 RGB, -1 black and 1 white, as tensors have them; a view of three planes. What
    a source holds beyond either stays beyond it.
    alpha: (H, W) float32 in 0..1, how opaque; None where the source has none.
    """

    index: int
    pts: int
    duration: int
    time_base: Fraction
    pixels: np.ndarray
    alpha: np.ndarray | None = None

    @property
    def seconds(self) -> Fraction:
        return self.pts * self.time_base

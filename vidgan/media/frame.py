"""What travels through the pipeline: one picture with its exact time."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np


@dataclass(frozen=True)
class Frame:
    """One decoded (or translated) picture.

    index: position in the clip, counted from 0 as decoded. pts: presentation time in units of
    time_base, exactly as the container has it; duration in the same units (0 where unknown).
    pixels: (H, W, 3) RGB full range, uint8 for 8-bit sources and uint16 (0..65535) for deeper ones.
    """

    index: int
    pts: int
    duration: int
    time_base: Fraction
    pixels: np.ndarray

    @property
    def seconds(self) -> Fraction:
        return self.pts * self.time_base

    def with_pixels(self, pixels: np.ndarray) -> "Frame":
        return replace(self, pixels=pixels)

"""Rotation metadata: pixels are handed out upright, as players show them; outputs need no flag."""

import struct
from dataclasses import dataclass
from typing import cast

import numpy as np
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame

from vidgan.errors import MediaError


@dataclass(frozen=True)
class Orientation:
    """How stored pixels become displayed ones: transpose first, then mirror."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """pixels: (H, W, 3) or (H, W) as stored. Returns them as displayed."""
        turned = pixels.swapaxes(0, 1) if self.transpose else pixels
        turned = turned[:, ::-1] if self.mirror_x else turned
        return turned[::-1] if self.mirror_y else turned

    @property
    def degrees(self) -> int:
        """Clockwise turn: 0, 90, 180 or 270 (a mirrored picture counts as the turn before mirroring)."""
        if self.transpose:
            return 90 if self.mirror_x else 270
        return 180 if self.mirror_y else 0


UPRIGHT = Orientation()


def orientation_of(frame: VideoFrame, path: object) -> Orientation:
    """Read a frame's display matrix. Raises MediaError for a turn that is not a multiple of 90 degrees."""
    side = cast(SideData | None, frame.side_data.get("DISPLAYMATRIX"))
    if side is None:
        return UPRIGHT
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(side))
    # Displayed x' = a x + c y, y' = b x + d y (16.16 fixed point).
    if b == c == 0 and a and d:
        return Orientation(mirror_x=a < 0, mirror_y=d < 0)
    if a == d == 0 and b and c:
        return Orientation(transpose=True, mirror_x=c < 0, mirror_y=b < 0)
    raise MediaError(
        f"{path} is rotated by {frame.rotation} degrees: only quarter turns can be read; re-export it."
    )

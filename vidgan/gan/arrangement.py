"""The arrangement of a picture without its texture: even areas in their mean colours, edges kept.

A generator that draws its own picture out of such an arrangement learns what it needs for translating:
there, too, it is given even areas in its own colours and has to find the texture.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidgan.resample import to_pixels, to_tensor

_MEDIAN_SHARE = 1 / 13  # of the short side: wider than a tile and its joint, narrower than a thing
_MEAN_SHARE = 1 / 32
_EDGE_VARIANCE = 1e-4  # of [0, 1]: a difference in colour that counts as an edge


def arrangement(picture: Tensor) -> Tensor:
    """picture: (1, 3, H, W) in [-1, 1] -> the same shape and range, textures evened out.

    A median filter finds the areas, and a guided filter (He et al. 2010, eq. 5 and 6) with it as its guide
    gives each the mean colour that the picture has there.
    """
    pixels = to_pixels(picture)
    side = min(pixels.shape[:2])
    guide = _unit_range(cv2.medianBlur(pixels, _odd(side * _MEDIAN_SHARE)))
    even = _guided(guide, _unit_range(pixels), _odd(side * _MEAN_SHARE))
    return to_tensor((np.clip(even, 0, 1) * 255).round().astype(np.uint8), picture.device)


def _guided(guide: NDArray[np.float32], picture: NDArray[np.float32], side_px: int) -> NDArray[np.float32]:
    """Channel by channel, picture as a local straight line of guide, over squares of side_px."""
    mean_guide, mean_picture = _mean(guide, side_px), _mean(picture, side_px)
    covariance = _mean(guide * picture, side_px) - mean_guide * mean_picture
    variance = _mean(guide * guide, side_px) - mean_guide * mean_guide
    slope = np.asarray(np.clip(covariance / (variance + _EDGE_VARIANCE), 0, 1.5), np.float32)
    offset = mean_picture - slope * mean_guide
    return _mean(slope, side_px) * guide + _mean(offset, side_px)


def _unit_range(pixels: NDArray) -> NDArray[np.float32]:
    return np.asarray(pixels, np.float32) / np.float32(255)


def _mean(picture: NDArray[np.float32], side_px: int) -> NDArray[np.float32]:
    return np.asarray(cv2.boxFilter(picture, -1, (side_px, side_px)), np.float32)


def _odd(length: float) -> int:
    return max(3, int(length) // 2 * 2 + 1)

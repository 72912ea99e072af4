"""OpenEXR's scene-linear light, and the display's curve that pictures are worked on in.

IEC 61966-2-1 (sRGB), continued beyond white and, mirrored, below black, so that nothing is cut off.
"""

import numpy as np
from numpy.typing import NDArray

_LINEAR_BELOW, _CODE_BELOW = 0.0031308, 0.04045


def to_display(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scene-linear to the display's curve; -1 is black and 1 white in both."""
    amount, sign = _magnitude(light)
    curved = 1.055 * np.power(np.maximum(amount, _LINEAR_BELOW), 1 / 2.4) - 0.055
    return _signed(np.where(amount <= _LINEAR_BELOW, 12.92 * amount, curved), sign)


def to_linear(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The other way."""
    amount, sign = _magnitude(pixels)
    curved = np.power((amount + 0.055) / 1.055, 2.4)
    return _signed(np.where(amount <= _CODE_BELOW, amount / 12.92, curved), sign)


def _magnitude(pixels: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far from black, 1 white, and on which side of it."""
    value = (pixels.astype(np.float64) + 1) / 2
    return np.abs(value), np.sign(value)


def _signed(amount: NDArray[np.float64], sign: NDArray[np.float64]) -> NDArray[np.float32]:
    return (2 * sign * amount - 1).astype(np.float32)

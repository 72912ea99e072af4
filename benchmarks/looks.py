"""Looks that are known functions of a frame: what painted keyframes are measured by.

Pixels are (H, W, 3) uint8, RGB.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Look = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]

_MIX = np.array([[0.86, 0.10, 0.04], [0.05, 0.88, 0.07], [0.02, 0.16, 0.82]], np.float32)


def grade(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A colour grade: channels mixed, a curve for each, half of an S-curve over all."""
    mixed = np.clip(frame.astype(np.float32) / 255 @ _MIX.T, 0, 1)
    red, green, blue = np.moveaxis(mixed, -1, 0)
    curved = np.stack([red**0.85 * 1.04 - 0.01, green**1.05, blue**1.2 * 0.9 + 0.06], -1).clip(0, 1)
    bent = curved * curved * (3 - 2 * curved)
    return _eight_bit(127.5 * (curved + bent))


def cartoon(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bilateral smoothing, lightness in eight steps, dark lines where it is darker than around."""
    smoothed = frame
    for _ in range(3):
        smoothed = cv2.bilateralFilter(smoothed, 7, 40, 7)
    lab = cv2.cvtColor(smoothed, cv2.COLOR_RGB2LAB).astype(np.float32)
    lab[..., 0] = np.clip(np.floor(lab[..., 0] / 32) * 32 + 16, 0, 255)
    flat = cv2.cvtColor(lab.astype(np.uint8), cv2.COLOR_LAB2RGB)
    grey = cv2.GaussianBlur(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    light = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 9, 4)
    lines = cv2.GaussianBlur(light, (0, 0), 0.6).astype(np.float32) / 255
    return _eight_bit(flat * (0.25 + 0.75 * lines[..., None]))


def kuwahara(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A painterly filter (Kuwahara et al. 1976): the mean of the evenest of four quarters, more saturated."""
    colours, grey = frame.astype(np.float32), cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
    best, least = colours, np.full(grey.shape, np.inf, np.float32)
    for anchor in ((0, 0), (4, 0), (0, 4), (4, 4)):
        variance = _mean(grey * grey, anchor) - _mean(grey, anchor) ** 2
        best = np.where((variance < least)[..., None], _mean(colours, anchor), best)
        least = np.minimum(variance, least)
    hsv = cv2.cvtColor(_eight_bit(best), cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 1] = np.clip(hsv[..., 1] * 1.3, 0, 255)
    return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)


def _mean(image: NDArray[np.float32], anchor: tuple[int, int]) -> NDArray[np.float32]:
    return cv2.boxFilter(image, -1, (5, 5), anchor=anchor, borderType=cv2.BORDER_REFLECT)


def _eight_bit(levels: NDArray) -> NDArray[np.uint8]:
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


LOOKS: dict[str, Look] = {"grade": grade, "cartoon": cartoon, "kuwahara": kuwahara}

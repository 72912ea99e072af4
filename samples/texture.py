"""Procedural fields that the pictures are made of: noise, ramps and light.

Every field is float32, repeatable from its seed, and drawn with numpy and OpenCV alone.
"""

import cv2
import numpy as np

Array = np.ndarray


def value_noise(shape: tuple[int, int], cell: tuple[float, float], seed: int) -> Array:
    """Smooth noise in about [0, 1], shape (H, W); `cell` is its grain (rows, columns) in texels."""
    rows, cols = (int(np.ceil(n / c)) + 4 for n, c in zip(shape, cell, strict=True))
    knots = np.random.default_rng(seed).random((rows, cols), dtype=np.float32)
    y, x = np.indices(shape, dtype=np.float32)
    return cv2.remap(knots, x / cell[1] + 1.5, y / cell[0] + 1.5, cv2.INTER_CUBIC)


def fractal(shape: tuple[int, int], cell: tuple[float, float], octaves: int, seed: int) -> Array:
    """Sum of octaves of value noise, each half as large and half as strong; about [0, 1]."""
    total, weight = np.zeros(shape, np.float32), 0.0
    for k in range(octaves):
        total += 0.5**k * value_noise(shape, (cell[0] / 2**k, cell[1] / 2**k), seed + k)
        weight += 0.5**k
    return total / weight


def ridged(shape: tuple[int, int], cell: tuple[float, float], octaves: int, seed: int) -> Array:
    """Ridged multifractal (Musgrave): crests where noise crosses its mean; finer ones grow on crests."""
    total, weight, carry = np.zeros(shape, np.float32), 0.0, np.float32(1)
    for k in range(octaves):
        noise = value_noise(shape, (cell[0] / 2**k, cell[1] / 2**k), seed + k)
        crest = (1 - np.abs(2 * noise - 1).clip(0, 1)) ** 2 * carry
        total += 0.5**k * crest
        weight += 0.5**k
        carry = (crest * 1.6).clip(0, 1)
    return total / weight


def smoothstep(low: float, high: float, x: Array) -> Array:
    """0 below `low`, 1 above `high`, an S between; `low > high` falls instead of rising."""
    s = np.clip((x - low) / (high - low), 0, 1)
    return s * s * (3 - 2 * s)


def mix(a: Array, b: Array, amount: Array) -> Array:
    """Blend colours a -> b, (..., 3) or (3,), by an `amount` (H, W) in [0, 1]. Returns (H, W, 3)."""
    share = np.asarray(amount, np.float32)[..., None]
    return np.asarray(a, np.float32) * (1 - share) + np.asarray(b, np.float32) * share


def ramp(x: Array, stops: list[tuple[float, tuple[float, float, float]]]) -> Array:
    """Colour ramp: (position, RGB) stops looked up at x (H, W). Returns (H, W, 3)."""
    positions = [position for position, _ in stops]
    channels = [np.interp(x, positions, [rgb[c] for _, rgb in stops]) for c in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def relief(height: Array, light: tuple[float, float, float], spacing: tuple[float, float] = (1, 1)) -> Array:
    """Lambert shading of a height field (H, W) in [0, 1]; light (x, y, up); spacing of (rows, columns)."""
    slope_y, slope_x = np.gradient(height, *spacing)
    normal = np.stack([-slope_x, -slope_y, np.ones_like(height)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    sun = np.array(light, np.float32) / np.linalg.norm(light)
    return (normal @ sun).clip(0, 1).astype(np.float32)


def soften(image: Array, sigma: float) -> Array:
    """Gaussian blur; `sigma` in texels."""
    return cv2.GaussianBlur(image, (0, 0), sigma)

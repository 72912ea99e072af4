"""The painted keyframe: curved strokes of several brushes laid over one frame.

After Hertzmann, "Painterly Rendering with Curved Brush Strokes of Multiple Sizes" (1998): big brushes
first, smaller ones only where the painting still differs from what they should show; every stroke runs
along the picture's contours. Bristles and relief are added on top.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from texture import fractal, soften

Array = np.ndarray

DENSITY = 4
"""Working texels per pixel of the finished painting."""
BRUSHES_PX = (5.5, 3.2, 1.7, 0.95)
"""Brush radii, px, laid in this order."""
TOLERANCE = (0.0, 0.045, 0.055, 0.06)
"""How far the painting may be from the picture before a brush corrects it."""
MIN_STEPS, MAX_STEPS = 2, 9
"""Length of a stroke in brush radii: always the first, never beyond the second."""
SAME_COLOUR = 0.16
"""A stroke ends where the picture's colour has changed by more than this (sum over R, G, B)."""


@dataclass
class Painting:
    """Wet paint: what strokes are laid on, in place."""

    colour: Array
    """(H, W, 3) in [0, 1]."""
    thickness: Array
    """(H, W), about [0, 1]."""
    rng: np.random.Generator


def paint_over(frame: Array) -> Array:
    """Frame uint8 (H, W, 3) RGB, painted: same size and type, every form where it was."""
    height, width = frame.shape[:2]
    picture = cv2.resize(_palette(frame), (width * DENSITY, height * DENSITY), interpolation=cv2.INTER_CUBIC)
    bare = np.full(picture.shape[:2], 0.5, np.float32)
    painting = Painting(_ground(picture), bare, np.random.default_rng(1998))
    for radius_px, tolerance in zip(BRUSHES_PX, TOLERANCE, strict=True):
        _paint_layer(painting, picture, radius_px * DENSITY, tolerance)
    lit = painting.colour * (1 + 0.9 * _impasto(painting.thickness))[..., None]
    small = cv2.resize(lit, (width, height), interpolation=cv2.INTER_AREA)
    return np.round(small.clip(0, 1) * 255).astype(np.uint8)


def _palette(frame: Array) -> Array:
    """The painter's colours: livelier, shadows towards violet, lights towards yellow. Float in [0, 1]."""
    rgb = frame.astype(np.float32) / 255
    luma = (rgb @ np.float32([0.299, 0.587, 0.114]))[..., None]
    vivid = luma + 1.45 * (rgb - luma)
    shade = (1 - luma) ** 2
    tint = shade * np.float32([0.05, -0.02, 0.14]) + luma**2 * np.float32([0.06, 0.03, -0.09])
    return (vivid + tint).clip(0, 1)


def _ground(picture: Array) -> Array:
    """A toned canvas that shows between strokes."""
    weave = fractal(picture.shape[:2], (3, 3), 2, seed=4)[..., None]
    return (0.6 * soften(picture, 30) + 0.4 * np.float32([0.45, 0.30, 0.22])) * (0.8 + 0.4 * weave)


def _paint_layer(painting: Painting, picture: Array, radius: float, tolerance: float) -> None:
    """One brush over the whole canvas; strokes land in random order."""
    wanted = soften(picture, 0.45 * radius)
    error = soften(np.linalg.norm(wanted - painting.colour, axis=-1), 0.5 * radius)
    direction = _contours(wanted, radius)
    for start in _stroke_starts(error, radius, tolerance, painting.rng):
        path = _stroke_path(start, wanted, direction, radius)
        if len(path) > 1:
            _lay_stroke(painting, path, radius, wanted[start[1], start[0]])


def _contours(wanted: Array, radius: float) -> Array:
    """Unit direction of strokes (H, W, 2), (x, y): across the smoothed structure tensor's gradient."""
    luma = wanted @ np.float32([0.299, 0.587, 0.114])
    gx, gy = cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1)
    spread = max(2.2 * radius, 8)
    xx, yy, xy = (soften(product, spread) for product in (gx * gx, gy * gy, gx * gy))
    along = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2
    return np.stack([np.cos(along), np.sin(along)], axis=-1)


def _stroke_starts(error: Array, radius: float, tolerance: float, rng: np.random.Generator) -> Array:
    """Starts (N, 2), (x, y), in random order: one in every cell of a grid where the error is too large."""
    step = radius * 1.05
    y, x = np.mgrid[step / 2 : error.shape[0] : step, step / 2 : error.shape[1] : step]
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    points += rng.uniform(-0.5, 0.5, points.shape) * step
    points = points.clip(0, (error.shape[1] - 1, error.shape[0] - 1)).astype(int)
    return rng.permutation(points[error[points[:, 1], points[:, 0]] >= tolerance])


def _stroke_path(start: Array, wanted: Array, direction: Array, radius: float) -> Array:
    """Points (N, 2) from `start` along the contours, until the colour there is another."""
    limit = np.array(wanted.shape[1::-1])
    point, heading = start.astype(float), direction[start[1], start[0]]
    colour, path = wanted[start[1], start[0]], [point]
    for k in range(MAX_STEPS):
        point = point + heading * radius
        if np.any(point < 0) or np.any(point >= limit):
            break
        col, row = point.astype(int)
        if k >= MIN_STEPS and np.abs(wanted[row, col] - colour).sum() > SAME_COLOUR:
            break
        path.append(point)
        heading = _turned(heading, direction[row, col])
    return np.array(path)


def _turned(heading: Array, contour: Array) -> Array:
    """Half way from the old heading to the contour's, whichever of its two senses is nearer."""
    blend = heading + contour * (1 if contour @ heading >= 0 else -1)
    return blend / np.linalg.norm(blend)


def _lay_stroke(painting: Painting, path: Array, radius: float, colour: Array) -> None:
    """Draw the stroke bristle by bristle: each carries a slightly different load of paint."""
    rng = painting.rng
    colour = colour * rng.normal(1.0, 0.07) + rng.normal(0, 0.022, 3)
    count = max(3, int(radius * 0.55))
    width = max(2, round(2.2 * radius / count))
    side = _half_width(path) * radius
    for across in rng.permutation(np.linspace(-0.82, 0.82, count)):
        load = rng.normal(0, 1)
        line = [np.round((path + side * across) * 16).astype(np.int32)]
        shade = (colour * (1 + 0.055 * load)).clip(0, 1).tolist()
        height = 0.5 + 0.22 * load + 0.25 * (1 - abs(across))
        cv2.polylines(painting.colour, line, False, shade, width, cv2.LINE_8, 4)
        cv2.polylines(painting.thickness, line, False, height, width, cv2.LINE_8, 4)


def _half_width(path: Array) -> Array:
    """Vectors (N, 2) from the path to its left edge, for a brush of radius 1 set down and lifted off."""
    tangent = np.gradient(path, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    pressure = np.interp(np.linspace(0, 1, len(path)), [0, 0.15, 0.8, 1], [0.75, 1, 1, 0.55])
    return normal / np.linalg.norm(normal, axis=1, keepdims=True) * pressure[:, None]


def _impasto(thickness: Array) -> Array:
    """How the light from the upper left catches the paint's relief, about [-0.3, 0.3]."""
    height = soften(thickness, 1.4)
    slope_y, slope_x = np.gradient(height)
    return (1.6 * (slope_x + slope_y)).clip(-0.22, 0.22)

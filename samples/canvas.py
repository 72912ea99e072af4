"""The grid that layers are painted on, and brushes that draw soft edges on it.

World coordinates (u, v) are screen pixels of the camera at rest: pixel (0, 0) has its centre at (0, 0).
A canvas covers the screen and a margin, so that the camera may move without seeing its edge.
"""

from dataclasses import dataclass

import cv2
import numpy as np

Array = np.ndarray

WIDTH, HEIGHT = 320, 180
MARGIN_U, MARGIN_V = 56, 20
TEXELS = 3
"""Canvas texels per screen pixel."""

HORIZON = 112.0

ANCHOR = np.array([160.0, 90.0])
"""Where subjects that travel are painted; their path says where that point goes."""

SHAPE = ((HEIGHT + 2 * MARGIN_V) * TEXELS, (WIDTH + 2 * MARGIN_U) * TEXELS)


def world_grid() -> tuple[Array, Array]:
    """World coordinates u, v of every canvas texel, each (H, W) float32."""
    row, col = np.indices(SHAPE, dtype=np.float32)
    return col_to_u(col), row_to_v(row)


def col_to_u(col: Array) -> Array:
    return (col - (TEXELS - 1) / 2) / TEXELS - MARGIN_U


def row_to_v(row: Array) -> Array:
    return (row - (TEXELS - 1) / 2) / TEXELS - MARGIN_V


def to_texel(point: Array) -> Array:
    """World points (..., 2) to canvas coordinates (column, row) as `cv2.remap` counts them."""
    return (point + np.array([MARGIN_U, MARGIN_V])) * TEXELS + (TEXELS - 1) / 2


def premultiply(colour: Array, alpha: Array) -> Array:
    """Colour (H, W, 3) and coverage (H, W), both in [0, 1], as premultiplied RGBA (H, W, 4) float32."""
    alpha = alpha[..., None].clip(0, 1)
    return np.concatenate([colour.clip(0, 1) * alpha, alpha], axis=-1).astype(np.float32)


@dataclass
class Easel:
    """Draws world-coordinate shapes at twice the canvas's density; `finish` averages them down."""

    ground: tuple[float, float, float]

    OVERSAMPLE = 2
    SHIFT = 4

    def __post_init__(self) -> None:
        size = (SHAPE[0] * self.OVERSAMPLE, SHAPE[1] * self.OVERSAMPLE)
        self.colour = np.full((*size, 3), np.array(self.ground) * 255, np.uint8)
        self.alpha = np.zeros(size, np.uint8)

    def stroke(self, points: Array, width: float, rgb: Array) -> None:
        """Polyline through world points (N, 2), `width` in pixels."""
        thickness = max(1, round(width * TEXELS * self.OVERSAMPLE))
        path = [self._fixed(points)]
        style = (cv2.LINE_AA, self.SHIFT)
        cv2.polylines(self.colour, path, False, _to_bytes(rgb), thickness, *style)
        cv2.polylines(self.alpha, path, False, 255, thickness, *style)

    def polygon(self, points: Array, rgb: Array) -> None:
        """Filled polygon with world corners (N, 2)."""
        path = [self._fixed(points)]
        cv2.fillPoly(self.colour, path, _to_bytes(rgb), cv2.LINE_AA, self.SHIFT)
        cv2.fillPoly(self.alpha, path, 255, cv2.LINE_AA, self.SHIFT)

    def finish(self) -> tuple[Array, Array]:
        """Colour (H, W, 3) and coverage (H, W) in [0, 1] at canvas density."""
        size = (SHAPE[1], SHAPE[0])
        shrink = [cv2.resize(x, size, interpolation=cv2.INTER_AREA) for x in (self.colour, self.alpha)]
        return shrink[0].astype(np.float32) / 255, shrink[1].astype(np.float32) / 255

    def _fixed(self, points: Array) -> Array:
        dense = (to_texel(np.asarray(points, np.float64)) + 0.5) * self.OVERSAMPLE - 0.5
        return np.round(dense * 2**self.SHIFT).astype(np.int32)


def _to_bytes(rgb: Array) -> tuple[float, ...]:
    return tuple(float(c) for c in np.clip(np.asarray(rgb) * 255, 0, 255))

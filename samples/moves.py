"""Motion that can be undone exactly: every layer moves by a chain of these.

A move maps points (..., 2) float64 at time t (frames) forward, towards the screen, and back again.
Each is affine or a shear along one axis, so its inverse is a formula and not a search; the scene's
exact flow rests on that.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from canvas import ANCHOR, HEIGHT, HORIZON, WIDTH

Array = np.ndarray

FRAMES = 96


class Move(Protocol):
    def forward(self, point: Array, t: float) -> Array: ...

    def back(self, point: Array, t: float) -> Array: ...


def forward_through(moves: tuple[Move, ...], point: Array, t: float) -> Array:
    """Layer coordinates to screen coordinates at time t."""
    for move in moves:
        point = move.forward(point, t)
    return point


def back_through(moves: tuple[Move, ...], point: Array, t: float) -> Array:
    """Screen coordinates at time t to layer coordinates."""
    for move in reversed(moves):
        point = move.back(point, t)
    return point


@dataclass(frozen=True)
class Camera:
    """A slow pan and push-in; `nearness` 0 is infinitely far, 1 the far bank, more is closer."""

    nearness: float

    CENTRE = np.array([WIDTH / 2, HORIZON])

    def forward(self, point: Array, t: float) -> Array:
        return self.CENTRE + (point - self.CENTRE) * self._zoom(t) - self._pan(t)

    def back(self, point: Array, t: float) -> Array:
        return self.CENTRE + (point + self._pan(t) - self.CENTRE) / self._zoom(t)

    def _pan(self, t: float) -> Array:
        glide = pan_px(t)
        return np.array([glide * self.nearness, 0.9 * self.nearness * np.sin(t / 23)])

    def _zoom(self, t: float) -> float:
        return 1 + 0.035 * self.nearness * (t / FRAMES)


def pan_px(t: float) -> float:
    """How far the camera has glided at nearness 1; zero mid-clip."""
    phase = t / FRAMES - 0.5
    return 23 * phase + 1.1 * np.sin(2 * np.pi * phase)


@dataclass(frozen=True)
class Plane:
    """The water's perspective: rows glide faster the nearer they are to the viewer."""

    nearness: float
    """Extra nearness of the bottom row over the horizon's."""

    def forward(self, point: Array, t: float) -> Array:
        return _shift_u(point, -self._glide(point[..., 1], t))

    def back(self, point: Array, t: float) -> Array:
        return _shift_u(point, self._glide(point[..., 1], t))

    def _glide(self, v: Array, t: float) -> Array:
        return pan_px(t) * self.nearness * np.clip((v - HORIZON) / (HEIGHT - HORIZON), 0, 2)


@dataclass(frozen=True)
class Sway:
    """Bending in the wind: a shear that grows with the square of the height above `base`."""

    base: float
    height: float
    reach_px: float
    period: float
    phase: float

    def forward(self, point: Array, t: float) -> Array:
        return _shift_u(point, self._bend(point[..., 1], t))

    def back(self, point: Array, t: float) -> Array:
        return _shift_u(point, -self._bend(point[..., 1], t))

    def _bend(self, v: Array, t: float) -> Array:
        lift = np.clip((self.base - v) / self.height, 0, 1.5) ** 2
        angle = 2 * np.pi * t / self.period + self.phase
        gust = np.sin(angle - 1.2 * lift) + 0.35 * np.sin(2.3 * angle + 1 - 2 * lift)
        return self.reach_px * lift * gust


@dataclass(frozen=True)
class Ripple:
    """Waves on the lake: a shear by row, then a shear by column; crests widen towards the viewer."""

    def forward(self, point: Array, t: float) -> Array:
        point = _shift_u(point, self._sideways(point[..., 1], t))
        return _shift_v(point, self._upward(point[..., 0], t))

    def back(self, point: Array, t: float) -> Array:
        point = _shift_v(point, -self._upward(point[..., 0], t))
        return _shift_u(point, -self._sideways(point[..., 1], t))

    def _sideways(self, v: Array, t: float) -> Array:
        depth = np.clip(v - HORIZON, 0, None)
        crest = 13 * np.log1p(depth / 9)
        waves = np.sin(crest * 1.7 - 0.21 * t) + 0.6 * np.sin(crest * 2.9 + 0.16 * t + 1)
        return (0.2 + 0.011 * depth) * waves

    def _upward(self, u: Array, t: float) -> Array:
        return 0.28 * np.sin(0.085 * u - 0.13 * t) + 0.18 * np.sin(0.19 * u + 0.17 * t)


@dataclass(frozen=True)
class Flight:
    """A rigid subject under way: `path(t)` gives (u, v, tilt in radians, size)."""

    path: Callable[[float], tuple[float, float, float, float]]

    def forward(self, point: Array, t: float) -> Array:
        u, v, tilt, size = self.path(t)
        return (point - ANCHOR) @ (size * _rotation(tilt)).T + (u, v)

    def back(self, point: Array, t: float) -> Array:
        u, v, tilt, size = self.path(t)
        return (point - (u, v)) @ _rotation(tilt) / size + ANCHOR


@dataclass(frozen=True)
class Mirror:
    """Reflection in still water whose surface lies at row `waterline`."""

    waterline: float

    def forward(self, point: Array, t: float) -> Array:
        return point * (1, -1) + (0, 2 * self.waterline)

    back = forward


def _rotation(angle: float) -> Array:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])


def _shift_u(point: Array, by: Array) -> Array:
    return np.stack([point[..., 0] + by, point[..., 1]], axis=-1)


def _shift_v(point: Array, by: Array) -> Array:
    return np.stack([point[..., 0], point[..., 1] + by], axis=-1)

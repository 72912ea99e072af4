"""The sample clip's scene: a lake at dusk, as layers whose motion is known exactly.

Every layer is a painted canvas that moves by a chain of invertible moves, so that where a pixel goes,
and whether it can still be seen there, is computed rather than estimated:

    render(t)            uint8 (180, 320, 3) RGB
    exact_flow(t, s)     float32 (180, 320, 2), px: frame t at x shows what frame s shows at x + flow(x)
    exact_visible(t, s)  bool (180, 320): that point is inside frame s and nothing covers it there
"""

from dataclasses import dataclass
from functools import cache

import cv2
import foreground
import land
import numpy as np
import subjects
from canvas import HEIGHT, HORIZON, TEXELS, WIDTH, to_texel
from moves import Camera, Flight, Mirror, Move, Plane, Ripple, Sway, back_through, forward_through
from texture import soften

Array = np.ndarray

SUPERSAMPLE = 2
BOAT_WATERLINE = 131.0


@dataclass(frozen=True)
class Layer:
    """One painted sheet. `paint`: premultiplied RGBA canvas; `moves`: canvas to screen, in order."""

    name: str
    paint: Array
    moves: tuple[Move, ...]
    cover: Array
    """Coverage of a screen pixel's footprint, on the canvas grid: what decides who is in front."""


def render(t: float, size: int = 1) -> Array:
    """Frame t (0..95) as uint8 (180, 320, 3) RGB; drawn `size` times as large."""
    screen = _screen_grid(SUPERSAMPLE * size)
    picture = np.zeros((*screen.shape[:2], 4), np.float32)
    for layer in layers():
        sheet = _look_up(layer.paint, back_through(layer.moves, screen, t))
        picture = sheet + picture * (1 - sheet[..., 3:])
    picture = cv2.resize(picture[..., :3], (WIDTH * size, HEIGHT * size), interpolation=cv2.INTER_AREA)
    return np.round(picture.clip(0, 1) * 255).astype(np.uint8)


def exact_flow(t: float, s: float) -> Array:
    """Where each pixel of frame t lies in frame s, relative to it: float32 (180, 320, 2) px, (x, y)."""
    screen = _screen_grid(1)
    flow = np.zeros_like(screen)
    for layer, shown in zip(layers(), _shown(t), strict=True):
        there = forward_through(layer.moves, back_through(layer.moves, screen[shown], t), s)
        flow[shown] = there - screen[shown]
    return flow.astype(np.float32)


def exact_visible(t: float, s: float) -> Array:
    """True where a pixel of frame t is inside frame s and no nearer layer hides it: bool (180, 320)."""
    there = _screen_grid(1) + exact_flow(t, s)
    inside = np.all((there >= 0) & (there <= (WIDTH - 1, HEIGHT - 1)), axis=-1)
    hidden, behind = np.zeros(inside.shape, bool), np.zeros(inside.shape, bool)
    for layer, shown in zip(layers(), _shown(t), strict=True):
        hidden |= behind & _covers(layer, there, s)
        behind |= shown
    return inside & ~hidden


def _shown(t: float) -> list[Array]:
    """For every layer, back to front, the pixels (180, 320) where it is the foremost at time t."""
    screen = _screen_grid(1)
    free = np.ones(screen.shape[:2], bool)
    shown = []
    for layer in reversed(layers()):
        mine = free & _covers(layer, screen, t)
        free &= ~mine
        shown.append(mine)
    return shown[::-1]


def _covers(layer: Layer, screen: Array, t: float) -> Array:
    return _look_up(layer.cover, back_through(layer.moves, screen, t)) >= 0.5


def _look_up(canvas: Array, point: Array) -> Array:
    x, y = np.moveaxis(to_texel(point).astype(np.float32), -1, 0)
    return cv2.remap(canvas, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


@cache
def _screen_grid(density: int) -> Array:
    """Screen points (H * density, W * density, 2), (x, y) in px; pixel (0, 0) has its centre at (0, 0)."""
    row, col = np.indices((HEIGHT * density, WIDTH * density), dtype=np.float64)
    return (np.stack([col, row], axis=-1) + 0.5) / density - 0.5


def _layer(name: str, paint: Array, *moves: Move) -> Layer:
    cover = soften(np.ascontiguousarray(paint[..., 3]), 0.4 * TEXELS)
    return Layer(name, paint, moves, cover)


@cache
def layers() -> tuple[Layer, ...]:
    """The whole scene, back to front."""
    return (*_distance(), *_lake_and_travellers(), *_near())


@cache
def _distance() -> tuple[Layer, ...]:
    far = [(40, 40, 40), (118, 66, 46), (196, 52, 40), (262, 74, 52), (345, 50, 50)]
    near = [(-20, 46, 60), (70, 24, 40), (160, 16, 40), (235, 26, 45), (330, 44, 60)]
    return (
        _layer("sky", land.sky(), Camera(0.10)),
        _layer("peaks", land.mountains(7, far, snow_line=42, haze=0.42), Camera(0.35)),
        _layer("hills", land.mountains(23, near, snow_line=70, haze=0.15), Camera(0.65)),
    )


def _lake_and_travellers() -> tuple[Layer, ...]:
    balloon, boat, shore = subjects.balloon(), subjects.boat(), land.far_bank()
    water = land.lake(_pile([*(layer.paint for layer in _distance()), shore]))
    floating_balloon = subjects.reflection_of(balloon, 0.62)
    floating_boat = subjects.reflection_of(boat, 0.72)
    aloft, sailing, camera = Flight(balloon_path), Flight(boat_path), Camera(1.0)
    return (
        _layer("lake", water, Ripple(), Plane(0.35), camera),
        _layer("shore", shore, camera),
        _layer("balloon in the lake", floating_balloon, aloft, Mirror(HORIZON), Ripple(), camera),
        _layer("boat in the lake", floating_boat, sailing, Mirror(BOAT_WATERLINE), Ripple(), camera),
        _layer("boat", boat, sailing, camera),
        _layer("balloon", balloon, aloft, camera),
    )


def _near() -> tuple[Layer, ...]:
    low = foreground.needles(foreground.PADS_LOW, seed=71)
    high = foreground.needles(foreground.PADS_HIGH, seed=72)
    far_reeds = foreground.reeds(81, [(30, 20, 46), (196, 12, 26)], tall=44)
    near_reeds = foreground.reeds(82, [(4, 15, 42), (92, 8, 12)], tall=62)
    return (
        _layer("low needles", low, _breeze(2.6, phase=0.5), Camera(1.9)),
        _layer("trunk", foreground.trunk(), _breeze(1.6, phase=0.0), Camera(1.9)),
        _layer("high needles", high, _breeze(2.4, phase=-0.3), Camera(1.9)),
        _layer("bank", foreground.bank(), Camera(1.9)),
        _layer("far reeds", far_reeds, Sway(200, 50, 3.4, period=50, phase=1.0), Camera(2.3)),
        _layer("near reeds", near_reeds, Sway(200, 62, 5.0, period=58, phase=2.6), Camera(2.8)),
    )


def _breeze(reach_px: float, phase: float) -> Sway:
    """How the pine moves; its parts a little apart."""
    return Sway(base=190, height=190, reach_px=reach_px, period=66, phase=phase)


def balloon_path(t: float) -> tuple[float, float, float, float]:
    """(u, v, tilt, size) of the balloon: it drifts right, behind the pine, and slowly climbs."""
    return 60 + 2.22 * t, 60 - 0.10 * t + 1.6 * np.sin(t / 15), 0.05 * np.sin(t / 17), 0.94 + 0.0010 * t


def boat_path(t: float) -> tuple[float, float, float, float]:
    """(u, v, tilt, size) of the boat: it sails left, before the far bank, and rocks."""
    bob = 0.5 * np.sin(t / 9)
    return 150 - 0.62 * t, BOAT_WATERLINE + bob, 0.045 * np.sin(t / 11 + 1), 0.86


def _pile(canvases: list[Array]) -> Array:
    bottom, *others = canvases
    for canvas in others:
        bottom = canvas + bottom * (1 - canvas[..., 3:])
    return bottom

"""What moves through the scene: a hot-air balloon and a sailing boat, each painted round ANCHOR."""

import numpy as np
from canvas import ANCHOR, SHAPE, Easel, premultiply, world_grid
from texture import fractal, mix, smoothstep

Array = np.ndarray

BALLOON_RADIUS = 23.0
SKIRT = 31.0
"""Distance from the balloon's widest row to its mouth, px."""

_BANDS = np.float32([(0.80, 0.13, 0.09), (0.98, 0.90, 0.72), (0.93, 0.55, 0.10), (0.98, 0.90, 0.72)])
_GORES = 16


def balloon() -> Array:
    """Envelope, ropes and basket: canvas (H, W, 4), the envelope's widest point at ANCHOR."""
    rigging, rigging_alpha = _basket()
    colour, alpha = _envelope()
    colour = mix(rigging, colour, alpha)
    return premultiply(colour, np.maximum(alpha, rigging_alpha))


def _envelope() -> tuple[Array, Array]:
    u, v = world_grid()
    x, y = u - ANCHOR[0], v - ANCHOR[1]
    radius = _profile(y)
    across = (x / np.maximum(radius, 0.1)).clip(-1, 1)
    longitude = np.arcsin(across) / np.pi * _GORES + 0.35
    colour = _livery(longitude, y) * _billow(longitude)[..., None]
    colour *= _envelope_light(across, y)[..., None] * np.array([1.0, 0.97, 0.92])
    colour += (0.16 * smoothstep(0.75, 1.0, -across) * smoothstep(30, 0, y))[..., None] * (1, 0.75, 0.4)
    edge = smoothstep(-0.35, 0.35, radius - np.abs(x)) * smoothstep(SKIRT + 0.3, SKIRT - 0.3, y)
    return colour, edge * (y > -BALLOON_RADIUS)


def _profile(y: Array) -> Array:
    """Half-width of the envelope at height y below its widest row: a dome above, a teardrop below."""
    dome = np.sqrt((BALLOON_RADIUS**2 - y**2).clip(0))
    fall = (y / SKIRT).clip(0, 1)
    teardrop = BALLOON_RADIUS * (np.cos(fall * np.pi / 2) ** 0.92 * 0.83 + 0.17 * (1 - fall**2))
    return np.where(y < 0, dome, np.maximum(teardrop, 4.2))


def _livery(longitude: Array, y: Array) -> Array:
    """Striped gores, with a zigzag sash round the waist and a dark crown."""
    stripes = _BANDS[np.floor(longitude).astype(int) % len(_BANDS)]
    zigzag = 3.2 * np.abs((longitude % 2) - 1)
    sash = smoothstep(0, 0.8, y - 1 - zigzag) * smoothstep(0, 0.8, 9 + zigzag - y)
    colour = mix(stripes, (0.13, 0.20, 0.42), sash)
    heart = smoothstep(0, 0.8, y - 3.6 - zigzag) * smoothstep(0, 0.8, 6.2 + zigzag - y)
    colour = mix(colour, (0.98, 0.80, 0.30), heart)
    return mix(colour, (0.50, 0.07, 0.08), smoothstep(-17.5, -18.5, y))


def _billow(longitude: Array) -> Array:
    """Cloth swelling between the seams."""
    within = longitude - np.floor(longitude)
    weave = fractal(SHAPE, (8, 8), 3, seed=5)
    return 0.80 + 0.24 * np.sin(np.pi * within) ** 0.7 + 0.08 * (weave - 0.5)


def _envelope_light(across: Array, y: Array) -> Array:
    lift = (-y / BALLOON_RADIUS).clip(-1, 1)
    facing = np.sqrt((1 - across**2 - 0.5 * lift**2).clip(0))
    sun = -0.74 * across + 0.30 * lift + 0.50 * facing
    return 0.36 + 0.78 * sun.clip(0)


def _basket() -> tuple[Array, Array]:
    easel = Easel((0.20, 0.13, 0.08))
    mouth, rim, floor = SKIRT - 1, SKIRT + 6.5, SKIRT + 12
    for side in (-1, -0.35, 0.35, 1):
        easel.stroke(ANCHOR + np.array([(4.0 * side, mouth), (3.6 * side, rim)]), 0.45, (0.16, 0.11, 0.08))
    tub = [(-4.2, rim), (4.2, rim), (3.6, floor), (-3.6, floor)]
    easel.polygon(ANCHOR + np.array(tub), (0.30, 0.17, 0.09))
    for row in np.arange(rim + 0.6, floor, 0.9):
        easel.stroke(ANCHOR + np.array([(-3.6, row), (-0.4, row)]), 0.35, (0.62, 0.38, 0.18))
    easel.stroke(ANCHOR + np.array([(-4.4, rim), (4.4, rim)]), 0.9, (0.42, 0.24, 0.12))
    for x in (-1.8, 1.4):
        easel.stroke(ANCHOR + np.array([(x, rim - 2.2), (x, rim)]), 1.5, (0.09, 0.08, 0.10))
        easel.stroke(ANCHOR + np.array([(x, rim - 3.2), (x, rim - 3.0)]), 1.3, (0.55, 0.33, 0.22))
    return easel.finish()


def boat() -> Array:
    """A small sloop, sails set, its waterline through ANCHOR: canvas (H, W, 4)."""
    sails, sails_alpha = _sails()
    hull, hull_alpha = _hull()
    return premultiply(mix(sails, hull, hull_alpha), np.maximum(sails_alpha, hull_alpha))


def _sails() -> tuple[Array, Array]:
    u, v = world_grid()
    easel = Easel((0.93, 0.82, 0.68))
    easel.polygon(ANCHOR + _curved([(0.6, -31), (2.4, -14), (11.5, -4.2), (0.6, -3.6)]), (0.95, 0.86, 0.72))
    easel.polygon(
        ANCHOR + _curved([(-0.4, -27), (-4.5, -12), (-9.5, -3.2), (-1.0, -4.6)]), (0.88, 0.72, 0.55)
    )
    cloth, alpha = easel.finish()
    seams = 0.92 + 0.08 * smoothstep(0.0, 0.25, np.abs(((v - 0.25 * u) / 4.2) % 1 - 0.5))
    shade = (1.02 - 0.032 * (u - ANCHOR[0]).clip(0)) * seams
    return cloth * shade[..., None] * np.array([1.04, 1.0, 0.94]), alpha


def _hull() -> tuple[Array, Array]:
    easel = Easel((0.16, 0.09, 0.07))
    easel.stroke(ANCHOR + np.array([(0.2, -3), (0.1, -33)]), 0.7, (0.26, 0.17, 0.10))
    side = [(-11.5, -3.6), (-4, -2.6), (6, -2.7), (12.5, -3.9), (10.5, 0.6), (4, 1.3), (-6, 1.2)]
    easel.polygon(ANCHOR + np.array(side), (0.17, 0.08, 0.07))
    easel.stroke(ANCHOR + np.array(side[:4]), 0.7, (0.80, 0.58, 0.36))
    easel.stroke(ANCHOR + np.array([(4.2, -3.6), (4.4, -6.2)]), 2.0, (0.10, 0.10, 0.14))
    easel.stroke(ANCHOR + np.array([(4.5, -7.6), (4.5, -7.3)]), 1.5, (0.60, 0.36, 0.25))
    return easel.finish()


def _curved(corners: list[tuple[float, float]]) -> Array:
    """The polygon with corner 1 as a control point: the leech of a filled sail."""
    head, belly, *rest = (np.array(corner, float) for corner in corners)
    s = np.linspace(0, 1, 16)[:, None]
    leech = (1 - s) ** 2 * head + 2 * s * (1 - s) * (belly * 2 - (head + rest[0]) / 2) + s**2 * rest[0]
    return np.concatenate([leech, np.array(rest[1:])])


def reflection_of(subject: Array, strength: float) -> Array:
    """The same canvas as still water shows it: darker, and see-through by `strength`."""
    tint = np.float32([0.70, 0.74, 0.78])
    colour = subject[..., :3] * tint + subject[..., 3:] * np.float32([0.01, 0.03, 0.05])
    return np.concatenate([colour, subject[..., 3:]], axis=-1) * np.float32(strength)

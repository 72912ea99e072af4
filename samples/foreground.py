"""The near scene: a wind-bent pine on a rocky bank, and reeds at the water's edge."""

from itertools import pairwise

import numpy as np
from canvas import SHAPE, TEXELS, Easel, premultiply, to_texel, world_grid
from curve import catmull_rom
from texture import fractal, mix, relief, ridged, smoothstep, value_noise

Array = np.ndarray

LIGHT = np.array([-0.80, -0.60])
"""Where the sun stands on the screen, seen from any near thing."""

ROOT = 200.0
"""Row below the frame where the reeds are rooted."""

TRUNK = [
    (266.0, 190.0, 15.0),
    (260.0, 168.0, 8.8),
    (256.0, 148.0, 6.4),
    (249.0, 118.0, 5.4),
    (247.0, 88.0, 4.7),
    (254.0, 58.0, 3.9),
    (250.0, 30.0, 3.0),
    (257.0, 4.0, 1.9),
]
"""The pine's trunk from root to crown: (u, v, half-width), px."""

BOUGHS = [
    [(247.0, 90.0, 2.0), (233.0, 80.0, 1.5), (219.0, 80.0, 0.9)],
    [(253.0, 62.0, 2.2), (272.0, 52.0, 1.6), (290.0, 52.0, 0.9)],
    [(251.0, 40.0, 2.0), (232.0, 31.0, 1.5), (212.0, 33.0, 0.8)],
    [(252.0, 26.0, 1.7), (270.0, 18.0, 1.2), (286.0, 20.0, 0.7)],
    [(255.0, 10.0, 1.3), (243.0, 2.0, 1.0), (228.0, 2.0, 0.6)],
    [(249.0, 118.0, 1.6), (262.0, 108.0, 1.1), (274.0, 106.0, 0.6)],
]

PADS_LOW = [(221, 77, 19, 6.5), (283, 48, 25, 8.5), (276, 103, 12, 5)]
PADS_HIGH = [(214, 29, 25, 8), (280, 15, 26, 8.5), (228, -1, 20, 8), (257, -6, 25, 11)]
"""Needle pads: (u, v, half-width, half-height), px; those below and above swing apart in the wind."""


def trunk() -> Array:
    """Trunk and boughs: canvas (H, W, 4)."""
    easel = Easel((0.14, 0.09, 0.07))
    for limb in [*BOUGHS, TRUNK]:
        _limb(easel, catmull_rom(np.array(limb), 8))
    colour, alpha = easel.finish()
    plates = ridged(SHAPE, (7 * TEXELS, 2.6 * TEXELS), 4, seed=63)
    return premultiply(colour * (0.42 + 1.15 * plates[..., None]), alpha)


def _limb(easel: Easel, path: Array) -> None:
    """Round wood along `path` (N, 3): strand by strand, from its shaded right side to the sunlit left."""
    for across, width, rgb in _WOOD:
        for a, b in pairwise(path):
            side = np.array([[a[2] * across, 0], [b[2] * across, 0]])
            easel.stroke(np.stack([a[:2], b[:2]]) + side, max(a[2] * width, 0.4), rgb)


_WOOD = [
    (0.0, 2.0, (0.10, 0.07, 0.07)),
    (0.0, 1.5, (0.17, 0.11, 0.09)),
    (-0.22, 1.1, (0.30, 0.18, 0.12)),
    (-0.52, 0.62, (0.55, 0.33, 0.18)),
    (-0.78, 0.26, (0.80, 0.50, 0.26)),
]
"""Strands of a limb: (place across it, width, RGB), the first two in half-widths."""


def needles(pads: list[tuple[float, float, float, float]], seed: int) -> Array:
    """Sprays of needles filling the pads: canvas (H, W, 4)."""
    rng = np.random.default_rng(seed)
    easel = Easel((0.05, 0.08, 0.06))
    for u, v, half_width, half_height in pads:
        for tuft in _tufts(rng, np.array([u, v]), np.array([half_width, half_height])):
            _sprays(easel, rng, *tuft)
    return premultiply(*easel.finish())


def _tufts(rng: np.random.Generator, centre: Array, half: Array) -> list[tuple[Array, Array]]:
    """(centre, half-size) of the tufts that make up a pad: an uneven arch, the near ones last and low."""
    along = rng.permutation(np.linspace(-0.85, 0.85, max(5, int(half[0] * 0.62))))
    arch = 0.55 - 1.05 * np.cos(along * np.pi / 2) + rng.normal(0, 0.22, len(along))
    size = rng.uniform(0.26, 0.44, len(along)) * half[0]
    tufts = [
        (centre + half * (x, y), np.array([s, half[1] * 0.62]))
        for x, y, s in zip(along, arch, size, strict=True)
    ]
    return [tufts[i] for i in np.argsort(arch)]


def _sprays(easel: Easel, rng: np.random.Generator, centre: Array, half: Array) -> None:
    """One tuft: needles bristling up and out, dark below and away from the sun, drawn back to front."""
    count = int(half[0] * half[1] * 6.5)
    angle, reach = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.random(count))
    disc = np.stack([np.cos(angle), np.sin(angle)], axis=1) * reach[:, None]
    disc[:, 1] *= np.where(disc[:, 1] > 0, 0.55, 1.0)
    for offset in disc[np.argsort(disc @ LIGHT)]:
        light = np.clip(0.34 + 0.62 * offset @ LIGHT + rng.normal(0, 0.17), 0, 1)
        direction = offset + rng.normal(0, 0.7, 2) + (0, -0.35)
        needle = direction / np.linalg.norm(direction) * rng.uniform(1.2, 3.0)
        base = centre + offset * half
        easel.stroke(np.stack([base, base + needle]), 0.42, _needle_colour(light))


def _needle_colour(light: float) -> Array:
    stops = np.float32([(0.03, 0.06, 0.06), (0.11, 0.17, 0.09), (0.36, 0.37, 0.13), (0.80, 0.66, 0.28)])
    return np.array([np.interp(light, [0, 0.4, 0.75, 1], stops[:, c]) for c in range(3)])


def bank() -> Array:
    """Boulders and turf under the pine, falling to the water on the left: canvas (H, W, 4)."""
    u, v = world_grid()
    lumps = ridged(SHAPE, (26 * TEXELS, 38 * TEXELS), 3, seed=131)
    edge = 190 - 33 * smoothstep(168, 300, u) - 9 * smoothstep(210, 330, u) - 13 * (lumps - 0.45)
    wet = smoothstep(3.5, 0.5, v - edge) * (u < 240)
    shore = _stone(lumps) * (1 - 0.35 * wet)[..., None]
    blades, blades_alpha = _turf(edge)
    alpha = np.maximum(smoothstep(-0.35, 0.35, v - edge), blades_alpha)
    return premultiply(mix(shore, blades, blades_alpha), alpha)


def _stone(lumps: Array) -> Array:
    """Weathered rock in evening light, mossy in places: colour (H, W, 3)."""
    rough = 34 * lumps + 7 * fractal(SHAPE, (9 * TEXELS, 9 * TEXELS), 5, seed=140)
    light = relief(rough * TEXELS * 0.55, (-0.75, -0.75, 0.42))
    grain = fractal(SHAPE, (3 * TEXELS, 4 * TEXELS), 3, seed=150)
    rock = mix((0.06, 0.06, 0.08), (0.82, 0.58, 0.38), (light * (0.55 + 0.7 * grain)).clip(0, 1))
    moss = smoothstep(0.52, 0.66, value_noise(SHAPE, (12 * TEXELS, 16 * TEXELS), 160) + 0.3 * (grain - 0.5))
    return mix(rock, np.float32([0.24, 0.25, 0.09]) * (0.25 + 1.3 * light[..., None]), moss * 0.75)


def _turf(edge: Array) -> tuple[Array, Array]:
    """Tufts of grass along the top of the bank: colour (H, W, 3) and coverage (H, W)."""
    rng = np.random.default_rng(170)
    easel = Easel((0.10, 0.10, 0.06))
    for tuft in [*rng.normal(258, 9, 11), *rng.uniform(225, 375, 26)]:
        row, col = to_texel(np.array([tuft, 0.0]))[::-1].astype(int)
        top = edge[row, min(col, SHAPE[1] - 1)] + rng.uniform(0.5, 9) ** 1.1
        for foot in rng.normal(tuft, 1.8, 11):
            _blade(easel, rng, np.array([foot, top]), rng.uniform(3, 9))
    return easel.finish()


def reeds(seed: int, clumps: list[tuple[float, float, int]], tall: float) -> Array:
    """Reeds and cat-tails rooted below the frame: canvas (H, W, 4).

    clumps: (u, half-width px, blades). tall: mean height in px.
    """
    rng = np.random.default_rng(seed)
    easel = Easel((0.10, 0.10, 0.06))
    for centre, half, count in clumps:
        for foot in np.sort(rng.normal(centre, half, count)):
            outward = (foot - centre) / (2.4 * half)
            height = tall * rng.uniform(0.55, 1.2) * np.exp(-(outward**2))
            _blade(easel, rng, np.array([foot, ROOT]), height)
        for foot in rng.normal(centre, 0.7 * half, max(2, count // 9)):
            _cat_tail(easel, rng, np.array([foot, ROOT]), tall * rng.uniform(0.95, 1.3))
    return premultiply(*easel.finish())


def _blade(easel: Easel, rng: np.random.Generator, foot: Array, height: float) -> None:
    lean, shade = rng.normal(0.10, 0.26) * height, rng.random()
    spine = _bent(foot, height, lean)
    vigour = rng.uniform(0.7, 1.2) * (0.5 + 0.5 * min(height / 30, 1))
    width = vigour * np.interp(np.linspace(0, 1, len(spine)), [0, 0.3, 1], [1.5, 1.3, 0.12])
    rgb = np.array([0.06, 0.08, 0.05]) * (1 - shade) + np.array([0.34, 0.31, 0.11]) * shade
    _ribbon(easel, spine, width, rgb)
    _ribbon(easel, spine - (0.35, 0), width * 0.28, rgb * 1.5 + np.array([0.22, 0.13, 0.03]) * shade)


def _cat_tail(easel: Easel, rng: np.random.Generator, foot: Array, height: float) -> None:
    spine = _bent(foot, height, rng.normal(0.06, 0.10) * height)
    easel.stroke(spine, 0.55, (0.20, 0.18, 0.08))
    head = spine[-6:-2]
    easel.stroke(head, 2.3, (0.17, 0.09, 0.05))
    easel.stroke(head - (0.55, 0), 0.7, (0.62, 0.36, 0.16))


def _bent(foot: Array, height: float, lean: float) -> Array:
    rise = np.linspace(0, 1, 18)
    droop = 0.10 * np.abs(lean) * rise**3
    return foot + np.stack([lean * rise**2.1, droop - height * rise], axis=1)


def _ribbon(easel: Easel, spine: Array, width: Array, rgb: Array) -> None:
    side = np.stack([width / 2, np.zeros_like(width)], axis=1)
    left, right = spine - side, spine + side
    easel.polygon(np.concatenate([left, right[::-1]]), rgb)

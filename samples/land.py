"""The far scene: evening sky, mountain ranges seen across a height field, the far bank, the lake."""

import cv2
import numpy as np
from canvas import HORIZON, MARGIN_V, SHAPE, TEXELS, premultiply, world_grid
from texture import fractal, mix, ramp, ridged, smoothstep, soften, value_noise

Array = np.ndarray

SUN = (52.0, 84.0)
HAZE = (0.87, 0.67, 0.60)


def sky() -> Array:
    """Opaque canvas (H, W, 4): warm glow round the low sun, lit cloud banks above."""
    u, v = world_grid()
    colour = ramp(v, _SKY_RAMP)
    distance = np.hypot((u - SUN[0]) / 1.7, v - SUN[1])
    colour += np.exp(-distance / 30)[..., None] * np.array([0.34, 0.24, 0.04])
    colour = _clouds(colour, u, v)
    colour = mix(colour, (1.0, 0.97, 0.84), smoothstep(11, 7.5, np.hypot(u - SUN[0], v - SUN[1])))
    return premultiply(colour, np.ones(SHAPE, np.float32))


_SKY_RAMP = [
    (-20.0, (0.13, 0.27, 0.47)),
    (20.0, (0.31, 0.46, 0.60)),
    (55.0, (0.74, 0.70, 0.66)),
    (85.0, (0.98, 0.78, 0.50)),
    (112.0, (0.99, 0.68, 0.40)),
]


def _clouds(sky_colour: Array, u: Array, v: Array) -> Array:
    density = _cloud_density(u, v)
    towards_sun = np.float32([[1, 0, 9], [0, 1, -9]])
    shade = cv2.warpAffine(soften(density, 5), towards_sun, SHAPE[::-1], borderMode=cv2.BORDER_REPLICATE)
    lit = (0.75 + 1.3 * (density - shade)).clip(0, 1)
    warm = smoothstep(-10, 75, v) * np.exp(-np.abs(u - SUN[0]) / 330)
    shadow = mix((0.38, 0.42, 0.56), (0.72, 0.46, 0.44), warm)
    light = mix((0.94, 0.82, 0.76), (1.0, 0.84, 0.58), warm)
    cloud = shadow + (light - shadow) * lit[..., None]
    return mix(sky_colour, cloud, density * 0.92)


def _cloud_density(u: Array, v: Array) -> Array:
    banks = fractal(SHAPE, (21 * TEXELS, 72 * TEXELS), 6, seed=44)
    wisps = fractal(SHAPE, (5 * TEXELS, 42 * TEXELS), 4, seed=57)
    height_bias = 0.10 * np.sin(v / 15) - 0.16 * smoothstep(70, 105, v)
    return smoothstep(0.53, 0.72, 0.72 * banks + 0.28 * wisps + height_bias)


def mountains(seed: int, peaks: list[tuple[float, float, float]], snow_line: float, haze: float) -> Array:
    """A range rendered across a height field: canvas (H, W, 4).

    peaks: (u, height px, half-width px) of the main summits. snow_line: px above the lake where snow
    begins. haze: how much evening air lies before the range, 0..1.
    """
    ground = _height_field(seed, peaks)
    lit = _sunlight(ground)
    albedo = _rock_and_snow(ground, seed, snow_line)
    cool, warm = np.float32([0.30, 0.40, 0.66]), np.float32([1.75, 1.15, 0.66])
    surface = albedo * (cool + (warm - cool * 0.4) * lit[..., None])
    depth, height, covered = _first_hit(ground)
    cols = np.broadcast_to(np.arange(SHAPE[1]), SHAPE)
    gullies = ridged(SHAPE, (17 * TEXELS, 4.5 * TEXELS), 4, seed + 40)
    colour = surface[depth, cols] * (0.74 + 0.65 * gullies)[..., None]
    air = haze + (0.75 - 0.55 * haze) * np.exp(-height / 13) * haze + 0.10 * depth / _DEPTHS
    return premultiply(mix(colour, HAZE, air.clip(0, 0.94)), covered)


_DEPTHS = 220
_TILT_PX = 0.045
"""How much higher on the screen each step of depth stands."""


def _height_field(seed: int, peaks: list[tuple[float, float, float]]) -> Array:
    """Heights in px, (depth, column); row 0 is nearest the viewer."""
    shape = (_DEPTHS, SHAPE[1])
    u = (np.arange(SHAPE[1]) / TEXELS)[None] - (SHAPE[1] / TEXELS - 320) / 2
    z = np.linspace(0, 1, _DEPTHS)[:, None]
    swell = np.zeros(shape, np.float32)
    for centre, height, width in peaks:
        cone = np.exp(-((np.abs(u - centre) / width) ** 1.25) - ((z - 0.6) / 0.38) ** 2)
        swell = np.maximum(swell, height * cone) + 0.12 * height * cone
    crags = ridged(shape, (75, 46 * TEXELS), 7, seed)
    return (swell * (0.42 + 0.85 * crags)).astype(np.float32)


def _sunlight(ground: Array) -> Array:
    """Direct light in [0, 1]: Lambert from the left and a cast shadow along each row."""
    slope_z, slope_u = np.gradient(ground, 0.55, 1 / TEXELS)
    normal_length = np.sqrt(1 + slope_u**2 + slope_z**2)
    sun = np.float32([-0.78, -0.42, 0.46])
    facing = (-slope_u * sun[0] - slope_z * sun[1] + sun[2]) / normal_length
    ray = ground + np.arange(ground.shape[1]) / TEXELS * 0.42
    below_ray = np.maximum.accumulate(ray, axis=1) - ray
    return smoothstep(0.12, 0.80, facing) * smoothstep(2.4, 0.1, below_ray)


def _rock_and_snow(ground: Array, seed: int, snow_line: float) -> Array:
    grain = fractal(ground.shape, (9, 5 * TEXELS), 4, seed + 20)
    strata = 0.5 + 0.5 * np.sin(ground * 1.1 + 7 * grain)
    rock = mix((0.30, 0.27, 0.29), (0.58, 0.50, 0.47), 0.65 * grain + 0.35 * strata)
    wood = mix((0.04, 0.09, 0.11), (0.22, 0.26, 0.17), smoothstep(0.3, 0.7, grain))
    land = mix(wood, rock, smoothstep(0.30, 0.75, ground / snow_line + 0.35 * (grain - 0.5)))
    steep = np.abs(np.gradient(ground, 0.55, axis=0)) + 0.5 * np.abs(np.gradient(ground, 1 / TEXELS, axis=1))
    snow = smoothstep(-0.12, 0.12, ground / snow_line - 1 + 0.8 * (grain - 0.5) - 0.10 * (steep - 1.2))
    return mix(land, (0.95, 0.96, 1.0), snow)


def _first_hit(ground: Array) -> tuple[Array, Array, Array]:
    """For every texel: the depth index seen there, its height over the lake, and coverage."""
    raised = ground + np.arange(_DEPTHS, dtype=np.float32)[:, None] * _TILT_PX
    silhouette = np.maximum.accumulate(raised, axis=0)
    height = np.broadcast_to(HORIZON + MARGIN_V - np.arange(SHAPE[0])[:, None] / TEXELS, SHAPE)
    hits = [np.searchsorted(silhouette[:, c], height[:, c]) for c in range(SHAPE[1])]
    depth = np.stack(hits, axis=1).clip(0, _DEPTHS - 1)
    return depth, height, smoothstep(-0.4, 0.4, silhouette[-1][None] - height)


def far_bank() -> Array:
    """Wooded shore with a mist line at its foot: canvas (H, W, 4)."""
    u, v = world_grid()
    crowns = _crown_line(u[0])
    height = HORIZON - v
    needles = fractal(SHAPE, (2.2 * TEXELS, 1.6 * TEXELS), 4, seed=88)
    colour = mix((0.05, 0.08, 0.08), (0.26, 0.25, 0.14), smoothstep(0.35, 0.8, needles + height / 60))
    mist = np.exp(-height.clip(0) / 2.6) * 0.50 + 0.05
    colour = mix(colour, HAZE, mist * (0.6 + 0.5 * value_noise(SHAPE, (60, 300), 91)).clip(0, 1))
    waterline = HORIZON + 1.2 + 1.6 * value_noise(SHAPE, (600, 45 * TEXELS), 95)
    strand = smoothstep(1.2, 0.0, waterline - v - 0.2)
    colour = mix(colour, (0.20, 0.15, 0.12), strand * 0.8)
    alpha = smoothstep(-0.35, 0.35, crowns - height) * smoothstep(-0.3, 0.3, waterline - v)
    return premultiply(colour, alpha)


def _crown_line(u: Array) -> Array:
    """Height of the tree tops over the waterline at each u: hundreds of overlapping spires."""
    rng = np.random.default_rng(17)
    top = np.full(u.shape, 2.0)
    hills = 5 + 5 * np.sin(u / 47 + 1) + 4 * np.sin(u / 19 + 2.2)
    for centre in np.arange(-60, 385, 1.15):
        centre += rng.normal(0, 0.6)
        spire = np.interp(centre, u, hills).clip(2) * 0.55 + rng.gamma(3.0, 1.25)
        top = np.maximum(top, spire - np.abs(u - centre) * rng.uniform(2.0, 3.6))
    return top


def lake(scenery: Array) -> Array:
    """The lake, from `scenery` above it: its reflection broken by ripples. Both canvases (H, W, 4).

    Ripples are laid out in perspective: their grain grows with the distance below the horizon.
    """
    u, v = world_grid()
    depth = (v - HORIZON).clip(0.4)
    facet = _facets(u, depth)
    mirrored_v = HORIZON - depth * 1.04 + facet * (1.5 + 0.42 * depth)
    x = (u + facet * 2.0 + (SHAPE[1] / TEXELS - 320) / 2) * TEXELS
    y = (mirrored_v + MARGIN_V) * TEXELS
    reflection = cv2.remap(scenery[..., :3], x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    deep = np.float32([0.04, 0.11, 0.16])
    transparency = smoothstep(0, 95, depth) * 0.55 + 0.10 + 0.22 * smoothstep(0.1, -0.5, facet)
    colour = mix(reflection * (0.94, 0.95, 0.98), deep, transparency.clip(0, 0.9))
    colour += _glitter(u, depth, facet)[..., None] * np.array([1.0, 0.80, 0.50])
    return premultiply(colour, (v > HORIZON - 3).astype(np.float32))


def _facets(u: Array, depth: Array) -> Array:
    """Slope of the water surface, about [-0.6, 0.6]."""
    row = 46 * np.log1p(depth / 7)
    total = np.zeros(SHAPE, np.float32)
    for k, (length, weight) in enumerate([(34, 0.30), (15, 0.34), (7, 0.36)]):
        knots = np.random.default_rng(300 + k).random((400, 400), dtype=np.float32)
        x = (u + 90) / (length * (0.35 + depth / 42)) + 40 + 9 * k
        total += weight * cv2.remap(knots, x, row * (0.35 + 0.25 * k), cv2.INTER_CUBIC, None, cv2.BORDER_WRAP)
    return 2.4 * (total - 0.5)


def _glitter(u: Array, depth: Array, facet: Array) -> Array:
    """The sun's broken path on the water."""
    lane = np.exp(-(((u - SUN[0]) / (9 + 0.30 * depth)) ** 2))
    return lane * smoothstep(0.05, 0.42, facet + 0.18 * lane) * 0.85

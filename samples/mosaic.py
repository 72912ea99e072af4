"""The target picture: a hand-laid mosaic of a breaking wave under a red sun.

Tesserae are laid as in Hausner, "Simulating Decorative Mosaics" (2001): a centroidal Voronoi diagram
under the Manhattan metric of squares turned to follow the design's outlines, never across one.
"""

import cv2
import numpy as np
from curve import catmull_rom
from texture import fractal, smoothstep, soften

Array = np.ndarray

WIDTH, HEIGHT = 384, 288
DENSITY = 3
"""Working texels per pixel of the finished picture."""
TILE = 7.4
"""Side of a tessera, px."""
REACH = int(1.7 * TILE * DENSITY)
"""How far from its site a tessera may extend, texels."""

SKY, SUN, WAVE, FOAM, SWELL, SWELL_FOAM, GULL = range(7)
SUN_CENTRE, SUN_RADIUS = (272.0, 84.0), 36.0

CREST = [
    (-20, 150), (18, 112), (50, 72), (92, 44), (140, 38), (180, 54), (204, 84), (207, 114), (196, 126),
    (184, 108), (166, 98), (146, 108), (137, 134), (146, 168), (176, 198), (218, 212), (262, 204),
    (306, 186), (350, 182), (410, 196), (410, 320), (-20, 320),
]  # fmt: skip
SWELL_LINE = [(-20, 236), (36, 222), (86, 232), (140, 256), (200, 262), (268, 246), (330, 240), (410, 254),
              (410, 320), (-20, 320)]  # fmt: skip
GULLS = [
    [(22, 40), (34, 28), (46, 36), (58, 24), (72, 30), (58, 31), (47, 44), (34, 35)],
    [(322, 26), (332, 18), (340, 24), (350, 15), (361, 20), (350, 21), (341, 30), (332, 24)],
    [(338, 150), (346, 144), (352, 149), (360, 142), (369, 146), (360, 147), (352, 154), (346, 149)],
]


PALETTE = {
    "night": (0.05, 0.08, 0.22),
    "ultramarine": (0.08, 0.17, 0.46),
    "cobalt": (0.12, 0.33, 0.62),
    "teal": (0.06, 0.42, 0.47),
    "turquoise": (0.28, 0.66, 0.64),
    "celadon": (0.66, 0.82, 0.70),
    "mist": (0.60, 0.74, 0.76),
    "ivory": (0.97, 0.94, 0.84),
    "cream": (0.96, 0.86, 0.64),
    "gold": (0.93, 0.70, 0.24),
    "amber": (0.88, 0.49, 0.13),
    "vermilion": (0.82, 0.20, 0.10),
    "oxblood": (0.46, 0.06, 0.09),
}
_SKY_BANDS = "amber gold gold cream cream ivory cream ivory ivory celadon ivory celadon mist"
_WAVE_BANDS = "turquoise teal cobalt ultramarine night ultramarine night night ultramarine"
BANDS = {
    SKY: _SKY_BANDS.split(),
    SUN: ["oxblood", "vermilion", "vermilion", "amber", "gold"],
    WAVE: _WAVE_BANDS.split(),
    FOAM: ["ivory"],
    SWELL: ["cobalt", "ultramarine", "night", "night", "ultramarine"],
    SWELL_FOAM: ["celadon"],
    GULL: ["night"],
}
"""Glazes of every part, from its outline inwards; of the sky, from the sun outwards."""


def mosaic() -> Array:
    """The finished picture: uint8 (288, 384, 3) RGB."""
    design = _design()
    angle = _laying_angle(design)
    tiles = _lay(design, angle)
    picture = _fire_and_light(tiles, _glaze(design, tiles))
    small = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.round(small.clip(0, 1) * 255).astype(np.uint8)


def _design() -> Array:
    """Which part of the picture each working texel belongs to: int (H, W)."""
    design = np.full((HEIGHT * DENSITY, WIDTH * DENSITY), SKY, np.uint8)
    design[_from_sun() < SUN_RADIUS] = SUN
    for gull in GULLS:
        _fill(design, catmull_rom(np.array([*gull, gull[0]]), 12), GULL)
    _fill(design, catmull_rom(np.array(CREST), 12), WAVE)
    _fill_foam(design, WAVE, FOAM, 11)
    _fill(design, catmull_rom(np.array(SWELL_LINE), 12), SWELL)
    _fill_foam(design, SWELL, SWELL_FOAM, 7.5)
    return design


def _fill_foam(design: Array, body: int, foam: int, width: float) -> None:
    """The rim of `body` becomes foam; its inner edge is scalloped."""
    x, y = _grid()
    rim = _depth_inside(design == body) / DENSITY
    scallops = width * (0.75 + 0.35 * np.abs(np.sin((x + 0.6 * y) / 9)))
    design[(design == body) & (rim < scallops) & (y < 262)] = foam


def _laying_angle(design: Array) -> Array:
    """Direction of the rows, radians (H, W): along the nearest outline; in the open sky, round the sun."""
    rows = np.zeros(design.shape, np.float32)
    for part in np.unique(design):
        inside = design == part
        rows[inside] = _depth_inside(inside)[inside]
    open_sky = smoothstep(5 * DENSITY, 16 * DENSITY, rows) * (design == SKY)
    slope_y, slope_x = np.gradient(soften(rows, 2))
    halo_y, halo_x = np.gradient(_from_sun())
    across_y = slope_y * (1 - open_sky) + halo_y * open_sky
    across_x = slope_x * (1 - open_sky) + halo_x * open_sky
    # Doubling the angle makes opposite directions agree before they are averaged.
    double = 2 * np.arctan2(across_y, across_x)
    sin, cos = soften(np.sin(double), 3.5 * DENSITY), soften(np.cos(double), 3.5 * DENSITY)
    return np.arctan2(sin, cos) / 2


def _lay(design: Array, angle: Array) -> Array:
    """Lloyd's iterations: each texel's tessera, int32 (H, W), -1 for none."""
    sites = _scatter(design)
    for _ in range(14):
        tiles = _assign(sites, design, angle)
        sites = _centroids(tiles, sites)
    return _assign(sites, design, angle)


def _scatter(design: Array) -> Array:
    """Starting sites (N, 2), (x, y) in texels: a jittered grid, denser in the narrow parts."""
    rng = np.random.default_rng(2001)
    step = TILE * DENSITY
    y, x = np.mgrid[step / 2 : HEIGHT * DENSITY : step, step / 2 : WIDTH * DENSITY : step]
    sites = np.stack([x.ravel(), y.ravel()], axis=1)
    narrow = np.isin(design, (FOAM, SWELL_FOAM, GULL))[sites[:, 1].astype(int), sites[:, 0].astype(int)]
    sites = np.concatenate([sites, sites[narrow] + step / 2])
    sites = sites + rng.uniform(-0.3, 0.3, sites.shape) * step
    return sites.clip(0, (WIDTH * DENSITY - 1, HEIGHT * DENSITY - 1))


def _assign(sites: Array, design: Array, angle: Array) -> Array:
    """Nearest site by turned-square distance among those in the texel's own part of the design."""
    nearest = np.full(design.shape, 1e9, np.float32)
    tiles = np.full(design.shape, -1, np.int32)
    for i, site in enumerate(sites):
        col, row = site.astype(int)
        window = np.s_[max(row - REACH, 0) : row + REACH, max(col - REACH, 0) : col + REACH]
        distance = _square_distance(site, angle[row, col], window, nearest[window].shape)
        closer = (distance < nearest[window]) & (design[window] == design[row, col])
        nearest[window][closer] = distance[closer]
        tiles[window][closer] = i
    return tiles


def _square_distance(site: Array, turn: float, window: tuple[slice, slice], shape: tuple[int, int]) -> Array:
    """Distance of a window's texels from `site` in the metric of a square turned by `turn` radians."""
    dy = window[0].start + np.arange(shape[0])[:, None] - site[1]
    dx = window[1].start + np.arange(shape[1])[None] - site[0]
    along = np.abs(dx * np.cos(turn) + dy * np.sin(turn))
    across = np.abs(dy * np.cos(turn) - dx * np.sin(turn))
    return np.maximum(along, across) + 0.15 * (along + across)


def _centroids(tiles: Array, sites: Array) -> Array:
    y, x = np.indices(tiles.shape)
    laid = tiles >= 0
    count = np.bincount(tiles[laid], minlength=len(sites))
    sums = [np.bincount(tiles[laid], axis[laid], minlength=len(sites)) for axis in (x, y)]
    centres = np.stack(sums, axis=1) / np.maximum(count, 1)[:, None]
    return np.where(count[:, None] > 0, centres, sites)


def _glaze(design: Array, tiles: Array) -> Array:
    """A colour for every tessera (N, 3), each fired a little apart from its neighbours."""
    rng = np.random.default_rng(7)
    centres = _centroids(tiles, np.zeros((tiles.max() + 1, 2))).astype(int)
    col, row = centres.T
    chosen = zip(centres / DENSITY, design[row, col], _band_depth(design)[row, col], strict=True)
    colours = np.float32([PALETTE[_pick_glaze(rng, *stone)] for stone in chosen])
    value = rng.normal(1.0, 0.13, (len(colours), 1)).clip(0.65, 1.35)
    return (colours * value + rng.normal(0, 0.022, colours.shape)).clip(0.01, 1)


def _pick_glaze(rng: np.random.Generator, centre: Array, part: int, depth: float) -> str:
    """Its band's glaze, now and then a neighbouring band's; the sun's colours where the sea mirrors it."""
    if part in (WAVE, SWELL) and rng.random() < _sun_path(*centre):
        return rng.choice(["vermilion", "amber", "gold"])
    bands = BANDS[int(part)]
    return bands[int(np.clip(depth + rng.normal(0, 0.42), 0, len(bands) - 1))]


def _sun_path(x: float, y: float) -> float:
    """Chance that a stone in the sea at (x, y) px carries the sun's reflection: rows of it, below the sun."""
    half_width = 13 + 0.12 * max(y - 180, 0)
    return 0.95 * np.exp(-(((x - SUN_CENTRE[0]) / half_width) ** 2)) * (np.sin(y / 3.7 + 1) > -0.55)


def _band_depth(design: Array) -> Array:
    """How many colour bands deep each texel lies: from the outline, or from the sun in the sky."""
    depth = np.zeros(design.shape, np.float32)
    for part in (SUN, WAVE, FOAM, SWELL):
        inside = design == part
        depth[inside] = _depth_inside(inside)[inside] / DENSITY / 9.5
    return np.where(design == SKY, (_from_sun() - SUN_RADIUS) / 15, depth)


def _fire_and_light(tiles: Array, colours: Array) -> Array:
    """Cut edges, grout, bevels, the tilt of every stone and the gloss of its glaze: (H, W, 3)."""
    rng = np.random.default_rng(11)
    inset = _inset(tiles)
    tilt = rng.normal(0, 0.24, (len(colours), 2)).astype(np.float32)[tiles]
    crown = smoothstep(0, 2.6 * DENSITY / 3, inset) * 1.7
    rough = fractal(tiles.shape, (7, 7), 4, seed=3)
    slope_y, slope_x = np.gradient(soften(crown + 0.9 * rough, 0.8))
    normal = np.stack([tilt[..., 0] - slope_x, tilt[..., 1] - slope_y, np.ones_like(inset)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    diffuse = (normal @ np.float32([-0.45, -0.60, 0.66])).clip(0, 1)
    gloss = (normal @ np.float32([-0.27, -0.36, 0.89])).clip(0, 1) ** 42
    stone = (
        colours[tiles] * (0.42 + 0.92 * diffuse + 0.30 * (rough - 0.5))[..., None] + 0.20 * gloss[..., None]
    )
    grout = np.float32([0.30, 0.27, 0.24]) * (0.55 + 0.6 * fractal(tiles.shape, (4, 4), 3, seed=9))[..., None]
    face = smoothstep(-0.5, 0.9, inset)[..., None]
    return grout * (1 - face) + stone * face


def _inset(tiles: Array) -> Array:
    """Distance in texels from the edge of each stone, negative in the grout; corners are rounded."""
    joint = np.zeros(tiles.shape, bool)
    joint[:, 1:] |= tiles[:, 1:] != tiles[:, :-1]
    joint[1:] |= tiles[1:] != tiles[:-1]
    away = cv2.distanceTransform((~joint).astype(np.uint8), cv2.DIST_L2, 5)
    chipped = fractal(tiles.shape, (10, 10), 3, seed=19) - 0.5
    return soften(away, 1.3) - 1.9 + 1.5 * chipped


def _depth_inside(mask: Array) -> Array:
    """Distance in texels to the mask's edge; the picture's own border is no edge."""
    return cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)


def _fill(design: Array, outline: Array, part: int) -> None:
    cv2.fillPoly(design, [np.round(outline * DENSITY).astype(np.int32)], part)


def _from_sun() -> Array:
    """Distance in px from the middle of the sun (H, W)."""
    x, y = _grid()
    return np.hypot(x - SUN_CENTRE[0], y - SUN_CENTRE[1])


def _grid() -> tuple[Array, Array]:
    row, col = np.indices((HEIGHT * DENSITY, WIDTH * DENSITY), dtype=np.float32)
    return col / DENSITY, row / DENSITY

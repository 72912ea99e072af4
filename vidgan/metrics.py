"""The figures we report. No pretrained network is needed, and sampling is seeded: the same pictures
give the same figures.

Pictures are uint8 RGB (H, W, 3). Where patches are compared the two may differ in size.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidgan.resample import warp_array

Picture = NDArray[np.uint8]
Flow = NDArray[np.float32]
Motion = Callable[[Picture, Picture], Flow]
"""Pictures a, b to the flow from a to b, (H, W, 2) in pixels."""

_PROJECTIONS = 128
_QUANTILES = np.linspace(0, 1, 2048)
_MOST_PATCHES = 20_000
# A frame with fewer steady pixels than this says nothing about flicker.
_FEWEST_PIXELS = 100


def appearance(out: Picture, target: Picture) -> float:
    """Sliced Wasserstein distance of 7x7 patches in [0, 1], mean over sizes 1, 1/2, 1/4. Lower is better."""
    random = np.random.default_rng(0)
    distances = []
    for scale in (1.0, 0.5, 0.25):
        directions = _unit_directions(random, patch=7)
        ours, theirs = (_sliced(_shrunk(_unit_range(x), scale), directions) for x in (out, target))
        distances.append(np.abs(ours - theirs).mean())
    return float(np.mean(distances))


def coherence(out: Picture, target: Picture) -> float:
    """RMS distance, in 8-bit levels, of 7x7 patches of out to their nearest in target. Lower is better.

    Every patch looks taken from the target. Mean of 2,000 patches at sizes 1 and 1/2.
    """
    return _nearest_patches(out, target, patch=7, count=2000)


def completeness(out: Picture, target: Picture) -> float:
    """coherence the other way round: does out show all that target has? Lower is better."""
    return coherence(target, out)


def shape(out: Picture, target: Picture) -> float:
    """Coherence of 15x15 patches after out has taken target's mean and spread. Lower is better.

    Are the things the target's, whatever the palette?
    """
    return _nearest_patches(_with_palette_of(target, out), target, patch=15, count=800)


def structure(out: Picture, source: Picture) -> float:
    """|Pearson correlation| of the two luminances, blurred by 4% of the short side. 1 is the same layout.

    The sign is dropped: a bright flame may become dark tiles.
    """
    if out.shape != source.shape:
        out = _resized(out, source.shape[1::-1])
    ours, theirs = (_layout(x).ravel() for x in (out, source))
    return float(abs(np.corrcoef(ours, theirs)[0, 1]))


def detail(out: Picture, target: Picture) -> float:
    """Mean absolute Laplacian of out over that of target. 1: as crisp as the target; inf: that is flat."""
    theirs = _crispness(target)
    return _crispness(out) / theirs if theirs else float("inf")


def e_warp(frames: Iterable[Picture], source: Iterable[Picture], motion: Motion | None = None) -> float:
    """Flicker: mean squared difference, in [0, 1], of a frame and its predecessor brought to it.

    The motion is the source's (motion, or DIS, medium), over pixels that pass a forward-backward check.
    frames and source are of the same length and size, and are read once. Lower is steadier; nan where
    no pair of frames can be compared.
    """
    errors = [error for error in frame_e_warps(frames, source, motion) if not np.isnan(error)]
    return float(np.mean(errors)) if errors else float("nan")


def frame_e_warps(
    frames: Iterable[Picture], source: Iterable[Picture], motion: Motion | None = None
) -> Iterator[float]:
    """e_warp of each frame but the first with its predecessor; nan where too little stays in sight."""
    measure = motion or dis_motion()
    pairs = zip(frames, source, strict=True)
    for (previous, previous_source), (current, current_source) in pairwise(pairs):
        yield step_e_warps(previous_source, current_source, [(previous, current)], measure)[0]


def step_e_warps(
    previous: Picture, current: Picture, pairs: Iterable[tuple[Picture, Picture]], motion: Motion
) -> list[float]:
    """e_warp of each pair of pictures along the motion between two source frames; nan as in frame_e_warps."""
    back, forth = motion(current, previous), motion(previous, current)
    steady = _comes_home(back, forth)
    if steady.sum() <= _FEWEST_PIXELS:
        return [float("nan") for _ in pairs]
    return [_difference(before, after, back, steady) for before, after in pairs]


def dis_motion() -> Motion:
    """DIS, medium: for one thread."""
    dis: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return lambda a, b: dis.calc(_grey(a), _grey(b), None)


def psnr(a: NDArray, b: NDArray) -> float:
    """Peak signal to noise in dB for 8-bit pictures of the same size; 148 where they are equal."""
    error = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    return float(10 * np.log10(255**2 / max(error, 1e-10)))


def _unit_directions(random: np.random.Generator, patch: int) -> NDArray[np.float64]:
    """(128, patch * patch * 3) random directions of length 1."""
    directions = random.standard_normal((_PROJECTIONS, patch, patch, 3))
    lengths = np.sqrt((directions**2).sum((1, 2, 3), keepdims=True))
    return (directions / lengths).reshape(_PROJECTIONS, -1)


def _sliced(image: NDArray[np.float32], directions: NDArray[np.float64]) -> NDArray:
    """Quantiles of image's patches along each direction: (2048, 128)."""
    windows = _windows(image, patch=7).transpose(0, 1, 3, 4, 2)  # colours last, as directions have them
    patches = _sampled(windows.reshape(-1, directions.shape[1]), _MOST_PATCHES, seed=1)
    return np.quantile(directions @ patches.T, _QUANTILES, axis=1)


def _nearest_patches(out: Picture, target: Picture, patch: int, count: int) -> float:
    distances = []
    for scale in (1.0, 0.5):
        ours, theirs = (_shrunk(x, scale) for x in (out, target))
        asked = _flat_patches(ours, patch, count)
        known = _flat_patches(theirs, patch, 40_000)
        distances.append(_distance_to_nearest(asked, known).mean())
    return float(np.mean(distances))


def _distance_to_nearest(asked: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray:
    """(N, D), (M, D) to (N,): root mean square over D."""
    squared = (asked**2).sum(1)[:, None] + (known**2).sum(1)[None] - 2 * asked @ known.T
    return np.sqrt(np.maximum(squared.min(1), 0) / asked.shape[1])


def _flat_patches(image: NDArray, patch: int, most: int) -> NDArray[np.float32]:
    windows = _windows(image.astype(np.float32), patch)
    return _sampled(windows.reshape(-1, patch * patch * 3), most, seed=2)


def _windows(image: NDArray, patch: int) -> NDArray:
    """Every patch of image: (H - patch + 1, W - patch + 1, 3, patch, patch)."""
    if min(image.shape[:2]) < patch:
        height, width = image.shape[:2]
        raise ValueError(f"a picture of {width}x{height} (after shrinking) has no {patch}x{patch} patch")
    return np.lib.stride_tricks.sliding_window_view(image, (patch, patch), (0, 1))


def _sampled(patches: NDArray, most: int, seed: int) -> NDArray:
    if len(patches) <= most:
        return patches
    return patches[np.random.default_rng(seed).choice(len(patches), most, replace=False)]


def _unit_range(picture: Picture) -> NDArray[np.float32]:
    return picture.astype(np.float32) / np.float32(255)


def _shrunk(image: NDArray, scale: float) -> NDArray:
    if scale == 1:
        return image
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _resized(picture: Picture, size: tuple[int, ...]) -> Picture:
    return cv2.resize(picture, (size[0], size[1]), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _with_palette_of(target: Picture, out: Picture) -> Picture:
    ours, theirs = out.astype(np.float32), target.astype(np.float32)
    unit = (ours - ours.mean((0, 1))) / (ours.std((0, 1)) + 1e-3)
    moved = unit * theirs.std((0, 1)) + theirs.mean((0, 1))
    return np.clip(moved, 0, 255).astype(np.uint8)


def _layout(picture: Picture) -> NDArray[np.float32]:
    grey = _grey(picture).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.04 * min(grey.shape)), np.float32)


def _crispness(picture: Picture) -> float:
    return float(np.abs(cv2.Laplacian(_grey(picture).astype(np.float32), cv2.CV_32F)).mean())


def _grey(picture: Picture) -> NDArray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def _difference(before: Picture, after: Picture, back: Flow, steady: NDArray[np.bool_]) -> float:
    moved = warp_array(before.astype(np.float32), back)
    squared = ((after.astype(np.float32) - moved) / 255) ** 2
    return float(squared.mean(-1)[steady].mean())


def _comes_home(back: Flow, forth: Flow) -> NDArray[np.bool_]:
    """Where the way back and the way forth from there cancel (Sundaram et al. 2010, eq. 5): (H, W)."""
    way_forth = warp_array(forth, back)
    miss = ((way_forth + back) ** 2).sum(-1)
    return miss <= 0.01 * ((way_forth**2).sum(-1) + (back**2).sum(-1)) + 0.5

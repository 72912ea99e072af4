"""One cheap pass over a clip: where its shots begin, and which frame stands for all of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from vidgan.resample import eight_bit

# Cuts are found at this width; PySceneDetect itself works at about 256.
_DETECTION_WIDTH = 256
# The layout of a frame, and its colours wherever they stand.
_THUMBNAIL = (16, 9)
_BINS = (8, 6, 6)
_COLOUR_WEIGHT = 0.25
# A longer clip is thinned evenly to between half as many descriptors and this many.
_MOST_DESCRIPTORS = 1024
# Frames to either side that AdaptiveDetector compares with, each with the one before it.
_NEIGHBOURS = 2
CUT_MARGIN = 2 * _NEIGHBOURS + 1
_MOST_VARIED = 16


class Picture(Protocol):
    """A decoded frame as far as a survey needs it; vidgan.media's Frame is one."""

    @property
    def index(self) -> int: ...
    @property
    def pixels(self) -> NDArray: ...


@dataclass(frozen=True)
class Survey:
    """What one pass found.

    representative: index of the frame closest to all others. cuts: indices of the frames that begin
    a shot, in order, without the first frame of the clip. frame_count: frames seen. varied: indices of
    a few other frames, each as unlike the representative and those before it as the clip has.
    """

    representative: int
    cuts: tuple[int, ...]
    frame_count: int
    varied: tuple[int, ...] = ()


def survey(frames: Iterable[Picture], cut_threshold: float = 3.0) -> Survey:
    """Look at every frame once; memory does not grow with the clip.

    frames: RGB, consecutive. cut_threshold: how many times more than its neighbours a
    frame must change to begin a shot (PySceneDetect's AdaptiveDetector). Raises ValueError where
    there are no frames.
    """
    gallery, cuts = _Gallery(), _CutFinder(cut_threshold)
    first, count = 0, 0
    for frame in frames:
        first = frame.index if not count else first
        small = _small(frame.pixels)
        gallery.add(frame.index, small)
        cuts.add(small)
        count += 1
    if not count:
        raise ValueError("there are no frames to survey")
    representative, varied = gallery.choose()
    return Survey(representative, cuts.found(first), count, varied)


def find_cuts(frames: Iterable[Picture], cut_threshold: float = 3.0) -> tuple[int, ...]:
    """The cuts of a survey alone.

    Of a part of a clip those at least CUT_MARGIN frames inside are the whole's; nearer to its ends some may
    differ.
    """
    cuts, first = _CutFinder(cut_threshold), None
    for frame in frames:
        first = frame.index if first is None else first
        cuts.add(_small(frame.pixels))
    return () if first is None else cuts.found(first)


class _CutFinder:
    """PySceneDetect's AdaptiveDetector, fed picture by picture.

    It judges a frame by those on either side, so that fast motion is no cut. The first and the last
    picture are held for as long as it looks, else a cut right beside them would go unseen.
    """

    def __init__(self, threshold: float) -> None:
        from scenedetect.detectors import AdaptiveDetector

        self._detector: Any = AdaptiveDetector(threshold, min_scene_len=1, window_width=_NEIGHBOURS)
        self._shown = 0
        self._positions: list[int] = []

    def add(self, small: NDArray[np.uint8]) -> None:
        if not self._shown:
            self._show(small, times=_NEIGHBOURS)
        self._show(small)
        self._last = small

    def found(self, first_index: int) -> tuple[int, ...]:
        """The cuts, once every picture was added; first_index is that of the first picture."""
        self._show(self._last, times=_NEIGHBOURS)
        return tuple(first_index + position - _NEIGHBOURS for position in self._positions)

    def _show(self, small: NDArray[np.uint8], times: int = 1) -> None:
        from scenedetect import FrameTimecode

        for _ in range(times):
            # Only frame numbers count here, so the rate is as good as any.
            position = FrameTimecode(self._shown, 25.0)
            found = self._detector.process_frame(position, cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
            self._positions += [cut.frame_num for cut in found]
            self._shown += 1


class _Gallery:
    """Descriptors of frames, evenly spaced over the clip however long it turns out to be."""

    def __init__(self) -> None:
        self._descriptors: list[tuple[int, NDArray[np.float16]]] = []
        self._stride = 1
        self._seen = 0

    def add(self, index: int, small: NDArray[np.uint8]) -> None:
        if self._seen % self._stride == 0:
            self._descriptors.append((index, _descriptor(small)))
        self._seen += 1
        if len(self._descriptors) > _MOST_DESCRIPTORS:
            self._descriptors = self._descriptors[::2]
            self._stride *= 2

    def choose(self) -> tuple[int, tuple[int, ...]]:
        """Index of the frame whose distances to all others sum to the least; the earliest of equals.

        And up to _MOST_VARIED others, each the farthest from all chosen before it (Gonzalez 1985).
        """
        points = np.stack([descriptor for _, descriptor in self._descriptors]).astype(np.float64)
        squares = (points**2).sum(1)
        squared = squares[:, None] + squares[None] - 2 * points @ points.T
        # Rounding, so that equal frames tie whatever the order of summation.
        distances = np.sqrt(np.maximum(squared, 0)).round(6)
        chosen = [int(distances.sum(1).round(6).argmin())]
        nearest = distances[chosen[0]].copy()
        nearest[chosen[0]] = -1
        while len(chosen) <= _MOST_VARIED and nearest.max() >= 0:
            chosen.append(int(nearest.argmax()))
            nearest = np.minimum(nearest, distances[chosen[-1]])
            nearest[chosen[-1]] = -1
        medoid, *varied = (self._descriptors[position][0] for position in chosen)
        return medoid, tuple(varied)


def _small(pixels: NDArray) -> NDArray[np.uint8]:
    scale = min(1.0, _DETECTION_WIDTH / pixels.shape[1])
    size = (round(pixels.shape[1] * scale), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(eight_bit(pixels), size, interpolation=cv2.INTER_AREA), np.uint8)


def _descriptor(small: NDArray[np.uint8]) -> NDArray[np.float16]:
    """Layout and colours, weighted so that two unlike frames are about as far apart in either."""
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) / 100
    thumbnail = cv2.resize(lab, _THUMBNAIL, interpolation=cv2.INTER_AREA).ravel()
    layout = thumbnail / np.sqrt(thumbnail.size / 3)
    return np.concatenate([layout, _COLOUR_WEIGHT * _colours(lab)]).astype(np.float16)


def _colours(lab: NDArray) -> NDArray[np.float64]:
    """Square roots of the colour histogram's shares, whose distance is Hellinger's."""
    ranges = ((0, 1.0001), (-1, 1), (-1, 1))
    counts, _ = np.histogramdd(lab.reshape(-1, 3), bins=_BINS, range=ranges)
    return np.sqrt(counts.ravel() / max(counts.sum(), 1))

"""Chroma brought up to luma's size and down again, so that the way there and back changes nothing.

Each pair of filters is biorthogonal (Cohen, Daubechies & Feauveau 1992): brought up and down again, every
sample is what it was, borders included, and what comes down from a picture of our own is low-passed.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

# Half way between samples: Deslauriers & Dubuc's four points.
_BETWEEN = np.array([[-1, 9, 9, -1]], np.float32) / 16
_SHARED = np.array([[1, 1]], np.float32) / 4
_SLOPE = np.array([[1, 0, -1]], np.float32) / 8


def chroma_rows(rows: slice, height: int, steps: int) -> slice:
    """Which of a plane's rows are needed for some of luma's: those that lie there, and their neighbours."""
    return slice(max(0, (rows.start >> steps) - 1), min(height, _halved(rows.stop, steps) + 1))


def enlarge(
    plane: Plane, rows: slice, size: tuple[int, ...], steps: tuple[int, int], centred: bool, out: Plane
) -> None:
    """Fill out with rows of a chroma plane at luma's size = (H, W).

    plane: its chroma_rows. rows: of luma, from a multiple of 16. steps: how many times the height and the
    width are halved in the plane (4:2:0 is (1, 1)). centred: whether samples lie between luma columns (JPEG)
    and not on the even ones (MPEG-2 and later); rows always between.
    """
    for step in reversed(range(steps[1])):
        plane = (_spread if centred else _interpolated)(plane, _halved(size[1], step))
    first = max(0, (rows.start >> steps[0]) - 1) << steps[0]  # of luma, where the plane begins
    last = min(size[0], rows.stop + (1 << steps[0]))
    for step in reversed(range(1, steps[0])):
        taller = np.empty((_halved(last - first, step), plane.shape[1]), np.float32)
        _spread_rows(plane, 0, taller)
        plane = taller
    if steps[0]:
        _spread_rows(plane, (rows.start - first) // 2, out)
    else:
        out[:] = plane[rows.start - first :][: len(out)]


def fewer_rows(plane: Plane, steps: int) -> Plane:
    """The other way, rows first: halved so many times."""
    for _ in range(steps):
        plane = _averaged_rows(plane)
    return plane


def fewer_columns(plane: Plane, steps: int) -> Plane:
    """Columns halved so many times; samples on the even ones."""
    for _ in range(steps):
        plane = _decimated(plane)
    return plane


def _halved(length: int, times: int) -> int:
    """Odd lengths are halved up."""
    return -(-length // 2**times)


def _interpolated(plane: Plane, width: int) -> Plane:
    """Twice as many columns: the samples themselves, and what lies between them."""
    between = cv2.filter2D(plane, -1, _BETWEEN, anchor=(1, 0), borderType=cv2.BORDER_REPLICATE)
    return _woven(plane, between, width)


def _decimated(plane: Plane) -> Plane:
    """Undoes _interpolated by lifting: half of what odd columns add to their prediction is shared out."""
    even, odd = _unwoven(plane)
    odd -= cv2.filter2D(even, -1, _BETWEEN, anchor=(1, 0), borderType=cv2.BORDER_REPLICATE)
    if plane.shape[1] % 2:
        odd[:, -1] = 0  # there is no such column
    even += cv2.filter2D(odd, -1, _SHARED, anchor=(1, 0), borderType=cv2.BORDER_REPLICATE)
    return even


def _spread(plane: Plane, width: int) -> Plane:
    """Twice as many columns, two for each sample, whose mean is the sample."""
    slope = cv2.filter2D(plane, -1, _SLOPE, borderType=cv2.BORDER_REPLICATE)
    if width % 2:
        slope[:, -1] = 0
    return _woven(plane + slope, plane - slope, width)


def _spread_rows(plane: Plane, first: int, out: Plane) -> None:
    """Two rows for each from `first` on, as many as there are in out."""
    slope = cv2.filter2D(plane, -1, _SLOPE.T, borderType=cv2.BORDER_REPLICATE)
    upper, lower = (len(out) + 1) // 2, len(out) // 2
    plane, slope = plane[first : first + upper], slope[first : first + upper]
    if upper > lower:
        slope[-1] = 0
    np.add(plane, slope, out=out[0::2])
    np.subtract(plane[:lower], slope[:lower], out=out[1::2])


def _averaged_rows(plane: Plane) -> Plane:
    if len(plane) < 2:
        return plane
    paired = cv2.addWeighted(plane[0 : len(plane) // 2 * 2 : 2], 0.5, plane[1::2], 0.5, 0)
    return np.asarray(paired if len(plane) % 2 == 0 else np.vstack([paired, plane[-1:]]), np.float32)


def _woven(even: NDArray, odd: NDArray, width: int) -> Plane:
    """Columns in turn from one and the other."""
    both = cv2.merge([even, odd]).reshape(len(even), -1)
    return np.ascontiguousarray(both[:, :width], np.float32)


def _unwoven(plane: Plane) -> tuple[Plane, Plane]:
    """Even and odd columns; the last repeated where there is no odd one."""
    if plane.shape[1] % 2:
        plane = np.hstack([plane, plane[:, -1:]])
    height, width = plane.shape
    even, odd = cv2.split(np.ascontiguousarray(plane).reshape(height, width // 2, 2))
    return np.asarray(even, np.float32), np.asarray(odd, np.float32)

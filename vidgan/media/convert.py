"""Decoded frames to float RGB and back to an encoder's frames, exactly.

All is affine, in float32, and nothing is clipped before it is stored: luma brighter than white, and colours
that RGB has no place for, come back as they were. Chroma goes up and down by filters that undo each other.
"""

import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from vidgan.media.chroma import chroma_rows, enlarge, fewer_columns, fewer_rows
from vidgan.media.colour import YCGCO, Colour, luma_shares
from vidgan.media.planes import Layout, layout_of, plain_format, planes

Planar = NDArray[np.float32]

_STRIP = 2**17  # samples of a plane


class ToRGB:
    """Turns a stream's decoded frames into float RGB; one instance for a stream.

    codec: its name; JPEG alone puts its chroma samples between the luma samples.
    """

    def __init__(self, colour: Colour, *, codec: str = "") -> None:
        self._colour = colour
        self._centred = codec == "mjpeg"
        self._unpack = _Unpack()
        self._frames, self._strip = _Memory(), _Memory()

    def __call__(self, frame: VideoFrame) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Returns (H, W, 3), -1 black and 1 white of the stream's range, and (H, W) alpha in 0..1, or None.

        The pixels are a view of three planes, so that they become a tensor without being moved.
        """
        plain = self._unpack(frame)
        layout, stored = layout_of(plain.format.name), planes(plain)
        alpha = _scaled(stored[-1], 1 / layout.largest, 0) if layout.alpha else None
        if layout.kind == "gray":
            grey = _scaled(stored[0], *_inverse(*_signed(_luma_code(layout, self._colour))))
            return np.repeat(grey[None], 3, 0).transpose(1, 2, 0), alpha
        made = self._frames.of((3, plain.height, plain.width))
        if layout.kind == "rgb":
            for plane, channel in zip(stored, (1, 2, 0), strict=False):  # stored as G, B, R
                _scaled(plane, 2 / layout.largest, -1, out=made[channel])
        else:
            self._fill(made, stored, layout)
        return made.transpose(1, 2, 0), alpha

    def _fill(self, made: Planar, stored: list[NDArray], layout: Layout) -> None:
        """RGB of Y', Cb and Cr, strip by strip."""
        matrix = _to_rgb(self._colour.matrix, self._colour.primaries)
        luma = _inverse(*_signed(_luma_code(layout, self._colour)))
        chroma = _inverse(*_chroma_code(layout, self._colour))
        size = made.shape[1:]
        for rows in _strips(size):
            strip = self._strip.of((3, rows.stop - rows.start, size[1]))
            _scaled(stored[0][rows], *luma, out=strip[0])
            for plane, out in zip(stored[1:3], strip[1:], strict=True):
                needed = chroma_rows(rows, plane.shape[0], layout.steps[0])
                enlarge(_scaled(plane[needed], *chroma), rows, size, layout.steps, self._centred, out)
            for shares, plane in zip(matrix, made, strict=True):
                _summed(strip, shares, plane[rows])


class FromRGB:
    """Turns float RGB into frames in an encoder's pixel format, matrix and range."""

    def __init__(self, colour: Colour, pix_fmt: str) -> None:
        self._colour = colour
        self._pix_fmt = pix_fmt
        self._layout = layout_of(plain_format(pix_fmt))
        self._pack = VideoReformatter()

    def __call__(self, pixels: NDArray, alpha: NDArray | None = None) -> VideoFrame:
        """pixels: (H, W, 3), float32 from -1 to 1, or uint8 or uint16. alpha: (H, W) float32 in 0..1.

        Where the format stores alpha and none is given, all is opaque.
        """
        layout, (height, width) = self._layout, pixels.shape[:2]
        frame = VideoFrame(width, height, layout.name)
        stored, rgb = planes(frame), planar(pixels)
        if layout.kind == "rgb":
            for plane, channel in zip(stored, (1, 2, 0), strict=False):
                _store(rgb[channel], *_signed((layout.largest, 0)), layout, plane)
        else:
            self._store_components(rgb, stored, layout)
        if layout.alpha:
            opaque = np.ones((height, width), np.float32) if alpha is None else alpha
            _store(opaque, layout.largest, 0, layout, stored[-1])
        return frame if layout.name == self._pix_fmt else self._pack.reformat(frame, format=self._pix_fmt)

    def _store_components(self, rgb: Planar, stored: list[NDArray], layout: Layout) -> None:
        """Strip by strip."""
        matrix = _from_rgb(self._colour.matrix, self._colour.primaries)
        luma, chroma = _signed(_luma_code(layout, self._colour)), _chroma_code(layout, self._colour)
        for rows in _strips(rgb.shape[1:]):
            _store(_summed(rgb[:, rows], matrix[0]), *luma, layout, stored[0][rows])
            if layout.kind == "gray":
                continue
            low = [fewer_rows(plane[rows], layout.steps[0]) for plane in rgb]
            first = rows.start >> layout.steps[0]
            for shares, plane in zip(matrix[1:], stored[1:3], strict=True):
                part = fewer_columns(_summed(low, shares), layout.steps[1])
                _store(part, *chroma, layout, plane[first : first + len(part)])


def planar(pixels: NDArray) -> Planar:
    """(H, W, 3) of any kind of pixels to three planes of floats, (3, H, W); no copy where it is that."""
    return np.ascontiguousarray(as_float(pixels).transpose(2, 0, 1))


def planewise(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same (H, W, 3), as a view of three planes."""
    return planar(pixels).transpose(1, 2, 0)


def as_float(values: NDArray) -> NDArray[np.float32]:
    """uint8 and uint16 to -1..1; floats as they are."""
    if values.dtype == np.float32:
        return values
    if values.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"expected float32, uint8 or uint16 pixels, got {values.dtype}")
    return values.astype(np.float32) * np.float32(2 / np.iinfo(values.dtype).max) - 1


class _Memory:
    """Arrays that are used again once nobody looks at them: fresh pages cost a third of a frame's time.

    For one thread; who was given an array keeps it for as long as a view of it lives.
    """

    def __init__(self) -> None:
        self._known: list[Planar] = []

    def of(self, shape: tuple[int, ...]) -> Planar:
        self._known = [array for array in self._known if array.shape == shape]
        array = _unseen(self._known)
        if array is None:
            array = np.empty(shape, np.float32)
            self._known.append(array)
        return array


def _unseen(known: list[Planar], references: int | None = None) -> Planar | None:
    """The first that nothing but the list refers to; how many references that is differs between Pythons."""
    references = _REFERENCES if references is None else references
    for array in known:
        if sys.getrefcount(array) <= references:
            return array
    return None


# Of an array that only a list holds, counted by the very code that asks.
_REFERENCES = next(n for n in range(1, 20) if _unseen([np.empty(0, np.float32)], n) is not None)


class _Unpack:
    """Packed, palette and big-endian formats to planes: bits are moved, none is changed."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        plain = plain_format(frame.format.name)
        return frame if frame.format.name == plain else self._reformatter.reformat(frame, format=plain)


def _luma_code(layout: Layout, colour: Colour) -> tuple[float, float]:
    """How Y' in 0..1 is stored: times the first, plus the second (ITU-T H.273, eq. 20 and 26)."""
    if layout.floating or colour.full:
        return layout.largest, 0
    return 219 * 2 ** (layout.bits - 8), 16 * 2 ** (layout.bits - 8)


def _chroma_code(layout: Layout, colour: Colour) -> tuple[float, float]:
    """How Cb and Cr are stored (eq. 21 and 27); of colours in -1..1 they are in -1..1, too."""
    middle = 2 ** (layout.bits - 1)
    return (layout.largest if colour.full else 224 * 2 ** (layout.bits - 8)) / 2, middle


def _signed(code: tuple[float, float]) -> tuple[float, float]:
    """The same of a value in -1..1."""
    return code[0] / 2, code[1] + code[0] / 2


def _inverse(factor: float, offset: float) -> tuple[float, float]:
    return 1 / factor, -offset / factor


def _scaled(plane: NDArray, factor: float, offset: float, out: Planar | None = None) -> Planar:
    """plane * factor + offset, as floats."""
    return np.asarray(cv2.addWeighted(plane, factor, plane, 0, offset, dst=out, dtype=cv2.CV_32F), np.float32)


def _store(values: Planar, factor: float, offset: float, layout: Layout, plane: NDArray) -> None:
    """values * factor + offset, rounded and held within what the samples can say."""
    if layout.floating:
        plane[:] = values * np.float32(factor) + np.float32(offset)
        return
    if layout.bits == 8:
        cv2.addWeighted(values, factor, values, 0, offset, dst=plane, dtype=cv2.CV_8U)
        return
    rounded = cv2.addWeighted(values, factor, values, 0, offset, dtype=cv2.CV_16U)
    np.minimum(rounded, layout.dtype(layout.largest), out=plane)


def _summed(parts: Iterable[NDArray], shares: NDArray[np.float32], out: NDArray | None = None) -> NDArray:
    """A share of every plane; of three planes, in a fixed order, which BLAS does not promise."""
    counted = [(plane, share) for plane, share in zip(parts, shares.tolist(), strict=True) if share]
    (first, a), (second, b), *rest = counted
    if a == 1:
        total = cv2.scaleAdd(second, b, first, dst=out)
    else:
        total = cv2.addWeighted(first, a, second, b, 0, dst=out)
    for third, c in rest:
        total = cv2.scaleAdd(third, c, total, dst=total)
    return total


def _strips(size: tuple[int, ...]) -> Iterator[slice]:
    """Rows that are worked on together, so that they stay in a core's cache; each begins a chroma row."""
    height, width = size
    many = max(16, _STRIP // width // 16 * 16)
    return (slice(first, min(first + many, height)) for first in range(0, height, many))


@lru_cache
def _from_rgb(matrix: int, primaries: int) -> NDArray[np.float32]:
    """R'G'B' to Y', Cb, Cr (ITU-T H.273, eq. 38 to 40; YCgCo, eq. 44 to 46)."""
    if matrix == YCGCO:
        return np.array([[0.25, 0.5, 0.25], [-0.25, 0.5, -0.25], [0.5, 0, -0.5]], np.float32)
    red, blue = luma_shares(matrix, primaries)
    luma = np.array([red, 1 - red - blue, blue])
    cb = (np.array([0, 0, 1]) - luma) / (2 * (1 - blue))
    cr = (np.array([1, 0, 0]) - luma) / (2 * (1 - red))
    return np.stack([luma, cb, cr]).astype(np.float32)


@lru_cache
def _to_rgb(matrix: int, primaries: int) -> NDArray[np.float32]:
    return np.linalg.inv(_from_rgb(matrix, primaries).astype(np.float64)).astype(np.float32)

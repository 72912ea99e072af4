"""A frame's planes as arrays: the formats taken as they are, and what others are unpacked into."""

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from numpy.typing import NDArray

# Planes of whole samples in this machine's byte order, least significant bits first.
_PLAIN = re.compile(r"(yuvj?4|yuva4)\d\dp(\d+le)?|gbra?p(\d+le|f32le)?|gray(\d+le|f32le)?")
_SUBSAMPLED = {(0, 0): "444", (0, 1): "422", (1, 1): "420", (1, 0): "440", (0, 2): "411", (2, 2): "410"}


@dataclass(frozen=True)
class Layout:
    """How a pixel format of planes stores a picture.

    bits: of a sample, 32 where they are floats. kind: "yuv", "rgb" or "gray". steps: how many times chroma's
    height and width are halved. alpha: whether the last plane is how opaque the picture is.
    """

    name: str
    kind: str
    bits: int
    steps: tuple[int, int]
    alpha: bool

    @property
    def subsampling(self) -> str:
        """As in 4:2:0; of YUV alone."""
        return _SUBSAMPLED[self.steps]

    @property
    def floating(self) -> bool:
        return self.bits == 32

    @property
    def largest(self) -> int:
        """The value of full white, and of fully opaque."""
        return 1 if self.floating else 2**self.bits - 1

    @property
    def dtype(self) -> type[np.generic]:
        if self.floating:
            return np.float32
        return np.uint8 if self.bits == 8 else np.uint16


@lru_cache
def layout_of(pix_fmt: str) -> Layout:
    """Of a pixel format of planes. Raises ValueError for any other: see plain_format."""
    if not _PLAIN.fullmatch(pix_fmt):
        raise ValueError(f"{pix_fmt} is not stored as plain planes")
    found = VideoFormat(pix_fmt)
    kind = "gray" if pix_fmt.startswith("gray") else "rgb" if found.is_rgb else "yuv"
    return Layout(pix_fmt, kind, found.components[0].bits, subsampling(found), has_alpha(found))


@lru_cache
def plain_format(pix_fmt: str) -> str:
    """The format of planes that holds all of a packed, palette or big-endian one.

    Raises ValueError where there is none that swscale unpacks it into.
    """
    if _PLAIN.fullmatch(pix_fmt):
        return pix_fmt
    found = VideoFormat(pix_fmt)
    alpha, bits = has_alpha(found), bit_depth(found)
    if not found.components or pix_fmt.startswith("yaf"):  # a GPU's own; one that aborts swscale
        raise ValueError(f"{pix_fmt} cannot be unpacked")
    if _is_colour_difference(found):
        stem = f"yuv{'a' * alpha}{_SUBSAMPLED.get(subsampling(found), '444')}p"
    elif len(found.components) == 1 and not found.has_palette and not found.is_rgb:
        stem = "gray"
    else:
        stem = f"gbr{'a' * alpha}p"
    return next(name for name in map(stem.__add__, _depths_from(bits)) if _exists(name))


def planes(frame: VideoFrame) -> list[NDArray]:
    """Views of a frame's planes, (H, W) each, chroma smaller; they hold the frame's memory."""
    layout = layout_of(frame.format.name)
    return [
        np.frombuffer(memoryview(plane), layout.dtype).reshape(plane.height, -1)[:, : plane.width]
        for plane in frame.planes
    ]


def bit_depth(pix_fmt: VideoFormat) -> int:
    """Bits of the deepest colour component; 32 of floats, whatever they are stored as."""
    if "f16" in pix_fmt.name or "f32" in pix_fmt.name:
        return 32
    if pix_fmt.has_palette or pix_fmt.name.startswith("bayer"):  # theirs count something else
        return 16 if "16" in pix_fmt.name else 8
    return max((part.bits for part in pix_fmt.components if not part.is_alpha), default=8)


def has_alpha(pix_fmt: VideoFormat) -> bool:
    return any(part.is_alpha for part in pix_fmt.components) or pix_fmt.name in ("pal8", "ayuv64le")


def subsampling(pix_fmt: VideoFormat) -> tuple[int, int]:
    """How many times the height and the width are halved for chroma."""
    if not _is_colour_difference(pix_fmt):
        return (0, 0)
    return 64 // pix_fmt.chroma_height(64) // 2, 64 // pix_fmt.chroma_width(64) // 2


def _is_colour_difference(pix_fmt: VideoFormat) -> bool:
    colours = sum(not part.is_alpha for part in pix_fmt.components)
    return colours == 3 and not pix_fmt.is_rgb and not pix_fmt.name.startswith("xyz")


def _depths_from(bits: int) -> list[str]:
    known = {8: "", 9: "9le", 10: "10le", 12: "12le", 14: "14le", 16: "16le", 32: "f32le"}
    return [ending for depth, ending in known.items() if depth >= bits]


def _exists(pix_fmt: str) -> bool:
    try:
        VideoFormat(pix_fmt)
    except ValueError:
        return False
    return True

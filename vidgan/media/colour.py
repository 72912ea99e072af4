"""Colour: what a stream's tags say, and exact conversion between its pixels and RGB.

Untagged YUV is BT.601, limited range: what ffmpeg and players assume. It is encoded with the same matrix and
left untagged, so what comes back is what went in.
"""

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from vidgan.errors import MediaError

# Codes of ISO/IEC 23091-2 (the same in H.264, HEVC, MP4 and Matroska, and in FFmpeg).
UNSPECIFIED = 2
MATRIX_RGB = 0
BT709 = 1
RANGE_UNSPECIFIED, RANGE_LIMITED, RANGE_FULL = 0, 1, 2

PRIMARIES = {1: "bt709", 2: "unknown", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film",
             9: "bt2020", 10: "smpte428", 11: "smpte431", 12: "smpte432", 22: "ebu3213"}  # fmt: skip
TRANSFERS = {1: "bt709", 2: "unknown", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m",
             8: "linear", 9: "log100", 10: "log316", 11: "iec61966-2-4", 12: "bt1361e", 13: "iec61966-2-1",
             14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084", 17: "smpte428", 18: "hlg"}  # fmt: skip
MATRICES = {0: "rgb", 1: "bt709", 2: "unknown", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m",
            8: "ycgco", 9: "bt2020nc", 10: "bt2020c", 11: "smpte2085", 12: "chroma-derived-nc",
            13: "chroma-derived-c", 14: "ictcp"}  # fmt: skip
RANGES = {0: "unknown", 1: "limited", 2: "full"}

# Matrix tag -> swscale's table (SWS_CS_*). 5 is BT.601, also what untagged streams get.
_SWSCALE_MATRIX = {MATRIX_RGB: 5, BT709: 1, UNSPECIFIED: 5, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}

# Without full chroma interpolation swscale darkens luma by a whole level (mean -1.1 on real clips); with it
# YUV 4:2:0 -> RGB -> YUV keeps 99.99% of luma within 1 and chroma at 61-65 dB.
_EXACT = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)


@dataclass(frozen=True)
class Colour:
    """A stream's four colour tags, as ISO/IEC 23091-2 codes (range: 0 unknown, 1 limited, 2 full)."""

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED
    range: int = RANGE_UNSPECIFIED

    def names(self) -> dict[str, str]:
        return {
            "primaries": PRIMARIES.get(self.primaries, str(self.primaries)),
            "transfer": TRANSFERS.get(self.transfer, str(self.transfer)),
            "matrix": MATRICES.get(self.matrix, str(self.matrix)),
            "range": RANGES.get(self.range, str(self.range)),
        }

    @property
    def swscale_range(self) -> int:
        """The range that pixels are stored in: an untagged one is limited."""
        return RANGE_FULL if self.range == RANGE_FULL else RANGE_LIMITED


def colour_of(context: av.VideoCodecContext, frame: VideoFrame, path: object) -> Colour:
    """Tags of a stream: the first frame's (the bitstream), else the container's.

    Raises MediaError for a matrix that no linear YUV conversion can undo (ICtCp, constant luminance, YCgCo).
    """
    pix_fmt = frame.format
    matrix = _first_known(frame.colorspace, context.colorspace, UNSPECIFIED)
    colour_range = _first_known(frame.color_range, context.color_range, RANGE_UNSPECIFIED)
    if colour_range == RANGE_UNSPECIFIED and _full_by_nature(pix_fmt):
        colour_range = RANGE_FULL
    if not pix_fmt.is_rgb and matrix not in _SWSCALE_MATRIX:
        name = MATRICES.get(matrix, str(matrix))
        raise MediaError(
            f"{path} is coded with the {name} matrix, which cannot be converted: re-export as BT.709."
        )
    return Colour(
        primaries=_first_known(frame.color_primaries, context.color_primaries, UNSPECIFIED),
        transfer=_first_known(frame.color_trc, context.color_trc, UNSPECIFIED),
        matrix=MATRIX_RGB if pix_fmt.is_rgb else matrix,
        range=colour_range,
    )


def bit_depth(pix_fmt: VideoFormat) -> int:
    """Bits of the deepest colour component."""
    return max((part.bits for part in pix_fmt.components if not part.is_alpha), default=8)


def has_alpha(pix_fmt: VideoFormat) -> bool:
    return any(part.is_alpha for part in pix_fmt.components)


class ToRGB:
    """Turns a stream's decoded frames into full-range RGB arrays; one instance for a stream.

    codec: its name; JPEG alone puts its chroma samples between the luma samples.
    """

    def __init__(self, colour: Colour, *, deep: bool, codec: str = "") -> None:
        self._reformatter = VideoReformatter()
        self._sited = _Sited("center" if codec == "mjpeg" else "left")
        self._format = "rgb48le" if deep else "rgb24"
        self._matrix = _SWSCALE_MATRIX[colour.matrix]
        self._range = colour.swscale_range

    def __call__(self, frame: VideoFrame) -> np.ndarray:
        """Returns (H, W, 3), uint8, or uint16 (0..65535) where deep."""
        rgb = self._reformatter.reformat(
            self._sited(frame),
            format=self._format,
            src_colorspace=self._matrix,
            dst_colorspace=self._matrix,
            src_color_range=RANGE_FULL if frame.format.is_rgb else self._range,
            dst_color_range=RANGE_FULL,
            interpolation=_EXACT,
        )
        return np.ascontiguousarray(rgb.to_ndarray())


class FromRGB:
    """Turns RGB arrays into frames in an encoder's pixel format, matrix and range."""

    def __init__(self, colour: Colour, pix_fmt: str) -> None:
        self._reformatter = VideoReformatter()
        self._sited = _Sited("left")
        self._colour = colour
        self._pix_fmt = pix_fmt
        self._rgb = VideoFormat(pix_fmt).is_rgb

    def __call__(self, pixels: np.ndarray) -> VideoFrame:
        """pixels: (H, W, 3) uint8 or uint16, full range."""
        rgb = VideoFrame.from_ndarray(
            np.ascontiguousarray(pixels), format="rgb24" if pixels.dtype == np.uint8 else "rgb48le"
        )
        return self._reformatter.reformat(
            self._sited(rgb),
            format=self._pix_fmt,
            src_colorspace=_SWSCALE_MATRIX[self._colour.matrix],
            dst_colorspace=_SWSCALE_MATRIX[self._colour.matrix],
            src_color_range=RANGE_FULL,
            dst_color_range=RANGE_FULL if self._rgb else self._colour.swscale_range,
            interpolation=_EXACT,
        )


class _Sited:
    """Says where a stream's chroma samples lie, which PyAV cannot set: a filter that only relabels (3 µs).

    Decoders label H.264 as left-sited, a fresh RGB frame is labelled nothing, which swscale takes as
    centred: decoding by the one and encoding by the other moved chroma by half a pixel a generation.
    """

    def __init__(self, location: str) -> None:
        self._location = location
        self._graph: Graph | None = None

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        if self._graph is None:
            self._graph = self._configured(frame)
        self._graph.vpush(frame)
        return self._graph.vpull()

    def _configured(self, frame: VideoFrame) -> Graph:
        graph = Graph()
        source = graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=frame.time_base or Fraction(1, 1000),
        )
        relabel = graph.add("setparams", f"chroma_location={self._location}")
        graph.link_nodes(source, relabel, graph.add("buffersink")).configure()
        return graph


def stored_colour(colour: Colour, pix_fmt: str) -> Colour:
    """The tags that go with `colour` once its pixels are stored as `pix_fmt`.

    RGB storage has no matrix and is full range. A source that was RGB (pictures) becomes BT.709 when stored
    as YUV: every player's default for untagged RGB differs, so there it is always said.
    """
    if VideoFormat(pix_fmt).is_rgb:
        return Colour(colour.primaries, colour.transfer, MATRIX_RGB, RANGE_FULL)
    if colour.matrix != MATRIX_RGB:
        return colour
    primaries = BT709 if colour.primaries == UNSPECIFIED else colour.primaries
    transfer = BT709 if colour.transfer == UNSPECIFIED else colour.transfer
    return Colour(primaries, transfer, BT709, RANGE_LIMITED)


def _first_known(frame_tag: int, stream_tag: int, unknown: int) -> int:
    return int(frame_tag) if int(frame_tag) != unknown else int(stream_tag)


def _full_by_nature(pix_fmt: VideoFormat) -> bool:
    return pix_fmt.is_rgb or pix_fmt.has_palette or pix_fmt.name.startswith(("yuvj", "gray", "ya"))

"""Colour: what a stream's tags say of its pixels, and what they become where they are stored otherwise.

Untagged YUV is BT.601, limited range: what ffmpeg and players assume. It is encoded with the same matrix and
left untagged, so what comes back is what went in.
"""

from dataclasses import dataclass

import av
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

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

# Luma's shares of red and blue (ITU-T H.273, table 4). Untagged is BT.601, and so is a matrix that says RGB
# of pixels that are not.
_SHARES = {BT709: (0.2126, 0.0722), 4: (0.30, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
_SHARES |= dict.fromkeys((MATRIX_RGB, UNSPECIFIED, 5, 6), (0.299, 0.114))
YCGCO, _FROM_PRIMARIES = 8, 12
_PRIMARIES_MATRIX = {1: BT709, 5: 5, 6: 6, 7: 7, 9: 9}


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
    def full(self) -> bool:
        """Whether samples use all of their values: an untagged range is limited."""
        return self.range == RANGE_FULL

    @property
    def high_dynamic_range(self) -> bool:
        """PQ or HLG."""
        return self.transfer in (16, 18)


def colour_of(context: av.VideoCodecContext, frame: VideoFrame, path: object) -> Colour:
    """Tags of a stream: the first frame's (the bitstream), else the container's.

    Raises MediaError for a matrix that is not linear in R'G'B' (ICtCp, constant luminance).
    """
    pix_fmt = frame.format
    matrix = _first_known(frame.colorspace, context.colorspace, UNSPECIFIED)
    colour_range = _first_known(frame.color_range, context.color_range, RANGE_UNSPECIFIED)
    if colour_range == RANGE_UNSPECIFIED and _full_by_nature(pix_fmt):
        colour_range = RANGE_FULL
    primaries = _first_known(frame.color_primaries, context.color_primaries, UNSPECIFIED)
    if not pix_fmt.is_rgb and not _is_linear(matrix, primaries):
        name = MATRICES.get(matrix, str(matrix))
        raise MediaError(
            f"{path} is coded with the {name} matrix, which cannot be converted: re-export as BT.709."
        )
    return Colour(
        primaries=primaries,
        transfer=_first_known(frame.color_trc, context.color_trc, UNSPECIFIED),
        matrix=MATRIX_RGB if pix_fmt.is_rgb else matrix,
        range=colour_range,
    )


def luma_shares(matrix: int, primaries: int) -> tuple[float, float]:
    """Red's and blue's share of luma by a stream's tags."""
    return _SHARES[_PRIMARIES_MATRIX[primaries] if matrix == _FROM_PRIMARIES else matrix]


def stored_colour(colour: Colour, pix_fmt: str, codec: str = "") -> Colour:
    """The tags that go with `colour` once its pixels are stored as `pix_fmt`. codec: FFmpeg's name of it.

    RGB storage has no matrix and is full range. A source that was RGB (pictures) becomes BT.709 when stored
    as YUV: every player's default for untagged RGB differs, so there it is always said.
    """
    if codec == "dnxhd" and colour.matrix not in (BT709, 9) and not VideoFormat(pix_fmt).is_rgb:
        # Its header knows these two alone, and players believe it.
        return Colour(colour.primaries, colour.transfer, BT709, colour.range)
    if VideoFormat(pix_fmt).is_rgb:
        return Colour(colour.primaries, colour.transfer, MATRIX_RGB, RANGE_FULL)
    if colour.matrix != MATRIX_RGB:
        return colour
    primaries = BT709 if colour.primaries == UNSPECIFIED else colour.primaries
    transfer = BT709 if colour.transfer == UNSPECIFIED else colour.transfer
    return Colour(primaries, transfer, BT709, RANGE_LIMITED)


def _is_linear(matrix: int, primaries: int) -> bool:
    return (
        matrix in _SHARES or matrix == YCGCO or (matrix == _FROM_PRIMARIES and primaries in _PRIMARIES_MATRIX)
    )


def _first_known(frame_tag: int, stream_tag: int, unknown: int) -> int:
    return int(frame_tag) if int(frame_tag) != unknown else int(stream_tag)


def _full_by_nature(pix_fmt: VideoFormat) -> bool:
    return pix_fmt.is_rgb or pix_fmt.has_palette or pix_fmt.name.startswith(("yuvj", "gray", "ya"))

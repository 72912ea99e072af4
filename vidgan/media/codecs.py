"""The codecs that pictures are encoded with, and which one an output gets."""

from dataclasses import dataclass
from pathlib import Path

from vidgan.errors import OutputError, UsageError
from vidgan.media.clip import ClipInfo
from vidgan.media.output import container_of

# 17 is the usual "visually lossless" point of x264: two below its default look, four below its default 23.
DEFAULT_CRF = 17


@dataclass(frozen=True)
class Codec:
    """How pictures become packets.

    name: as the recipe and --codec say it. encoder, pix_fmt, options: FFmpeg's. lossless: the RGB handed in
    comes back bit for bit. notices: what this choice costs this clip.
    """

    name: str
    encoder: str
    pix_fmt: str
    options: tuple[tuple[str, str], ...] = ()
    lossless: bool = False
    notices: tuple[str, ...] = ()


# Which outputs each codec may go into; the first container that has a codec first is its `auto`.
CODECS: dict[str, tuple[str, ...]] = {
    "h264": ("mp4", "mov", "matroska"),
    "ffv1": ("matroska",),
}
_AUTO = {"mp4": "h264", "mov": "h264", "matroska": "ffv1"}


def codec_for(name: str, out: str | Path, info: ClipInfo) -> Codec:
    """The codec for a clip's pictures in `out`. name: a key of CODECS, or "auto".

    auto is H.264 in mp4 and mov (what every player and editor opens), FFV1 in mkv (lossless). Raises
    UsageError for an unknown name, OutputError where the container cannot hold the codec.
    """
    container = container_of(Path(out))
    wanted = _AUTO[container] if name == "auto" else name
    if wanted not in CODECS:
        raise UsageError(f"unknown codec {name!r}: use auto, {', '.join(CODECS)}.")
    if container not in CODECS[wanted]:
        raise OutputError(f"{out}: {wanted} does not go into this container: name the output .mkv.")
    return _ffv1(info) if wanted == "ffv1" else _h264(info)


def _h264(info: ClipInfo) -> Codec:
    odd = info.width % 2 or info.height % 2
    odd_size = f"{info.width}x{info.height} is odd, which H.264 4:2:0 cannot hold; stored as 4:4:4"
    depth = f"{info.bit_depth}-bit pictures become 8-bit H.264; an .mkv output (FFV1) keeps their depth"
    notices = [text for applies, text in ((odd, odd_size), (info.deep, depth)) if applies]
    return Codec(
        name="h264",
        encoder="libx264",
        pix_fmt="yuv444p" if odd else "yuv420p",
        options=(("preset", "medium"),),
        notices=tuple(notices),
    )


def _ffv1(info: ClipInfo) -> Codec:
    """RGB, not YUV: what a model makes is RGB, and FFV1 keeps it bit for bit (bgr0 is 8-bit RGB without
    alpha). Deeper sources hand out 16 bits, so 16 are stored."""
    return Codec(
        name="ffv1",
        encoder="ffv1",
        pix_fmt="gbrp16le" if info.deep else "bgr0",
        # Version 3 has slices, which thread, and checksums, which tell a damaged frame.
        options=(("level", "3"), ("slices", "4"), ("slicecrc", "1"), ("g", "1")),
        lossless=True,
    )

"""Short descriptions of a file's streams."""

from typing import Any

from av.container import InputContainer
from av.stream import Disposition, Stream

from vidgan.media.clip import StreamSummary
from vidgan.media.container import video_streams

# Written by the muxer itself, or facts about the old file that would be lies about the new one.
_STALE_KEYS = {"encoder", "major_brand", "minor_version", "compatible_brands", "duration", "number_of_frames",
               "number_of_bytes", "bps", "timecode", "vendor_id", "uid", "generation_uid",
               "material_package_umid", "operational_pattern_ul", "product_uid", "product_version_num",
               "toolkit_version_num", "application_platform"}  # fmt: skip


def summaries(container: InputContainer) -> dict[str, Any]:
    """Stream summaries by kind, keyed as ClipInfo names them. Video counts moving pictures only."""
    video = video_streams(container)
    audio, subtitles = list(container.streams.audio), list(container.streams.subtitles)
    named: list[Stream] = [*video, *audio, *subtitles]
    others = [s for s in container.streams if s.index not in {named_one.index for named_one in named}]
    return {
        "video_streams": _each(video),
        "audio_streams": _each(audio),
        "subtitle_streams": _each(subtitles),
        "other_streams": _each(others),
    }


def kept_metadata(metadata: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in metadata.items() if k.lower().split("-")[0] not in _STALE_KEYS and k[0] != "_"}


def timecode_of(container: InputContainer) -> str:
    """HH:MM:SS:FF of the first frame (; before FF where frames are dropped); "" where there is none."""
    told = [container.metadata, *(stream.metadata for stream in container.streams)]
    found = (value for metadata in told for key, value in metadata.items() if key.lower() == "timecode")
    return next(filter(None, found), "")


def codec_name(stream: Stream) -> str:
    if stream.codec_context is not None:
        return stream.codec_context.name
    return getattr(stream, "name", None) or "unknown"


def _each(streams: list[Any]) -> tuple[StreamSummary, ...]:
    return tuple(
        StreamSummary(
            index=stream.index,
            kind=str(stream.type),
            codec=codec_name(stream),
            language=stream.metadata.get("language"),
            description=_description(stream),
            default=bool(stream.disposition & Disposition.default),
        )
        for stream in streams
    )


def _description(stream: Any) -> str:
    if stream.codec_context is None:  # damaged beyond its codec's name
        return "of no known codec"
    if stream.type == "video":
        return f"{stream.width}x{stream.height}, {stream.pix_fmt}, {float(stream.average_rate or 0):.6g} fps"
    if stream.type == "audio":
        return f"{stream.rate} Hz, {stream.layout.name}"
    return ""

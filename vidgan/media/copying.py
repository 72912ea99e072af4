"""What of a source goes into an output beside the pictures, and what its container cannot hold."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import AttachmentStream, Disposition, Stream

from vidgan.media.container import video_streams
from vidgan.media.streams import codec_name, kept_metadata, timecode_of

if TYPE_CHECKING:
    from av.container.core import Chapter  # a name for type checkers only


@dataclass
class Copied:
    """streams: (source stream, output stream) to copy packets between. notices: what is left behind."""

    streams: list[tuple[Stream, Stream]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def add_copies(source: InputContainer, sink: OutputContainer, *, whole: bool) -> Copied:
    """Add to `sink` every stream of `source` but its moving pictures, as far as the container can hold it.

    Metadata and attachments too. The timecode goes with the whole clip only.
    """
    copied = Copied()
    pictures = {stream.index for stream in video_streams(source)}
    for stream in source.streams:
        if stream.index not in pictures:
            _add_copy(stream, source, sink, copied)
    sink.metadata.update(kept_metadata(source.metadata))
    _copy_timecode(source, sink, copied, whole=whole)
    if len(pictures) > 1:
        copied.notices.append("the other video streams are not in the output")
    return copied


def copy_tags(stream: Stream, new: Stream) -> None:
    new.metadata.update(kept_metadata(stream.metadata))
    new.disposition = stream.disposition


def copy_chapters(
    source: InputContainer, sink: OutputContainer, begin: Fraction, end: Fraction, shift: Fraction
) -> int:
    """Chapters that overlap [begin, end) seconds of the source, cut to it and shifted. Returns how many."""
    chapters = list(_chapters_within(source, begin, end, shift))
    if chapters:
        sink.set_chapters(chapters)
    return len(chapters)


def _add_copy(stream: Stream, source: InputContainer, sink: OutputContainer, copied: Copied) -> None:
    if stream.type == "data" and _made_by_the_muxer(stream, source):
        return
    if not can_hold(sink.format.name, stream):
        copied.notices.append(f"{sink.format.name} cannot hold the {called(stream)}: left out")
        return
    if isinstance(stream, AttachmentStream):
        name = stream.metadata.get("filename", f"attachment-{stream.index}")
        sink.add_attachment(name, stream.mimetype or "application/octet-stream", stream.data)
        return
    new = sink.add_stream_from_template(stream, opaque=True)
    copy_tags(stream, new)
    copied.streams.append((stream, new))


def _made_by_the_muxer(stream: Stream, source: InputContainer) -> bool:
    """Timecode tracks are written from metadata and chapter tracks from chapters; copying them fails."""
    return "timecode" in stream.metadata or bool(source.chapters())


def can_hold(container_name: str, stream: Stream) -> bool:
    """Ask the muxer itself, by writing a header with this stream alone into memory."""
    if stream.disposition & Disposition.attached_pic and container_name != "mp4":
        return False  # it would become a second, one-frame video track, or nothing
    if isinstance(stream, AttachmentStream):
        return container_name == "matroska"
    if container_name == "mxf" and isinstance(stream, AudioStream):  # no header without pictures to ask by
        return codec_name(stream) in ("pcm_s16le", "pcm_s24le") and stream.rate == 48000
    try:
        with av.open(io.BytesIO(), "w", format=container_name) as trial:
            trial.add_stream_from_template(stream, opaque=True)  # also of what FFmpeg has no encoder for
            trial.start_encoding()
    except (av.FFmpegError, ValueError, OSError):
        return False
    return True


def called(stream: Stream) -> str:
    kind = "cover picture" if stream.disposition & Disposition.attached_pic else f"{stream.type} stream"
    return f"{kind} {stream.index} ({codec_name(stream)})"


def _copy_timecode(source: InputContainer, sink: OutputContainer, copied: Copied, *, whole: bool) -> None:
    timecode = timecode_of(source)
    if timecode and whole:
        sink.metadata["timecode"] = timecode
    elif timecode:
        copied.notices.append(
            "the timecode is left out: it counts from the clip's start, not from this range"
        )


def _chapters_within(
    source: InputContainer, begin: Fraction, end: Fraction, shift: Fraction
) -> Iterator["Chapter"]:
    for chapter in source.chapters():
        base = chapter["time_base"] or Fraction(1, 1000)
        first, last = max(chapter["start"] * base, begin), min(chapter["end"] * base, end)
        if first < last:
            yield {**chapter, "start": round((first + shift) / base), "end": round((last + shift) / base)}

"""The last step: parts joined without re-encoding, all else of the source copied in beside them."""

import heapq
import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from vidgan.errors import MediaError, OutputError
from vidgan.media.clip import Clip, ClipInfo
from vidgan.media.colour import stored_colour
from vidgan.media.container import choose_video_stream, ffmpeg_name, open_input
from vidgan.media.copying import Copied, add_copies, called, copy_chapters, copy_tags
from vidgan.media.decoder import has_alpha_beside
from vidgan.media.output import DISK_ERRORS, MATROSKA, container_of, replacing
from vidgan.media.parts import JoinedParts
from vidgan.media.streams import kept_metadata, timecode_of
from vidgan.media.window import Window


def mux(
    parts: Sequence[str | os.PathLike[str]],
    clip: Clip,
    out: str | os.PathLike[str],
    *,
    start: int = 0,
    stop: int | None = None,
) -> list[str]:
    """Join parts, in order, into `out`, with the clip's sound and other streams copied bit for bit.

    The parts hold frames [start, stop) of the clip between them; each gets the very pts and duration that
    the clip's index has (mkv: rounded to its milliseconds). Of a whole clip all times are kept; of a
    sub-range all streams are shifted alike, so that its first frame is at 0, and cut to it. Returns notices:
    what the container could not hold. `out` appears whole (synced, renamed) or not at all. Raises
    OutputError, and MediaError for parts that do not hold these frames.
    """
    target = Path(out)
    stop = len(clip) if stop is None else stop
    joined = JoinedParts([Path(part) for part in parts], clip, start, stop)
    with replacing(target) as temporary, ExitStack() as stack:
        source = stack.enter_context(open_input(clip.path)) if clip.info.kind == "file" else None
        window = Window.of(clip, start, stop, container_of(target))
        try:
            times = window.picture_times(clip, start, stop)
            pictures = joined.packets(times, window.base(clip.info.time_base))
            return _write(temporary, joined.first, pictures, clip, source, window)
        except (av.FFmpegError, ValueError) as error:
            if isinstance(error, OSError):
                raise
            raise OutputError(f"{target} cannot be written ({error}): try an .mkv output.") from error


def _write(
    path: Path,
    first_part: Path,
    pictures: Iterator[Packet],
    clip: Clip,
    source: InputContainer | None,
    window: Window,
) -> list[str]:
    options = _muxer_options(clip, source, window)
    with (
        open_input(first_part) as template,
        av.open(ffmpeg_name(path), "w", format=window.container, options=options,
                metadata_errors="surrogateescape") as sink,
    ):  # fmt: skip
        stream = _add_pictures(template.streams.video[0], sink, clip.info)
        copied, chapters = Copied(), 0
        if source is not None:
            _, original = choose_video_stream(source, clip.path, clip.info.stream)
            copy_tags(original, stream)
            copied = add_copies(source, sink, whole=window.whole)
            chapters = copy_chapters(
                source, sink, window.begin_seconds, window.end_seconds, window.shift_seconds
            )
        sink.start_encoding()
        video = (_addressed(packet, stream) for packet in pictures)
        others = _copied_packets(source, copied, window) if source is not None else iter(())
        left_out: Counter[int] = Counter()
        for packet in heapq.merge(video, others, key=_seconds):
            if packet.stream is stream:
                sink.mux(packet)
            elif not _goes_in(packet, sink):
                left_out[packet.stream_index] += 1
        lost = _lost_aspect(clip.info, stream, window.container)
    if left_out and not clip.lenient:
        names = ", ".join(called(stream) for stream, _ in _by_stream(left_out, copied))
        raise MediaError(
            f"{clip.path}: packets of its {names} are damaged: "
            "export it again, or pass --allow-truncated to leave them out."
        )
    damaged = [
        f"{count} packets of the {called(stream)} are damaged: left out"
        for stream, count in _by_stream(left_out, copied)
    ]
    return [
        *window.notices(),
        *lost,
        *copied.notices,
        *damaged,
        *_lost_metadata(path, source, window.whole, chapters),
    ]


def _lost_metadata(path: Path, source: InputContainer | None, whole: bool, chapters: int) -> list[str]:
    """Muxers drop the keys they do not know without a word; what was written tells."""
    if source is None:
        return []
    with open_input(path) as made:
        written = {key.lower() for key in made.metadata} | {"creation_time"}  # 1970 is a way to say never
        lost_timecode = whole and timecode_of(source) and not timecode_of(made)
        lost_chapters = chapters - len(made.chapters()) if whole else 0
    said = []
    lost = sorted(key for key in kept_metadata(source.metadata) if key.lower() not in written)
    if lost:
        said.append(f"the container cannot hold the metadata {', '.join(lost)}: left out")
    if lost_timecode:
        said.append(f"the container cannot hold the timecode {timecode_of(source)}: left out")
    if lost_chapters > 0:
        said.append(f"the container cannot hold {lost_chapters} of the chapters: left out")
    return said


def _lost_aspect(info: ClipInfo, stream: VideoStream, container: str) -> list[str]:
    """Matroska takes the pixels' shape from a field that PyAV cannot set; H.264 has it in its bitstream."""
    shape = info.sample_aspect_ratio
    if shape == 1 or container not in MATROSKA or stream.codec_context.name in ("h264", "libx264", "hevc"):
        return []
    said = f"{shape.numerator}:{shape.denominator}"
    return [f"{container} cannot be told the pixels' shape {said} of this codec; mov can"]


def _add_pictures(template: VideoStream, sink: OutputContainer, info: ClipInfo) -> VideoStream:
    stream = sink.add_stream_from_template(template, opaque=True)
    stream.time_base = info.time_base
    context = stream.codec_context
    if template.codec_context.name == "hevc" and sink.format.name in ("mp4", "mov"):
        context.codec_tag = "hvc1"  # Apple's players know HEVC by this name alone
    if has_alpha_beside(template):
        stream.metadata["alpha_mode"] = "1"
    # Matroska, which rounds times, needs the rate said: without it 24 fps came back as 23.976.
    context.framerate = info.average_rate
    # A part's container does not carry these; H.264 says them in its bitstream, FFV1 nowhere.
    if info.sample_aspect_ratio != 1:
        context.sample_aspect_ratio = info.sample_aspect_ratio
    codec = template.codec_context.name
    if codec in ("prores", "dnxhd"):
        context.codec_tag = template.codec_context.codec_tag  # which tells the profile
    colour = stored_colour(info.colour, template.pix_fmt or "yuv420p", codec)
    context.color_primaries, context.color_trc = colour.primaries, colour.transfer
    context.colorspace, context.color_range = colour.matrix, colour.range
    return stream


def _copied_packets(source: InputContainer, copied: Copied, window: Window) -> Iterator[Packet]:
    outputs = {old.index: new for old, new in copied.streams}
    if not outputs:
        return
    for packet in source.demux([old for old, _ in copied.streams]):
        if packet.size and window.holds(packet):
            yield window.moved(packet, outputs[packet.stream_index])


def _goes_in(packet: Packet, sink: OutputContainer) -> bool:
    """Whether the container takes a copied packet: damaged ones have no header, or go back in time."""
    try:
        sink.mux(packet)
    except av.FFmpegError as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise
        return False
    return True


def _by_stream(left_out: Counter[int], copied: Copied) -> Iterator[tuple[Stream, int]]:
    return ((old, left_out[new.index]) for old, new in copied.streams if left_out[new.index])


def _addressed(packet: Packet, stream: Stream) -> Packet:
    packet.stream = stream
    return packet


def _seconds(packet: Packet) -> float:
    time = packet.dts if packet.dts is not None else packet.pts
    return float((time or 0) * packet.time_base)


def _muxer_options(clip: Clip, source: InputContainer | None, window: Window) -> dict[str, str]:
    if window.container in MATROSKA:
        return {"avoid_negative_ts": "disabled"}  # retime did it, for all streams alike
    if window.container == "mxf":
        return {}
    options = {"movflags": "+faststart"}
    # A late start is an empty edit, in units of the movie's time scale: 1 ms unless we say more.
    bases = [clip.info.time_base]
    if source is not None:
        bases += [s.time_base for s in source.streams.audio if s.time_base]
        late = any(s.start_time for s in (*source.streams.audio, *source.streams.video) if s.start_time)
    else:
        late = bool(clip.timestamps[0])
    scale = math.lcm(*(base.denominator for base in bases))
    if late and scale < 2**31:
        options["movie_timescale"] = str(scale)
    return options

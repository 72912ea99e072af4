"""The last step: parts joined without re-encoding, all else of the source copied in beside them."""

import heapq
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from vidgan.errors import OutputError
from vidgan.media.clip import Clip, ClipInfo
from vidgan.media.colour import stored_colour
from vidgan.media.container import choose_video_stream, ffmpeg_name, open_input
from vidgan.media.copying import Copied, add_copies, copy_chapters, copy_tags, kept_metadata
from vidgan.media.output import container_of, replacing
from vidgan.media.parts import JoinedParts
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
        copied = Copied()
        if source is not None:
            _, original = choose_video_stream(source, clip.path, clip.info.stream)
            copy_tags(original, stream)
            copied = add_copies(source, sink, whole=window.whole)
            copy_chapters(source, sink, window.begin_seconds, window.end_seconds, window.shift_seconds)
        sink.start_encoding()
        video = (_addressed(packet, stream) for packet in pictures)
        others = _copied_packets(source, copied, window) if source is not None else iter(())
        for packet in heapq.merge(video, others, key=_seconds):
            sink.mux(packet)
        lost = _lost_aspect(clip.info, stream, window.container)
    return [*window.notices(), *lost, *copied.notices, *_lost_metadata(path, source)]


def _lost_metadata(path: Path, source: InputContainer | None) -> list[str]:
    """Muxers drop the keys they do not know without a word; what was written tells."""
    if source is None:
        return []
    with open_input(path) as made:
        written = {key.lower() for key in made.metadata} | {"creation_time"}  # 1970 is a way to say never
    lost = sorted(key for key in kept_metadata(source.metadata) if key.lower() not in written)
    return [f"the container cannot hold the metadata {', '.join(lost)}: left out"] if lost else []


def _lost_aspect(info: ClipInfo, stream: VideoStream, container: str) -> list[str]:
    """Matroska takes the pixels' shape from a field that PyAV cannot set; H.264 has it in its bitstream."""
    shape = info.sample_aspect_ratio
    if shape == 1 or container != "matroska" or stream.codec_context.name in ("h264", "libx264"):
        return []
    return [f"matroska cannot be told the pixels' shape {shape.numerator}:{shape.denominator} for this codec"]


def _add_pictures(template: VideoStream, sink: OutputContainer, info: ClipInfo) -> VideoStream:
    stream = sink.add_stream_from_template(template)
    stream.time_base = info.time_base
    context = stream.codec_context
    # Matroska, which rounds times, needs the rate said: without it 24 fps came back as 23.976.
    context.framerate = info.average_rate
    # A part's container does not carry these; H.264 says them in its bitstream, FFV1 nowhere.
    if info.sample_aspect_ratio != 1:
        context.sample_aspect_ratio = info.sample_aspect_ratio
    colour = stored_colour(info.colour, template.pix_fmt or "yuv420p")
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


def _addressed(packet: Packet, stream: Stream) -> Packet:
    packet.stream = stream
    return packet


def _seconds(packet: Packet) -> float:
    time = packet.dts if packet.dts is not None else packet.pts
    return float((time or 0) * packet.time_base)


def _muxer_options(clip: Clip, source: InputContainer | None, window: Window) -> dict[str, str]:
    if window.container == "matroska":
        return {"avoid_negative_ts": "disabled"}  # retime did it, for all streams alike
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

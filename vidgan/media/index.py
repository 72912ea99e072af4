"""An index of a video stream: the time of every frame, found by reading packets without decoding them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidgan.errors import MediaError
from vidgan.media.container import choose_video_stream, open_input

# Decoders that swallow some packets without a picture (VP8's hidden references, packed B-frames of MPEG-4
# ASP): their frames can only be counted by decoding.
_HIDDEN_FRAMES = {"vp8", "mpeg4", "msmpeg4v3"}

# How much shorter than its header says a file may end before it counts as cut off: writers disagree about
# whether the last packets' durations belong to it.
_SLACK_SECONDS = Fraction(1, 4)


@dataclass(frozen=True)
class Index:
    """timestamps: pts in presentation order. last_duration: of the last frame, 0 where unknown.

    keyframes: (pts, dts) of every keyframe, by pts; empty where the stream can only be read from its start.
    missing: frames that the container promises beyond those here.
    counted: frames are told apart by counting, because the stream has no pts (raw H.264; they are made from
    the rate) or some twice (they are moved apart by one unit). Such a stream is read from its start.
    """

    timestamps: tuple[int, ...]
    last_duration: int
    keyframes: tuple[tuple[int, int], ...] = ()
    missing: int = 0
    counted: bool = False


def index_file(path: Path, chosen: int, rate: Fraction) -> Index:
    """Index video stream `chosen`; rate is what pts are made from where the stream has none.

    Packets are enough for a healthy file. Where they are not (no or doubled pts, hidden frames, a file that
    ends early) everything is decoded once, which is slow, and right for whatever decodes. Raises MediaError
    for a stream without packets.
    """
    with open_input(path) as container:
        _, stream = choose_video_stream(container, path, chosen)
        scan = _Scan.of(container, stream)
        promised = scan.promised_frames(container, rate)
    if not scan.shown:
        raise MediaError(f"{path} holds no frames: export it again.")
    incomplete = promised > len(scan.shown) or scan.corrupt > 0
    if not incomplete and not scan.needs_decoding:
        return scan.index()
    decoded = _decoded_index(path, chosen, rate)
    missing = max(0, promised - len(decoded.timestamps)) if incomplete else 0
    keyframes = () if scan.needs_decoding else scan.keyframes()
    return Index(decoded.timestamps, decoded.last_duration, keyframes, missing, decoded.counted)


def decode(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Frames in presentation order. Goes on past packets that do not decode; callers count what came."""
    for packet in container.demux(stream):
        yield from decode_packet(packet)


def decode_packet(packet: "Packet[VideoStream]") -> list[VideoFrame]:
    """The frames that a packet completes; none where it is damaged."""
    try:
        return packet.decode()
    except av.FFmpegError:
        return []


def _decoded_index(path: Path, chosen: int, rate: Fraction) -> Index:
    with open_input(path) as container:
        _, stream = choose_video_stream(container, path, chosen)
        stream.thread_type = "AUTO"
        # The last packet of a file that was cut off is half there: its picture is half grey.
        times = [(frame.pts, frame.duration) for frame in decode(container, stream) if not frame.is_corrupt]
        period = max(1, round(1 / (rate * (stream.time_base or Fraction(1, 1000)))))
    stamps = [pts for pts, _ in times if pts is not None]
    if len(stamps) < len(times) or any(later < pts for pts, later in pairwise(stamps)):
        return Index(tuple(i * period for i in range(len(times))), period, counted=True)
    last_duration = times[-1][1] if times else 0
    if any(later == pts for pts, later in pairwise(stamps)):
        return Index(_moved_apart(stamps), last_duration, counted=True)
    return Index(tuple(stamps), last_duration)


def _moved_apart(stamps: list[int]) -> tuple[int, ...]:
    apart: list[int] = []
    for pts in stamps:
        apart.append(max(pts, apart[-1] + 1) if apart else pts)
    return tuple(apart)


def _tagged_seconds(stream: VideoStream) -> Fraction | None:
    match = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if match is None:
        return None
    hours, minutes, seconds = match.groups()
    return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)


@dataclass(frozen=True)
class _Entry:
    pts: int
    dts: int | None
    duration: int
    key: bool


@dataclass
class _Scan:
    """What one pass over a file's packets tells."""

    codec: str
    listed: int  # samples in the header of mp4 and mov, frames in that of others; 0 where it lists none
    shown: list[_Entry] = field(default_factory=list)
    discarded: int = 0
    corrupt: int = 0
    without_pts: int = 0
    end_seconds: Fraction = Fraction(0)
    pictures_end_seconds: Fraction = Fraction(0)
    tagged_seconds: Fraction | None = None  # this track's own length, as Matroska tags it

    @classmethod
    def of(cls, container: InputContainer, stream: VideoStream) -> "_Scan":
        # Of mp4 and mov the index entries: they are counted after edit lists, stream.frames before.
        listed = len(stream.index_entries) if "mov" in container.format.name else stream.frames
        scan = cls(stream.codec_context.name, listed, tagged_seconds=_tagged_seconds(stream))
        for packet in container.demux():
            scan._add(packet, stream)
        return scan

    def _add(self, packet: Packet, stream: VideoStream) -> None:
        if packet.size == 0 and packet.dts is None:  # the flush at the end
            return
        time = packet.pts if packet.pts is not None else packet.dts
        end_seconds = ((time or 0) + (packet.duration or 0)) * packet.time_base
        self.end_seconds = max(self.end_seconds, end_seconds)
        if packet.stream_index == stream.index:
            self.pictures_end_seconds = max(self.pictures_end_seconds, end_seconds)
            self._add_picture(packet)

    def _add_picture(self, packet: Packet) -> None:
        if packet.is_discard:  # outside an edit list's window: decoded, never shown
            self.discarded += 1
            return
        self.corrupt += packet.is_corrupt
        self.without_pts += packet.pts is None
        pts = packet.pts if packet.pts is not None else len(self.shown)
        self.shown.append(_Entry(pts, packet.dts, packet.duration or 0, packet.is_keyframe))

    @property
    def needs_decoding(self) -> bool:
        doubled = len({packet.pts for packet in self.shown}) < len(self.shown)
        return bool(self.without_pts) or doubled or self.codec in _HIDDEN_FRAMES

    def index(self) -> Index:
        last = max(self.shown, key=lambda packet: packet.pts)
        timestamps = tuple(sorted(packet.pts for packet in self.shown))
        return Index(timestamps, last.duration, self.keyframes())

    def keyframes(self) -> tuple[tuple[int, int], ...]:
        return tuple(sorted((p.pts, p.dts) for p in self.shown if p.key and p.dts is not None))

    def promised_frames(self, container: InputContainer, rate: Fraction) -> int:
        """How many frames the header says there are; what was found, where it says nothing."""
        if self.listed:
            return max(self.listed - self.discarded, len(self.shown))
        return len(self.shown) + self._missing_by_duration(container, rate)

    def _missing_by_duration(self, container: InputContainer, rate: Fraction) -> int:
        """Matroska counts no frames, but its header knows the length; only it writes an exact one."""
        if "matroska" not in container.format.name or not container.duration:
            return 0
        promised_seconds = Fraction(container.duration, av.time_base)
        if promised_seconds - self.end_seconds <= max(_SLACK_SECONDS, 2 / rate):
            return 0
        pictures_seconds = min(promised_seconds, self.tagged_seconds or promised_seconds)
        return max(1, round((pictures_seconds - self.pictures_end_seconds) * rate))

"""An index of a video stream: the time of every frame, found by reading packets without decoding them."""

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from vidgan.errors import MediaError
from vidgan.media.container import choose_video_stream, open_input
from vidgan.media.decoder import Decoder

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
    concealed: of the timestamps, those whose frames do not decode.
    counted: frames are told apart by counting, because the stream has no pts (raw H.264; they are made from
    the rate) or some twice (they are moved apart by one unit). Such a stream is read from its start.
    """

    timestamps: tuple[int, ...]
    last_duration: int
    keyframes: tuple[tuple[int, int], ...] = ()
    missing: int = 0
    counted: bool = False
    concealed: int = 0

    @property
    def decodable(self) -> int:
        return len(self.timestamps) - self.concealed


def index_file(path: Path, chosen: int, rate: Fraction, *, by_frames: bool = False) -> Index:
    """Index video stream `chosen`; rate is what pts are made from where the stream has none.

    by_frames: its packets are no frames (fields are).

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
    if by_frames or scan.needs_decoding:
        decoded = _decoded_index(path, chosen, rate)
        missing = max(0, promised - len(decoded.timestamps)) if incomplete and not by_frames else 0
        return replace(decoded, missing=missing)
    return _incomplete_index(path, chosen, scan, promised) if incomplete else scan.index()


def _incomplete_index(path: Path, chosen: int, scan: "_Scan", promised: int) -> Index:
    """Of a file that lacks frames: all that it lists up to the last that decodes, so that times stay."""
    decoded = {pts for pts, _ in _decoded_times(path, chosen) if pts is not None}
    whole = scan.index()
    kept = [pts for pts in whole.timestamps if decoded and pts <= max(decoded)]
    there = len(decoded.intersection(kept))
    return Index(
        tuple(kept), whole.last_duration, whole.keyframes, promised - there, concealed=len(kept) - there
    )


def _decoded_times(path: Path, chosen: int) -> list[tuple[int | None, int]]:
    """pts and duration of every frame that decodes undamaged, in presentation order."""
    with open_input(path) as container:
        _, stream = choose_video_stream(container, path, chosen)
        # With several threads FFmpeg calls another frame damaged every time, and loses the last.
        decoder = Decoder(container, stream, threads=1)
        # The last packet of a file that was cut off is half there: its picture is half grey.
        return [(f.pts, f.duration) for f in decoder.frames() if not decoder.is_damaged(f)]


def _decoded_index(path: Path, chosen: int, rate: Fraction) -> Index:
    times = _decoded_times(path, chosen)
    period = max(1, round(1 / (rate * _time_base(path, chosen))))
    stamps = [pts for pts, _ in times if pts is not None]
    if len(stamps) < len(times) or any(later < pts for pts, later in pairwise(stamps)):
        return Index(tuple(i * period for i in range(len(times))), period, counted=True)
    last_duration = times[-1][1] if times else 0
    if any(later == pts for pts, later in pairwise(stamps)):
        return Index(_moved_apart(stamps), last_duration, counted=True)
    return Index(tuple(stamps), last_duration)


def _time_base(path: Path, chosen: int) -> Fraction:
    with open_input(path) as container:
        _, stream = choose_video_stream(container, path, chosen)
        return stream.time_base or Fraction(1, 1000)


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


def _ends_as_gif(name: str) -> bool:
    """By its trailer (GIF89a, 27), which some writers pad with zeros."""
    data = Path(name.removeprefix("file:")).read_bytes()
    return data.rstrip(b"\x00").endswith(b";")


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
        if container.format.name == "mxf" and stream.duration and stream.average_rate and stream.time_base:
            listed = round(stream.duration * stream.time_base * stream.average_rate)
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
            promised = max(self.listed - self.discarded, len(self.shown))
            if container.format.name == "avi" and self.codec in _HIDDEN_FRAMES:
                promised = max(len(self.shown), promised - 1)  # packed B-frames leave an empty chunk
            return promised
        if container.format.name == "gif" and not _ends_as_gif(container.name):
            return len(self.shown) + 1  # at least
        return len(self.shown) + self._missing_by_duration(container, rate)

    def _missing_by_duration(self, container: InputContainer, rate: Fraction) -> int:
        """Matroska counts no frames, but its header knows the length; only it writes an exact one."""
        if "matroska" not in container.format.name or not container.duration:
            return 0
        promised_seconds = Fraction(container.duration, av.time_base)
        slack = max(_SLACK_SECONDS, 2 / rate)
        pictures_seconds = min(promised_seconds, self.tagged_seconds or promised_seconds)
        # A track's own length counts where it is tagged: a subtitle may last past the hole.
        ends = self.pictures_end_seconds if self.tagged_seconds else self.end_seconds
        if (pictures_seconds if self.tagged_seconds else promised_seconds) - ends <= slack:
            return 0
        return max(1, round((pictures_seconds - self.pictures_end_seconds) * rate))

"""Where a source's times land in an output: one shift for every stream, so that sound stays in place."""

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from av.packet import Packet
from av.stream import Stream

from vidgan.media.clip import Clip
from vidgan.media.container import open_input
from vidgan.media.output import MATROSKA

_MILLISECOND = Fraction(1, 1000)


@dataclass(frozen=True)
class Window:
    """Which part of the source's time goes into the output, and where it lands there."""

    container: str
    begin_seconds: Fraction
    end_seconds: Fraction
    whole: bool
    shift_seconds: Fraction  # the same for every stream: sound stays where it was against the pictures

    @classmethod
    def of(cls, clip: Clip, start: int, stop: int, container: str) -> "Window":
        begin, *_, end = _boundaries(clip, start, stop)
        whole = start == 0 and stop == len(clip)
        begin_seconds, end_seconds = begin * clip.info.time_base, end * clip.info.time_base
        shift = _shift_of_whole(begin_seconds, clip, container) if whole else -begin_seconds
        return cls(container, begin_seconds, end_seconds, whole, shift)

    def base(self, source: Fraction) -> Fraction:
        """The unit that times are rounded to: Matroska's muxer would round after our shift, and doing it
        here keeps equal distances equal."""
        return _MILLISECOND if self.container in MATROSKA else source

    def retimed(self, time: int, source: Fraction) -> int:
        """A time in units of `source`, shifted, in units of `base(source)`."""
        base = self.base(source)
        return round(time * source / base) + round(self.shift_seconds / base)

    def picture_times(self, clip: Clip, start: int, stop: int) -> list[int]:
        """pts of every frame and the end of the last, in `base`; rising also where two frames are closer
        than the container can tell apart."""
        times: list[int] = []
        for time in _boundaries(clip, start, stop):
            new = self.retimed(time, clip.info.time_base)
            times.append(max(new, times[-1] + 1) if times else new)
        return times

    def notices(self) -> list[str]:
        """What to tell about a whole clip whose times were moved."""
        if not self.whole or not self.shift_seconds:
            return []
        moved = float(self.shift_seconds * 1000)
        direction = "later" if moved > 0 else "earlier"
        return [f"all streams start {abs(moved):.6g} ms {direction} than in the source"]

    def holds(self, packet: Packet) -> bool:
        """True if a copied packet is heard or seen in the output."""
        if self.whole or packet.pts is None:
            return self.whole
        first = packet.pts * packet.time_base
        last = first + (packet.duration or 0) * packet.time_base
        return first < self.end_seconds and last > self.begin_seconds

    def moved(self, packet: Packet, stream: Stream) -> Packet:
        """Give a copied packet its new time and hand it to an output stream."""
        source = packet.time_base
        if not self.whole and packet.stream.type in ("subtitle", "data"):
            self._cut(packet)
        packet.pts = None if packet.pts is None else self.retimed(packet.pts, source)
        packet.dts = None if packet.dts is None else self.retimed(packet.dts, source)
        packet.duration = round((packet.duration or 0) * source / self.base(source))
        packet.time_base = self.base(source)
        packet.stream = stream
        return packet

    def _cut(self, packet: Packet) -> None:
        """To the part of its time that lies inside: a subtitle may have begun before, or last beyond."""
        if packet.pts is None:
            return
        first = max(packet.pts, math.ceil(self.begin_seconds / packet.time_base))
        last = min(packet.pts + (packet.duration or 0), math.floor(self.end_seconds / packet.time_base))
        packet.pts, packet.dts, packet.duration = first, first, max(0, last - first)


def _boundaries(clip: Clip, start: int, stop: int) -> list[int]:
    return [*clip.timestamps[start:stop], clip.timestamps[stop] if stop < len(clip) else clip.end_pts]


def _shift_of_whole(begin: Fraction, clip: Clip, container: str) -> Fraction:
    """None, unless pictures would lie before 0, or the container cannot hold what lies there.

    An mp4's AAC starts before 0 (encoder delay) and an edit list says so; Matroska has no such list, so all
    is moved up, by whole milliseconds. An MPEG-TS clock starts anywhere: its start becomes 0.
    """
    if clip.info.kind != "file":
        return Fraction(0)
    if clip.info.container in ("mpegts", "mpeg"):
        return -min(begin, _first_sound_seconds(clip, begin))
    if container in MATROSKA:
        earliest = min(begin, _first_sound_seconds(clip, begin))
        return Fraction(max(0, math.ceil(-earliest * 1000)), 1000)
    return max(Fraction(0), -begin)


def _first_sound_seconds(clip: Clip, otherwise: Fraction) -> Fraction:
    """Where the first sound packets start; a stream's start_time leaves out what a decoder would skip."""
    with open_input(clip.path) as source:
        packets = islice(source.demux(source.streams.audio), 64) if source.streams.audio else iter(())
        return min((p.pts * p.time_base for p in packets if p.pts is not None), default=otherwise)

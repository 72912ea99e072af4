"""What lies in a file beside its pictures, in a form that can be compared."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Disposition, Stream

from vidgan.media.container import open_input, video_streams
from vidgan.media.copying import can_hold
from vidgan.media.streams import codec_name, kept_metadata
from vidgan.media.window import Window


@dataclass(frozen=True)
class Piece:
    """A packet that is not a picture: when it starts, in seconds, and a digest of its bytes."""

    start: Fraction | None
    digest: bytes


@dataclass(frozen=True)
class Track:
    """A stream beside the pictures. kind: audio, subtitle, data, attachment or picture (a cover)."""

    kind: str
    codec: str
    pieces: tuple[Piece, ...]
    held: bool  # by the container that it is compared with
    language: str = ""

    @property
    def start(self) -> Fraction | None:
        return next((piece.start for piece in self.pieces if piece.start is not None), None)


@dataclass(frozen=True)
class Inventory:
    """chapters: (start, end, title), in seconds. held: of another container, see take."""

    tracks: tuple[Track, ...] = ()
    chapters: tuple[tuple[Fraction, Fraction, str], ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)

    def of_kind(self, kind: str) -> list[Track]:
        return [track for track in self.tracks if track.kind == kind]


def take(path: Path, container: str = "", window: Window | None = None) -> Inventory:
    """One pass over a file's packets.

    container: whose room is asked for, FFmpeg's name. window: only what is heard or seen in it.
    """
    with open_input(path) as source:
        pictures = {stream.index for stream in video_streams(source)}
        others = [
            stream for stream in source.streams if stream.index not in pictures and _counts(stream, source)
        ]
        pieces = _pieces(source, others, window)
        tracks = tuple(
            Track(
                _kind(stream),
                codec_name(stream),
                tuple(pieces.get(stream.index, ())),
                _fits(stream, container),
                _language(stream),
            )
            for stream in others
        )
        return Inventory(tracks, _chapters(source), dict(kept_metadata(source.metadata)))


def _counts(stream: Stream, source: InputContainer) -> bool:
    """Timecode and chapter tracks are made anew by every muxer."""
    return stream.type != "data" or not ("timecode" in stream.metadata or source.chapters())


def _fits(stream: Stream, container: str) -> bool:
    return bool(container) and can_hold(container, stream)


def _kind(stream: Stream) -> str:
    return "cover" if stream.disposition & Disposition.attached_pic else str(stream.type)


def _language(stream: Stream) -> str:
    told = stream.metadata.get("language", "")
    return "" if told == "und" else told


def _pieces(source: InputContainer, streams: list[Stream], window: Window | None) -> dict[int, list[Piece]]:
    found: dict[int, list[Piece]] = defaultdict(list)
    for stream in streams:
        if isinstance(stream, AttachmentStream):
            found[stream.index].append(Piece(None, _digest(stream.data)))
    read = [stream for stream in streams if not isinstance(stream, AttachmentStream)]
    samples: dict[int, _Samples] = {}
    for packet in source.demux(read) if read else ():
        if not packet.size or (window is not None and not window.holds(packet)):
            continue
        if codec_name(packet.stream).startswith("pcm"):
            samples.setdefault(packet.stream_index, _Samples(_seconds(packet))).add(bytes(packet))
        else:
            found[packet.stream_index].append(Piece(_seconds(packet), _digest(_payload(packet))))
    return found | {index: [whole.piece()] for index, whole in samples.items()}


class _Samples:
    """Sound that is not compressed is one piece, however a container cuts it into packets."""

    def __init__(self, start: Fraction | None) -> None:
        self._start, self._sum = start, hashlib.sha256()

    def add(self, data: bytes) -> None:
        self._sum.update(data)

    def piece(self) -> Piece:
        return Piece(self._start, self._sum.digest())


def _payload(packet: Packet) -> bytes:
    """Without what one container wraps around every packet and another does not."""
    data = bytes(packet)
    if (
        codec_name(packet.stream) == "aac"
        and data[:1] == b"\xff"
        and len(data) > 7
        and data[1] & 0xF6 == 0xF0
    ):
        return data[7 if data[1] & 1 else 9 :]  # the ADTS header of MPEG-TS
    if codec_name(packet.stream) in ("mov_text",):
        return data[2 : 2 + int.from_bytes(data[:2], "big")]
    return data


def _seconds(packet: Packet) -> Fraction | None:
    return None if packet.pts is None else packet.pts * packet.time_base


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _chapters(source: InputContainer) -> tuple[tuple[Fraction, Fraction, str], ...]:
    base = Fraction(1, 1000)
    return tuple(
        (
            chapter["start"] * (chapter["time_base"] or base),
            chapter["end"] * (chapter["time_base"] or base),
            chapter["metadata"].get("title", ""),
        )
        for chapter in source.chapters()
    )

"""Packets to frames: the right decoder for a stream, and which frames are damaged."""

import zlib
from collections.abc import Iterator

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_FOOTER = 8  # of an FFV1 slice: 3 bytes of size, 1 of errors, 4 of checksum


class Decoder:
    """Decodes one video stream. threads: 0 leaves their number to the decoder."""

    def __init__(self, container: InputContainer, stream: VideoStream, threads: int | None = None) -> None:
        self._container, self._stream = container, stream
        self._own = _decoder_with_alpha(stream)
        if threads is not None:
            context = self._own or stream.codec_context
            context.thread_type = "AUTO"  # the default, SLICE, leaves most decoders on one core
            context.thread_count = threads
        self._checksums = _Checksums() if stream.codec_context.name == "ffv1" else None

    def packets(self) -> Iterator[Packet]:
        """From where the container stands; the last is the empty one that flushes."""
        return self._container.demux(self._stream)

    def frames(self) -> Iterator[VideoFrame]:
        """In presentation order. Goes on past packets that do not decode; callers count what came."""
        for packet in self.packets():
            yield from self.decode(packet)

    def decode(self, packet: Packet) -> list[VideoFrame]:
        """The frames that a packet completes; none where it is damaged."""
        if self._checksums is not None:
            self._checksums.look_at(packet)
        try:
            if self._own is None:
                return packet.decode()
            return self._own.decode(packet if packet.size else None)
        except av.FFmpegError:
            return []

    def is_damaged(self, frame: VideoFrame) -> bool:
        return frame.is_corrupt or (self._checksums is not None and frame.pts in self._checksums.broken)


class _Checksums:
    """Of FFV1's slices. One whose checksum is wrong FFmpeg conceals by the frame before, and only logs it."""

    def __init__(self) -> None:
        self.broken: set[int | None] = set()
        self._known_to_be_there = False

    def look_at(self, packet: Packet) -> None:
        if packet.size:
            right = _slices_are_right(bytes(packet))
            self._known_to_be_there |= right
            if self._known_to_be_there and not right:
                self.broken.add(packet.pts)


def _slices_are_right(packet: bytes) -> bool:
    """Whether FFV1's slices (RFC 9043, 4.9), told apart from the end, each end in their checksum."""
    end = len(packet)
    while end:
        size = int.from_bytes(packet[end - _FOOTER : end - _FOOTER + 3], "big") + _FOOTER
        if end < _FOOTER or size > end:
            return False
        # Most significant bit first and without inversions, which zlib has the other way round.
        if zlib.crc32(packet[end - size : end].translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF:
            return False
        end -= size
    return True


def _decoder_with_alpha(stream: VideoStream) -> VideoCodecContext | None:
    """FFmpeg's own VP8 and VP9 decoders, the default, leave alpha out."""
    libraries = {"vp9": "libvpx-vp9", "vp8": "libvpx"}
    if not has_alpha_beside(stream) or stream.codec_context.name not in libraries:
        return None
    decoder = av.CodecContext.create(libraries[stream.codec_context.name], "r")
    assert isinstance(decoder, VideoCodecContext)
    return decoder


def has_alpha_beside(stream: VideoStream) -> bool:
    """Whether Matroska or WebM says that every packet has one of alpha beside it."""
    return any(key.lower() == "alpha_mode" and value == "1" for key, value in stream.metadata.items())

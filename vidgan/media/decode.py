"""Reading a video file: any range of frames, exactly what a decode of the whole gives there."""

from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidgan.errors import MediaError
from vidgan.media.clip import Clip, ClipInfo
from vidgan.media.colour import ToRGB
from vidgan.media.container import choose_video_stream, open_input
from vidgan.media.frame import Frame
from vidgan.media.index import Index, decode, decode_packet
from vidgan.media.orientation import Orientation


class FileClip(Clip):
    """A video stream of a file. Use open_clip. lenient: hand out damaged frames too."""

    def __init__(
        self,
        info: ClipInfo,
        index: Index,
        orientation: Orientation,
        end_pts: int,
        *,
        decode_threads: int,
        lenient: bool,
    ) -> None:
        super().__init__(info, index.timestamps, end_pts)
        self._lenient = lenient
        self._index = index
        self._orientation = orientation
        self._threads = decode_threads

    def _read(self, start: int, stop: int) -> Generator[Frame, None, None]:
        to_rgb = ToRGB(self.info.colour, deep=self.info.deep, codec=self.info.codec)
        position = start
        with closing(self._pictures(start, stop)) as pictures:
            for picture in pictures:
                pixels = self._orientation.apply(to_rgb(picture))
                yield Frame(
                    position, self.timestamps[position], self.duration(position), self.info.time_base, pixels
                )
                position += 1

    def _pictures(self, start: int, stop: int) -> Generator[VideoFrame, None, None]:
        """Decoded frames [start, stop): from a keyframe where that gives them, else from the file's start."""
        position = start
        for keyframe in self._entry_points(start, stop):
            for picture in self._decoded_from(keyframe, position, stop):
                self._check(picture, position)
                yield picture
                position += 1
            if position == stop:
                return
        raise MediaError(
            f"{self.path}: frame {position} does not decode, though the file lists {len(self)} frames: "
            "re-export it, or render only the frames before."
        )

    def _entry_points(self, start: int, stop: int) -> list[int | None]:
        """dts to start decoding at, best first; None is the start of the file."""
        if start == stop:
            return [None]
        before = [dts for pts, dts in self._index.keyframes if pts <= self.timestamps[start]]
        return [before[-1], None] if len(before) > 1 else [None]

    def _decoded_from(self, keyframe: int | None, start: int, stop: int) -> Iterator[VideoFrame]:
        """Yields frames start, start+1, … until stop or until one is not what the index says."""
        if start == stop:
            return
        with open_input(self.path) as container:
            _, stream = choose_video_stream(container, self.path, self.info.stream)
            stream.thread_type = "AUTO"  # the default, SLICE, leaves most decoders on one core
            stream.thread_count = self._threads
            if keyframe is None:
                decoded = decode(container, stream)
            else:
                decoded = self._decode_after_seek(container, stream, keyframe, self.timestamps[start])
            yield from self._matching(decoded, start, stop)

    def _decode_after_seek(
        self, container: InputContainer, stream: VideoStream, keyframe: int, target: int
    ) -> Iterator[VideoFrame]:
        """Seek, and decode only if the packet found there is a keyframe at or before the target."""
        container.seek(keyframe, stream=stream, backward=True)
        packets = container.demux(stream)
        first = next(packets)
        # MPEG-TS lands anywhere: then nothing comes out, and the caller reads from the start.
        if not first.is_keyframe or first.pts is None or first.pts > target:
            return
        yield from decode_packet(first)
        for packet in packets:
            yield from decode_packet(packet)

    def _matching(self, decoded: Iterator[VideoFrame], start: int, stop: int) -> Iterator[VideoFrame]:
        if self._index.counted:
            yield from islice(decoded, start, stop)
            return
        position = start
        for picture in decoded:
            if picture.pts is not None and picture.pts < self.timestamps[position]:
                continue
            if picture.pts != self.timestamps[position]:
                return
            yield picture
            position += 1
            if position == stop:
                return

    def _check(self, picture: VideoFrame, position: int) -> None:
        width, height = self.info.width, self.info.height
        if self._orientation.transpose:
            width, height = height, width
        if (picture.width, picture.height) != (width, height):
            raise MediaError(
                f"{self.path} changes size at frame {position}, from {width}x{height} to "
                f"{picture.width}x{picture.height}: split it there, or export it at one size."
            )
        if picture.format.name != self.info.pix_fmt:
            raise MediaError(
                f"{self.path} changes from {self.info.pix_fmt} to {picture.format.name} at frame {position}: "
                "split it there, or export it in one format."
            )
        if picture.interlaced_frame:
            raise interlaced(self.path)
        if picture.is_corrupt and not self._lenient:
            raise MediaError(
                f"{self.path}: frame {position} is damaged: "
                "re-export it, or pass --allow-truncated to render it as far as it decodes."
            )


def interlaced(path: Path) -> MediaError:
    """The refusal: fields of two moments must never be translated as if they were one picture."""
    return MediaError(
        f"{path} is interlaced, whole frames were expected: "
        f"deinterlace it first, e.g. ffmpeg -i {path.name} -vf bwdif -c:a copy progressive.mov"
    )

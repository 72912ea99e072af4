"""Reading a video file: any range of frames, exactly what a decode of the whole gives there."""

from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import islice

from av.video.frame import VideoFrame
from numpy.typing import NDArray

from vidgan.errors import MediaError
from vidgan.media.clip import Clip, ClipInfo
from vidgan.media.container import choose_video_stream, open_input
from vidgan.media.convert import ToRGB
from vidgan.media.decoder import Decoder
from vidgan.media.fields import deinterlaced
from vidgan.media.frame import Frame
from vidgan.media.index import Index
from vidgan.media.orientation import Orientation


class FileClip(Clip):
    """A video stream of a file. Use open_clip. lenient: hand out damaged frames too, and
    for one that does not decode the one before it."""

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
        self._concealed: set[int] = set()
        self._damaged: set[int] = set()

    def _read(self, start: int, stop: int) -> Generator[Frame, None, None]:
        to_rgb = ToRGB(self.info.colour, codec=self.info.codec)
        position = start
        with closing(self._pictures(start, stop)) as pictures:
            for picture in pictures:
                pixels, alpha = to_rgb(picture)
                yield self._frame(position, pixels, alpha)
                position += 1

    def _frame(self, position: int, pixels: NDArray, alpha: NDArray | None) -> Frame:
        turned = self._orientation.apply
        return Frame(
            position,
            self.timestamps[position],
            self.duration(position),
            self.info.time_base,
            turned(pixels),
            None if alpha is None else turned(alpha),
        )

    def _pictures(self, start: int, stop: int) -> Generator[VideoFrame, None, None]:
        """Frames [start, stop), whole ones also where fields are stored."""
        if not self.info.field_order:
            return self._stored(start, stop)
        first, last = max(0, start - 1), min(len(self), stop + 1)  # what bwdif looks at
        return self._deinterlaced(self._stored(first, last), start - first, stop - first)

    def _deinterlaced(
        self, stored: Generator[VideoFrame], start: int, stop: int
    ) -> Generator[VideoFrame, None, None]:
        with closing(stored):
            yield from islice(deinterlaced(stored, self.info.field_order), start, stop)

    def _stored(self, start: int, stop: int) -> Generator[VideoFrame, None, None]:
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
            "re-export it, or pass --allow-truncated to show the frame before in its place."
        )

    def _entry_points(self, start: int, stop: int) -> list[int | None]:
        """dts to start decoding at, best first; None is the start of the file."""
        if start == stop or self._lenient:  # what stands in for damage may come from anywhere before
            return [None]
        before = [dts for pts, dts in self._index.keyframes if pts <= self.timestamps[start]]
        return [before[-1], None] if len(before) > 1 else [None]

    def _decoded_from(self, keyframe: int | None, start: int, stop: int) -> Iterator[VideoFrame]:
        """Yields frames start, start+1, … until stop or until one is not what the index says."""
        if start == stop:
            return
        with open_input(self.path) as container:
            _, stream = choose_video_stream(container, self.path, self.info.stream)
            # What counts as damaged depends on threads, too: with one it is the same every time.
            decoder = Decoder(container, stream, 1 if self._lenient else self._threads)
            if keyframe is None:
                decoded = decoder.frames()
            else:
                container.seek(keyframe, stream=stream, backward=True)
                decoded = self._decode_after_seek(decoder, self.timestamps[start])
            matching = self._concealing if self._lenient else self._matching
            yield from matching(decoded, decoder, start, stop)

    def _decode_after_seek(self, decoder: Decoder, target: int) -> Iterator[VideoFrame]:
        """Decode only if the packet found there is a keyframe at or before the target."""
        packets = decoder.packets()
        first = next(packets)
        # MPEG-TS lands anywhere: then nothing comes out, and the caller reads from the start.
        if not first.is_keyframe or first.pts is None or first.pts > target:
            return
        yield from decoder.decode(first)
        for packet in packets:
            yield from decoder.decode(packet)

    def _matching(
        self, decoded: Iterator[VideoFrame], decoder: Decoder, start: int, stop: int
    ) -> Iterator[VideoFrame]:
        position = start
        for picture in islice(decoded, start, stop) if self._index.counted else decoded:
            if not self._index.counted:
                if picture.pts is not None and picture.pts < self.timestamps[position]:
                    continue
                if picture.pts != self.timestamps[position]:
                    return
            if decoder.is_damaged(picture):
                raise MediaError(
                    f"{self.path}: frame {position} is damaged: "
                    "re-export it, or pass --allow-truncated to render it as far as it decodes."
                )
            yield picture
            position += 1
            if position == stop:
                return

    def _concealing(
        self, decoded: Iterator[VideoFrame], decoder: Decoder, start: int, stop: int
    ) -> Iterator[VideoFrame]:
        """Every frame of the index; for one that does not decode the one before, and what it was is noted."""
        position, before = start, None
        for number, picture in enumerate(decoded):
            while position < stop and self._is_beyond(picture, number, position):
                self._concealed.add(position)
                yield before or picture
                position += 1
            if position == stop:
                return
            before = picture
            if self._is(picture, number, position):
                if decoder.is_damaged(picture):
                    self._damaged.add(position)
                yield picture
                position += 1
        if before is not None:
            for missing in range(position, stop):
                self._concealed.add(missing)
                yield before

    def _is(self, picture: VideoFrame, number: int, position: int) -> bool:
        return number == position if self._index.counted else picture.pts == self.timestamps[position]

    def _is_beyond(self, picture: VideoFrame, number: int, position: int) -> bool:
        if self._index.counted or picture.pts is None:
            return False
        return picture.pts > self.timestamps[position]

    @property
    def lenient(self) -> bool:
        return self._lenient

    def losses(self) -> list[str]:
        concealed = f"{_counted(self._concealed)} did not decode: the frame before stands in for each"
        damaged = f"{_counted(self._damaged)} damaged: shown as far as possible, and what is drawn from it"
        return [text for text, found in ((concealed, self._concealed), (damaged, self._damaged)) if found]

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
        if picture.interlaced_frame and not self.info.field_order:
            raise MediaError(
                f"{self.path} turns interlaced at frame {position}: split it there, "
                f"or deinterlace it first, e.g. ffmpeg -i {self.path.name} -vf bwdif -c:a copy frames.mov"
            )


def _counted(frames: set[int]) -> str:
    """In words: frame 3, or 5 frames (3, 7, 9-11)."""
    runs: list[list[int]] = []
    for frame in sorted(frames):
        if runs and frame == runs[-1][-1] + 1:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    named = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs[:6])
    more = ", ..." if len(runs) > 6 else ""
    return f"frame {named}" if len(frames) == 1 else f"{len(frames)} frames ({named}{more})"

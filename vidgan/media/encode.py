"""Encoding pictures into a part: one video stream alone, to be joined and given sound by mux."""

import io
import os
from contextlib import nullcontext, suppress
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from vidgan.errors import OutputError
from vidgan.media.clip import ClipInfo
from vidgan.media.codecs import Codec
from vidgan.media.colour import stored_colour
from vidgan.media.container import ffmpeg_name
from vidgan.media.convert import FromRGB
from vidgan.media.digest import FramesDigest
from vidgan.media.frame import Frame
from vidgan.media.output import discard, disk_errors, publish, temporary_beside
from vidgan.media.scheduling import ordinary_scheduling
from vidgan.media.sequence import SequenceWriter

_PIXELS = (np.float32, np.uint8, np.uint16)


class PictureWriter:
    """Writes frames into the part file `path`, which appears, complete and synced, when closed.

    digest: of all frames written so far, as the encoder was given them.
    info: of the clip that the frames come from: size, rate, time base, aspect and colour tags are its own.
    As a context manager it closes, or after an exception removes what was written. Raises OutputError for
    what the disk refuses.
    """

    def __init__(self, path: str | os.PathLike[str], info: ClipInfo, codec: Codec) -> None:
        self.frame_count = 0
        self.digest = FramesDigest()
        self._info = info
        self._last_pts: int | None = None
        self._open = True
        self._colour = stored_colour(info.colour, codec.pix_fmt, codec.encoder)
        self._convert = FromRGB(self._colour, codec.pix_fmt)
        self._final = Path(path)
        self._temporary = temporary_beside(self._final)
        self._container = av.open(ffmpeg_name(self._temporary), "w", format=codec.part)
        self._stream = _add_stream(self._container, info, codec)

    def write(self, frame: Frame) -> None:
        """Encode one frame: pixels (info.height, info.width, 3), float32 or integers; pts must rise."""
        self._check(frame)
        picture = self._convert(frame.pixels, frame.alpha)
        self.digest.add(picture)
        picture.pts, picture.time_base, picture.duration = frame.pts, self._info.time_base, frame.duration
        # ProRes writes into its own header what a frame says, not what its stream does.
        picture.color_primaries, picture.color_trc = self._colour.primaries, self._colour.transfer
        picture.colorspace, picture.color_range = self._colour.matrix, self._colour.range
        with disk_errors(self._final):
            # The first opens the encoder.
            with nullcontext() if self.frame_count else ordinary_scheduling():
                packets = self._stream.encode(picture)
            self._container.mux(packets)
        self._last_pts = frame.pts
        self.frame_count += 1

    def close(self) -> None:
        """Finish the part and give it its name. ValueError if no frame was written; harmless twice."""
        if not self._open:
            return
        try:
            if self.frame_count == 0:
                raise ValueError("a part without frames was closed")
            with disk_errors(self._final):
                self._container.mux(self._stream.encode(None))
                self._container.close()
                publish(self._temporary, self._final)
            self._open = False
        finally:
            self.abort()

    def abort(self) -> None:
        """Throw away what was written; harmless after close."""
        if not self._open:
            return
        self._open = False
        with suppress(OSError, ValueError):  # a full disk fails again here
            self._container.close()
        discard(self._temporary)

    def __enter__(self) -> "PictureWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def _check(self, frame: Frame) -> None:
        expected = (self._info.height, self._info.width, 3)
        if frame.pixels.shape != expected or frame.pixels.dtype not in _PIXELS:
            raise ValueError(
                f"expected {expected} float32, uint8 or uint16 pixels, "
                f"got {frame.pixels.shape} {frame.pixels.dtype}"
            )
        if self._last_pts is not None and frame.pts <= self._last_pts:
            raise ValueError(f"pts must rise: {frame.pts} after {self._last_pts}")


Writer = PictureWriter | SequenceWriter


def picture_writer(path: Path, info: ClipInfo, codec: Codec) -> Writer:
    """What a codec writes with: a part, or a folder of pictures."""
    return SequenceWriter(path, info, codec) if codec.pictures else PictureWriter(path, info, codec)


def check_encoder(out: str | os.PathLike[str], info: ClipInfo, codec: Codec) -> None:
    """Find out before any work whether the encoder takes pictures of this size. Raises OutputError."""
    if codec.pictures:
        return
    try:
        with ordinary_scheduling(), av.open(io.BytesIO(), "w", format=codec.part) as trial:
            _add_stream(trial, info, codec)
            trial.start_encoding()
    except (av.FFmpegError, ValueError, OSError) as error:
        limit = " (it needs 256x120 at least)" if codec.name == "dnxhr" else ""
        size = f"{info.width}x{info.height}{limit}"
        raise OutputError(
            f"{out}: {codec.name} does not take pictures of {size}: choose another --codec."
        ) from error


def _quietened() -> None:
    """SVT-AV1 would tell all its settings on standard error."""
    os.environ.setdefault("SVT_LOG", "1")


def _add_stream(container: OutputContainer, info: ClipInfo, codec: Codec) -> VideoStream:
    _quietened()
    stream = container.add_stream(codec.encoder, rate=info.average_rate, options=dict(codec.options))
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = info.width, info.height, codec.pix_fmt
    context.thread_type = "AUTO"
    # Both: with only one of them set, frames silently snap to 1/rate.
    stream.time_base = context.time_base = info.time_base
    if info.sample_aspect_ratio != 1:
        context.sample_aspect_ratio = info.sample_aspect_ratio
    colour = stored_colour(info.colour, codec.pix_fmt, codec.encoder)
    context.color_primaries, context.color_trc = colour.primaries, colour.transfer
    context.colorspace, context.color_range = colour.matrix, colour.range
    return stream

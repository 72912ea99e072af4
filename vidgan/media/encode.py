"""Encoding pictures into a part: one video stream alone, to be joined and given sound by mux."""

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from vidgan.media.clip import ClipInfo
from vidgan.media.codecs import DEFAULT_CRF, Codec
from vidgan.media.colour import FromRGB, stored_colour
from vidgan.media.container import ffmpeg_name
from vidgan.media.frame import Frame
from vidgan.media.output import discard, disk_errors, publish, temporary_beside

# NUT keeps any time base exactly and H.264 and FFV1 alike, and what was written survives a crash. (Matroska
# would round to milliseconds, mov rounds a late start to its movie timescale.)
PART_FORMAT = "nut"


class PictureWriter:
    """Writes frames into the part file `path`, which appears, complete and synced, when closed.

    info: of the clip that the frames come from: size, rate, time base, aspect and colour tags are its own.
    crf: of H.264, 0 (lossless) to 51; None is DEFAULT_CRF; FFV1 has none. As a context manager it closes,
    or after an exception removes what was written. Raises OutputError for what the disk refuses.
    """

    def __init__(
        self, path: str | os.PathLike[str], info: ClipInfo, codec: Codec, crf: int | None = None
    ) -> None:
        self.frame_count = 0
        self._info = info
        self._last_pts: int | None = None
        self._open = True
        self._convert = FromRGB(stored_colour(info.colour, codec.pix_fmt), codec.pix_fmt)
        self._final = Path(path)
        self._temporary = temporary_beside(self._final)
        self._container = av.open(ffmpeg_name(self._temporary), "w", format=PART_FORMAT)
        self._stream = _add_stream(self._container, info, codec, crf)

    def write(self, frame: Frame) -> None:
        """Encode one frame: pixels (info.height, info.width, 3), uint8 or uint16; pts must rise."""
        self._check(frame)
        picture = self._convert(frame.pixels)
        picture.pts, picture.time_base, picture.duration = frame.pts, self._info.time_base, frame.duration
        with disk_errors(self._final):
            self._container.mux(self._stream.encode(picture))
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
        if frame.pixels.shape != expected or frame.pixels.dtype not in (np.uint8, np.uint16):
            raise ValueError(
                f"expected {expected} uint8 or uint16 pixels, got {frame.pixels.shape} {frame.pixels.dtype}"
            )
        if self._last_pts is not None and frame.pts <= self._last_pts:
            raise ValueError(f"pts must rise: {frame.pts} after {self._last_pts}")


def _checked(crf: int | None) -> int:
    if crf is not None and not 0 <= crf <= 51:
        raise ValueError(f"crf must be 0 (lossless) to 51, got {crf}")
    return DEFAULT_CRF if crf is None else crf


def _add_stream(container: OutputContainer, info: ClipInfo, codec: Codec, crf: int | None) -> VideoStream:
    options = dict(codec.options)
    if codec.name == "h264":
        options["crf"] = str(_checked(crf))
    stream = container.add_stream(codec.encoder, rate=info.average_rate, options=options)
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = info.width, info.height, codec.pix_fmt
    context.thread_type = "AUTO"
    # Both: with only one of them set, frames silently snap to 1/rate.
    stream.time_base = context.time_base = info.time_base
    if info.sample_aspect_ratio != 1:
        context.sample_aspect_ratio = info.sample_aspect_ratio
    colour = stored_colour(info.colour, codec.pix_fmt)
    context.color_primaries, context.color_trc = colour.primaries, colour.transfer
    context.colorspace, context.color_range = colour.matrix, colour.range
    return stream

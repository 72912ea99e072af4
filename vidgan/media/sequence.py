"""Writing numbered pictures: PNG of 8 or 16 bits, OpenEXR in scene-linear floats."""

import os
import shutil
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from vidgan.media.clip import Clip, ClipInfo, StreamSummary
from vidgan.media.codecs import Codec
from vidgan.media.colour import stored_colour
from vidgan.media.convert import FromRGB
from vidgan.media.digest import FramesDigest
from vidgan.media.frame import Frame
from vidgan.media.linear import to_linear
from vidgan.media.numbering import matching, numbered
from vidgan.media.output import disk_errors, rename, sync_folder, temporary_beside

_PLAIN = "an image sequence holds pictures alone"


class SequenceWriter:
    """Writes frames as files of a folder of its own, 0.png on, until publish_pictures names them.

    The folder appears, complete and synced, when the writer is closed; after an exception it does not.
    digest: as of PictureWriter. Raises OutputError for what the disk refuses.
    """

    def __init__(self, folder: Path, info: ClipInfo, codec: Codec) -> None:
        self.frame_count = self._files = 0
        self.digest = FramesDigest()
        self._final, self._folder, self._codec = folder, temporary_beside(folder), codec
        self._convert = FromRGB(stored_colour(info.colour, codec.pix_fmt), codec.pix_fmt)
        self._encoder = _encoder(info, codec)
        with disk_errors(folder):
            self._folder.mkdir()

    def write(self, frame: Frame) -> None:
        """Encode one frame: pixels (info.height, info.width, 3)."""
        pixels = to_linear(frame.pixels) if self._codec.name == "exr" else frame.pixels
        picture = self._convert(pixels, frame.alpha)
        self.digest.add(picture)
        picture.pts, picture.time_base = frame.index, Fraction(1, 1000)
        self._keep(self._encoder.encode(picture))
        self.frame_count += 1

    def close(self) -> None:
        """Finish what is under way, and give the folder its name."""
        try:
            self._keep(self._encoder.encode(None))
            with disk_errors(self._final):
                sync_folder(self._folder)
                shutil.rmtree(self._final, ignore_errors=True)  # of an attempt that did not come to enter it
                rename(self._folder, self._final)
        finally:
            self.abort()

    def abort(self) -> None:
        """Throw away what was written; harmless after close."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> "SequenceWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def _keep(self, packets: list[Packet]) -> None:
        for packet in packets:
            path = self._folder / f"{self._files}.{self._codec.name}"
            with disk_errors(path), path.open("wb") as file:
                file.write(bytes(packet))
                file.flush()
                os.fsync(file.fileno())
            self._files += 1


def publish_pictures(
    parts: Sequence[tuple[Path, int]], pattern: Path, first: int, *, alone: bool = True
) -> None:
    """Give the pictures of SequenceWriters their names. alone: older ones of the pattern go.

    parts: each writer's folder, and how many pictures it wrote, in order. first: the number of the first
    picture. The pattern's folder is made where only it is missing. Called again after it was broken off,
    it goes on: a picture that has left its folder has its name.
    """
    names = [numbered(pattern, first + position) for position in range(sum(count for _, count in parts))]
    made = [folder / f"{n}{pattern.suffix.lower()}" for folder, count in parts for n in range(count)]
    with disk_errors(pattern):
        pattern.parent.mkdir(exist_ok=True)
        for file, name in zip(made, names, strict=True):
            if file.exists():
                os.replace(file, name)
        sync_folder(pattern.parent)
        for stale in set(matching(pattern)).difference(names) if alone else ():
            stale.unlink()


def lost_in_pictures(clip: Clip) -> Iterator[str]:
    """What of a clip numbered pictures cannot hold."""
    info = clip.info
    for stream in (*info.audio_streams, *info.subtitle_streams, *info.other_streams):
        yield f"{_PLAIN}: the {_called(stream)} left out"
    told = info.colour.names()
    named = {told["primaries"], told["transfer"]} - {"unknown"}
    rest = {
        f"{info.chapters} chapters": info.chapters,
        f"the metadata {', '.join(sorted(info.metadata))}": info.metadata,
        f"the timecode {info.timecode}": info.timecode,
        f"the colour tags {', '.join(sorted(named))}": named and info.kind == "file",
    }
    for name, there in rest.items():
        if there:
            yield f"{_PLAIN}: {name} left out"
    if len(info.video_streams) > 1:
        yield f"{_PLAIN}: the other video streams are left out"
    if len({clip.duration(index) for index in range(len(clip) - 1)}) > 1:
        yield f"{_PLAIN}: the variable frame rate is left out"
    elif info.kind == "file":
        yield f"{_PLAIN}: read it at {info.average_rate} frames a second (--rate)"
    if info.sample_aspect_ratio != 1:
        yield f"{_PLAIN}: the pixels' shape {info.sample_aspect_ratio} is left out"


def _called(stream: StreamSummary) -> str:
    kind = "cover picture" if stream.kind == "video" else f"{stream.kind} stream"
    return f"{kind} {stream.index} ({stream.codec})"


def _encoder(info: ClipInfo, codec: Codec) -> VideoCodecContext:
    encoder = av.CodecContext.create(codec.encoder, "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = info.width, info.height, codec.pix_fmt
    encoder.time_base, encoder.framerate = Fraction(1, 1000), info.average_rate
    encoder.options, encoder.thread_type = dict(codec.options), "AUTO"
    return encoder

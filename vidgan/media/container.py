"""Opening files through FFmpeg, with errors that name the file and the remedy."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from vidgan.errors import MediaError, TruncatedError, UsageError

# Above this a header is a mistake or an attack: 16384 x 16384 is twice the side of 8K.
MAX_PIXELS = 16384 * 16384


def ffmpeg_name(path: str | Path) -> str:
    """A name that FFmpeg takes literally: without `file:`, `x:y.mp4` would be protocol x."""
    return "file:" + os.fspath(path)


@contextmanager
def open_input(path: Path) -> Iterator[InputContainer]:
    """Open a media file for reading. Raises MediaError for what is missing or is not media."""
    require_file(path)
    try:
        # Metadata that is not UTF-8 would raise under the default.
        container = av.open(ffmpeg_name(path), metadata_errors="surrogateescape")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    with container:
        yield container


def require_file(path: Path) -> None:
    if not path.exists():
        raise MediaError(f"{path} does not exist: check the name.")
    if path.is_dir():
        raise MediaError(f"{path} is a folder, a file was expected.")
    if path.stat().st_size == 0:
        raise MediaError(f"{path} is empty (0 bytes): copy or export it again.")


def video_streams(container: InputContainer) -> list[VideoStream]:
    """Moving pictures only: cover art and thumbnails are pictures attached to the file, not video."""
    still = Disposition.attached_pic | Disposition.timed_thumbnails
    return [stream for stream in container.streams.video if not stream.disposition & still]


def choose_video_stream(container: InputContainer, path: Path, wanted: int | None) -> tuple[int, VideoStream]:
    """The stream asked for by its position among the video streams, else the default, else the first.

    Raises MediaError where there is none, or only something absurd; UsageError for a number out of range.
    """
    streams = [stream for stream in video_streams(container) if stream.codec_context is not None]
    if not streams:
        raise MediaError(f"{path} has no video{_what_else(container)}: give a clip with pictures.")
    if wanted is not None and not 0 <= wanted < len(streams):
        raise UsageError(f"{path} has no video stream {wanted}: it has {len(streams)}, counted from 0.")
    chosen = _default_stream(streams) if wanted is None else wanted
    check_size(streams[chosen].width, streams[chosen].height, path)
    return chosen, streams[chosen]


def check_size(width: int, height: int, path: object) -> None:
    """Refuse, before anything is decoded, a size no real picture has."""
    if width <= 0 or height <= 0:  # FFmpeg forgets a size that it would not decode
        raise MediaError(
            f"{path} has no picture size that can be decoded (none, or over 16384x16384): export it again."
        )
    if width * height > MAX_PIXELS:
        raise MediaError(
            f"{path} says it is {width}x{height}, over the limit of 16384x16384: scale it down first."
        )


def _default_stream(streams: list[VideoStream]) -> int:
    return next((i for i, stream in enumerate(streams) if stream.disposition & Disposition.default), 0)


def _what_else(container: InputContainer) -> str:
    kinds = sorted({str(stream.type) for stream in container.streams} - {"video"})
    cover = ["a still picture"] if container.streams.video else []
    return f", only {' and '.join(kinds + cover)}" if kinds or cover else ""


_SIGNATURES = {
    b"\x1aE\xdf\xa3": "a Matroska or WebM file",
    b"RIFF": "an AVI or WAV file",
    b"GIF8": "a GIF",
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a zip archive",
    b"\x00\x00\x01\xba": "an MPEG program stream",
}


def what_it_is(path: Path) -> str:
    """What a file is by its first bytes, where that is no picture: "an AVI file"; "" where unknown."""
    head = _head(path)
    if head[4:8] == b"ftyp":
        return "an mp4 or mov file"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ""
    return next((name for begin, name in _SIGNATURES.items() if head.startswith(begin)), "")


def _unreadable(path: Path, error: Exception) -> MediaError:
    if isinstance(error, PermissionError):
        return MediaError(f"{path} may not be read: change its permissions.")
    head = _head(path)
    if head[4:8] == b"ftyp":
        return TruncatedError(
            f"{path} is cut off before its index (the moov atom), so nothing decodes: export it again."
        )
    return MediaError(
        f"{path} is not a video that can be read ({_reason(error)}): export it again, as mp4, mov or mkv."
    )


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(16)
    except OSError:
        return b""


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower().splitlines()[0]


def ffmpeg_version() -> str:
    """Of the codecs that PyAV carries."""
    return ".".join(map(str, av.library_versions["libavcodec"]))

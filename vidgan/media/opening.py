"""open_clip: one door for video files, folders of pictures and numbered patterns."""

import os
from fractions import Fraction
from pathlib import Path

from vidgan.media.clip import Clip
from vidgan.media.file import open_file
from vidgan.media.folder import is_picture, looks_like_pattern, open_pictures


def open_clip(
    path: str | os.PathLike[str],
    *,
    stream: int | None = None,
    allow_truncated: bool = False,
    decode_threads: int = 0,
    rate: Fraction | int | None = None,
) -> Clip:
    """Open a clip: a video file, a folder of pictures, one picture, or a pattern such as frames/%05d.png.

    stream: which video stream, counted from 0 among the file's video streams (cover art is none); default
    is the file's own default. rate: frames a second for pictures (24 unless given) and for streams without
    timestamps. decode_threads: 0 leaves the number to the decoder. Reads all packets and decodes one frame.
    Raises MediaError, TruncatedError unless allow_truncated, and UsageError for a stream that is not there.
    """
    place = Path(path)
    given = Fraction(rate) if rate is not None else None
    if place.is_dir() or is_picture(place) or looks_like_pattern(place):
        return open_pictures(place, given or Fraction(24))
    return open_file(
        place, stream=stream, allow_truncated=allow_truncated, decode_threads=decode_threads, rate=given
    )

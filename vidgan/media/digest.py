"""What tells whether two renders are the same: a hash of frames as they are before they are encoded."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from vidgan.media.planes import plain_format, planes

_BLOCK = 2**20


class FramesDigest:
    """SHA-256 of frames, plane by plane and row by row, without the padding that a plane's memory has."""

    def __init__(self) -> None:
        self._hash = sha256()

    def add(self, frame: VideoFrame) -> None:
        for plane in _bytes_of(frame):
            self._hash.update(np.ascontiguousarray(plane).data)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def file_sha256(*paths: Path) -> str:
    """Of the bytes of one file, or of several one after the other. OSError where one cannot be read."""
    found = sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                found.update(block)
    return found.hexdigest()


def _bytes_of(frame: VideoFrame) -> Iterator[NDArray]:
    if plain_format(frame.format.name) == frame.format.name:
        yield from planes(frame)
        return
    row_bytes = frame.width * frame.format.padded_bits_per_pixel // 8
    for plane in frame.planes:  # packed: one
        yield np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)[:, :row_bytes]

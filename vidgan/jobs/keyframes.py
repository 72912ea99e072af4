"""Painted keyframes: frames of the clip that somebody painted over, read and checked before any work."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vidgan.errors import UsageError
from vidgan.jobs.options import Watch
from vidgan.jobs.source import frame_number, same_proportions
from vidgan.media import Clip, read_alpha, read_picture
from vidgan.resample import resize, to_pixels, to_tensor

_SAME = 6  # levels: what saving as JPEG may change
_UNCHANGED = 1e-4  # of the pixels: fewer changed ones are no painting


@dataclass(frozen=True)
class Keyframe:
    """number: the frame's. frame, painting: (H, W, 3) uint8, of one size. mask: (H, W) in [0, 1]."""

    number: int
    frame: np.ndarray
    painting: np.ndarray
    mask: np.ndarray


def read_keyframes(
    clip: Clip, paintings: Sequence[str], masks: Sequence[str], watch: Watch
) -> list[Keyframe]:
    """paintings, masks: "FRAME=PICTURE" or "TIMECODE=PICTURE" each. In the clip's order.

    Paintings of another size are resized with a notice. Raises UsageError for a frame that is given twice or
    not in the clip, for a mask without its keyframe, for another aspect ratio; MediaError as read_picture.
    """
    painted = _by_frame(clip, paintings, "-k")
    masked = _by_frame(clip, masks, "--mask")
    lost = sorted(masked.keys() - painted.keys())
    if lost:
        raise UsageError(f"--mask {lost[0]}={masked[lost[0]]} masks no keyframe: give -k {lost[0]}=PICTURE")
    return [_keyframe(clip, number, painted[number], masked.get(number), watch) for number in sorted(painted)]


def paths_of(given: Sequence[str]) -> list[Path]:
    """The pictures that "FRAME=PICTURE" each name; what is malformed is refused when it is read."""
    return [Path(text.partition("=")[2]) for text in given if text.partition("=")[2]]


def _by_frame(clip: Clip, given: Sequence[str], option: str) -> dict[int, Path]:
    found: dict[int, Path] = {}
    for text in given:
        place, equals, path = text.partition("=")
        if not equals or not place or not path:
            raise UsageError(f"{option} {text} is not FRAME=PICTURE: write it as {option} 48=painted.png")
        number = frame_number(clip, place)
        if number in found:
            raise UsageError(f"{option} names frame {number} twice: {found[number]} and {path}")
        found[number] = Path(path)
    return found


def _keyframe(clip: Clip, number: int, painting: Path, mask: Path | None, watch: Watch) -> Keyframe:
    frame = to_pixels(to_tensor(clip.frame(number).pixels))
    painted = _at_size(read_picture(painting), frame.shape[:2], painting, watch)
    counts: NDArray = np.ones(frame.shape[:2], np.float32)
    alpha = read_alpha(painting)
    if alpha is not None:
        counts = cv2.resize(alpha, frame.shape[1::-1], interpolation=cv2.INTER_AREA)
        if counts.max() < 0.5:
            raise UsageError(f"{painting} is transparent: what is painted has to be opaque")
        watch.notice(f"{painting} is transparent in places: those do not count")
    if mask is not None:
        white = _at_size(read_picture(mask), frame.shape[:2], mask, watch).mean(2, dtype=np.float32) / 255
        if (counts * white).max() < 0.5:
            raise UsageError(f"{mask} is black: white says which part of the keyframe counts")
        counts = counts * white
    changed = np.abs(painted.astype(np.int16) - frame).max(2) > _SAME
    if (changed & (counts > 0)).mean() < _UNCHANGED:
        watch.notice(f"{painting} is frame {number} itself: there the result is the source")
    return Keyframe(number, frame, painted, counts)


def _at_size(picture: np.ndarray, size: tuple[int, ...], path: Path, watch: Watch) -> np.ndarray:
    height, width = size
    given = f"{picture.shape[1]}x{picture.shape[0]}"
    if not same_proportions(picture, size):
        raise UsageError(f"{path} is {given}, the clip {width}x{height}: give the same proportions")
    if picture.shape[:2] == (height, width):
        return picture
    watch.notice(f"{path} is {given} and was resized to the clip's {width}x{height}")
    return to_pixels(resize(to_tensor(picture), (height, width)))

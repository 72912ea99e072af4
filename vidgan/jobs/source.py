"""The clip that a job works on: opened, surveyed, and asked for frames by number or timecode."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path

from numpy.typing import NDArray

from vidgan.config import Recipe
from vidgan.errors import UsageError
from vidgan.jobs.heap import keep_heap_level
from vidgan.jobs.options import Options, Progress, Watch
from vidgan.keyframes import Survey, survey
from vidgan.media import Clip, Frame, open_clip
from vidgan.stream import prefetch

_ASPECT_TOLERANCE = 0.01  # a painting program's rounding; more would shift what is painted
_TIMECODE = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)")


def open_source(path: str | Path, options: Options, watch: Watch) -> Clip:
    """Open a clip and pass on what the user should know about it."""
    keep_heap_level()
    clip = open_clip(path, stream=options.stream, allow_truncated=options.allow_truncated, rate=options.rate)
    for notice in clip.info.notices:
        watch.notice(notice)
    return clip


def same_proportions(pixels: NDArray, size: tuple[int, ...]) -> bool:
    """Whether a picture has those of that (height, width), but for the rounding of its own pixels."""
    height, width = size
    ours = pixels.shape[1] * height / (pixels.shape[0] * width)
    return abs(ours - 1) <= max(_ASPECT_TOLERANCE, 1.5 / min(pixels.shape[:2]))


def survey_clip(clip: Clip, recipe: Recipe, watch: Watch) -> Survey:
    """One pass over the clip for its cuts and its representative frame."""
    with closing(prefetch(clip.frames(), name="decode")) as frames:
        return survey(_watched(frames, len(clip), watch), recipe.decode.cut_threshold)


def frame_number(clip: Clip, place: str | int) -> int:
    """The frame that a FRAME number (from 0, as decoded) or a TIMECODE (HH:MM:SS.mmm) names.

    UsageError where it is neither, or lies outside the clip.
    """
    text = str(place)
    number = int(text) if text.isdecimal() else _frame_at(clip, _seconds(text))
    if not 0 <= number < len(clip):
        frames = f"its {len(clip)} frames are numbered 0 to {len(clip) - 1}"
        raise UsageError(f"{clip.path} has no frame {text}: {frames}")
    return number


def chosen_frame(clip: Clip, place: str | int | None) -> int | None:
    """frame_number, or None where none was asked for."""
    return None if place is None else frame_number(clip, place)


def _seconds(text: str) -> Fraction:
    match = _TIMECODE.fullmatch(text)
    if not match:
        raise UsageError(f"{text!r} is neither a frame number nor a timecode: give 48 or 00:00:02.000")
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + Fraction(seconds)


def _frame_at(clip: Clip, seconds: Fraction) -> int:
    """The frame on screen that long after the clip's first one appears; len(clip) past its end."""
    pts = clip.timestamps[0] + seconds / clip.info.time_base
    if pts >= clip.end_pts:
        return len(clip)
    return bisect_right(clip.timestamps, pts) - 1


def _watched(frames: Iterator[Frame], total: int, watch: Watch) -> Iterator[Frame]:
    for done, frame in enumerate(frames, 1):
        yield frame
        watch.progress(Progress("survey", done / total, f"frame {done}/{total}"))

"""The clip that a job works on: opened, surveyed, and asked for frames by number or timecode."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from numpy.typing import NDArray

from vidgan.config import Recipe
from vidgan.errors import UsageError
from vidgan.jobs.heap import keep_heap_level
from vidgan.jobs.options import Options, Progress, Watch
from vidgan.keyframes import CUT_MARGIN, Survey, find_cuts, survey
from vidgan.media import Clip, Frame, open_clip
from vidgan.stream import prefetch

_ASPECT_TOLERANCE = 0.01  # a painting program's rounding; more would shift what is painted
_COUNTED = re.compile(r"(\d\d):(\d\d):(\d\d)([:;])(\d\d)")
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


def survey_clip(clip: Clip, recipe: Recipe, watch: Watch, span: range | None = None) -> Survey:
    """One pass over the clip for its cuts and its representative frame.

    Of a span of it, what lies before and behind counts no more than another shot.
    """
    span = span or range(len(clip))
    with closing(prefetch(clip.frames(span.start, span.stop), name="decode")) as frames:
        found = survey(_watched(frames, len(span), watch), recipe.decode.cut_threshold)
    return replace(found, cuts=tuple(sorted({*found.cuts, *_borders(clip, span)})))


def cuts_within(clip: Clip, recipe: Recipe, span: range, part: range) -> tuple[int, ...]:
    """Those of survey_clip that lie in a part of the span; at its end, too, where it ends with it."""
    start, stop = max(span.start, part.start - CUT_MARGIN), min(span.stop, part.stop + CUT_MARGIN)
    with closing(prefetch(clip.frames(start, stop), name="decode")) as frames:
        found = find_cuts(frames, recipe.decode.cut_threshold)
    return tuple(sorted({cut for cut in found if cut in part} | (_borders(clip, span) & {*part, part.stop})))


def _borders(clip: Clip, span: range) -> set[int]:
    """Where a span begins and ends inside its clip."""
    return {border for border in (span.start, span.stop) if 0 < border < len(clip)}


def chosen_span(clip: Clip, options: Options) -> range:
    """The frames that options.start and options.end ask for: all of them, unless told.

    UsageError for what lies outside the clip, and where nothing is left.
    """
    start = 0 if options.start is None else frame_number(clip, options.start)
    stop = len(clip) if options.end is None else _end_number(clip, options.end)
    if start >= stop:
        raise UsageError(
            f"--start {options.start} --end {options.end} leave no frame: the end lies behind the start"
        )
    return range(start, stop)


def _end_number(clip: Clip, place: str | int) -> int:
    number = _number_at(clip, place)
    if not 0 <= number <= len(clip):
        raise UsageError(f"{clip.path} has no frame {place}: it ends with frame {len(clip) - 1}")
    return number


def frame_number(clip: Clip, place: str | int) -> int:
    """The frame that a FRAME number (from 0, as decoded) or a TIMECODE names.

    A timecode is HH:MM:SS.mmm from the clip's start, or HH:MM:SS:FF by the timecode that the clip carries.

    UsageError where it is neither, or lies outside the clip.
    """
    number = _number_at(clip, place)
    if not 0 <= number < len(clip):
        frames = f"its {len(clip)} frames are numbered 0 to {len(clip) - 1}"
        raise UsageError(f"{clip.path} has no frame {place}: {frames}")
    return number


def _number_at(clip: Clip, place: str | int) -> int:
    text = str(place)
    if text.isdecimal():
        return int(text)
    return _frame_of_timecode(clip, text) if _COUNTED.fullmatch(text) else _frame_at(clip, _seconds(text))


def _frame_of_timecode(clip: Clip, text: str) -> int:
    """Frames counted on from the clip's own timecode (SMPTE ST 12)."""
    if not clip.info.timecode:
        raise UsageError(
            f"{clip.path} carries no timecode: give HH:MM:SS.mmm from its start, or a frame number"
        )
    return _frames_counted(text, clip) - _frames_counted(clip.info.timecode, clip)


def _frames_counted(text: str, clip: Clip) -> int:
    """Since 00:00:00:00; a ; before FF drops two numbers a minute, but for every tenth (ST 12; at 29.97)."""
    match = _COUNTED.fullmatch(text)
    if match is None:
        raise UsageError(f"{clip.path} carries the timecode {text!r}, which is none: give frame numbers")
    hours, minutes, seconds, frames = (int(match.group(part)) for part in (1, 2, 3, 5))
    rate = round(clip.info.average_rate)
    if frames >= rate:
        raise UsageError(f"{text} has frame {frames}, but a second has {rate}: they count from 0")
    total = ((hours * 60 + minutes) * 60 + seconds) * rate + frames
    dropped = ";" in clip.info.timecode
    all_minutes = hours * 60 + minutes
    return total - dropped * round(rate / 15) * (all_minutes - all_minutes // 10)


def chosen_frame(clip: Clip, place: str | int | None) -> int | None:
    """frame_number, or None where none was asked for."""
    return None if place is None else frame_number(clip, place)


def _seconds(text: str) -> Fraction:
    match = _TIMECODE.fullmatch(text)
    if not match:
        raise UsageError(
            f"{text!r} is neither a frame number nor a timecode: give 48, 00:00:02.000 or HH:MM:SS:FF"
        )
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

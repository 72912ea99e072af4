"""Every key of a job file, and what its value may be."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from fractions import Fraction
from typing import Any

from vidgan.jobs.batch.table import Table, meant

# As vidgan.jobs.source reads them, which loads torch.
_MOMENT = r"\d+|(?:\d+:)?\d+:\d+(?:\.\d+)?|\d\d:\d\d:\d\d[:;]\d\d"
_LARGEST_FEATHER_PX = 1000


@dataclass(frozen=True)
class Kind:
    """words: what a value must be, with an example: the remedy."""

    words: str
    fits: Callable[[Any], bool]


def check(table: Table, known: Mapping[str, Kind]) -> Table:
    """The table itself; UsageError for a key that is not known, or a value that is not of its kind."""
    for key, value in table.values.items():
        if key not in known:
            raise table.wrong(f"unknown key {key!r} in {table.title}: {meant(key, known)}", key)
        if not known[key].fits(value):
            raise table.wrong(f"{key} = {_shown(value)} in {table.title} must be {known[key].words}", key)
    return table


def frame_rate(value: object) -> Fraction | None:
    """25, 23.976 or "30000/1001"; None where it is no rate."""
    try:
        rate = Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        return None
    return rate if rate > 0 else None


def moment(value: int | str | time | None) -> str | None:
    """A frame number or a timecode as text. TOML has a kind of its own for 00:00:02.5 without quotes."""
    if value is None:
        return None
    return value.isoformat() if isinstance(value, time) else str(value)


def _shown(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and min(value) >= " "


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_text, value))


def _is_moment(value: Any) -> bool:
    if type(value) is int:
        return value >= 0
    return isinstance(value, time) or (isinstance(value, str) and bool(re.fullmatch(_MOMENT, value)))


def _are_painted(value: Any) -> bool:
    """FRAME=PICTURE each."""
    return _are_texts(value) and all(re.fullmatch(rf"(?:{_MOMENT})=.+", text) for text in value)


def _are_settings(value: Any) -> bool:
    return isinstance(value, list) and all(
        _is_text(text) and re.match(r"\s*[a-z]+\.\w+\s*=", text) for text in value
    )


def _is_number(value: Any, low: float, high: float = math.inf) -> bool:
    return type(value) in (int, float) and low <= value < math.inf and value <= high


def _is_whole(value: Any, low: int) -> bool:
    return type(value) is int and value >= low


def _is_rate(value: Any) -> bool:
    return type(value) in (int, float, str) and frame_rate(value) is not None


_FLAG = Kind("true or false", lambda value: isinstance(value, bool))
_MOMENT_KIND = Kind('a frame number from 0 or a timecode: 48 or "00:00:02.000"', _is_moment)
_RECIPE = Kind('the name of a recipe, or the path of one: "draft" or "my.toml"', _is_text)
_SETTINGS = Kind('a list of "section.key=value": ["train.seconds=120"]', _are_settings)
_LOOK_OF_ITS_OWN = {
    "target": Kind('the path of a picture in quotes: "mosaic.png"', _is_text),
    "keyframes": Kind('a list of "FRAME=PICTURE": ["48=painted.png"]', _are_painted),
    "masks": Kind('a list of "FRAME=PICTURE": ["48=mask.png"]', _are_painted),
    "model": Kind('the path of a trained look in quotes: "look.safetensors"', _is_text),
}

JOB: Mapping[str, Kind] = {
    "clip": Kind(
        'a path or a pattern in quotes, or a list of them: "footage/*.mp4"',
        lambda value: _is_text(value) or _are_texts(value),
    ),
    "look": Kind('the name of one of [looks] in quotes: "mosaic"', _is_text),
    "looks": Kind('a list of names of [looks], at least one: ["mosaic", "goose"]', _are_texts),
    **_LOOK_OF_ITS_OWN,
    "frame": _MOMENT_KIND,
    "recipe": _RECIPE,
    "set": _SETTINGS,
    "out": Kind('a path in quotes: "done/{name}-{look}{ext}"', _is_text),
    "matte": Kind('the path of a clip, a folder or a picture in quotes: "matte.mov"', _is_text),
    "feather": Kind(
        f"a width in pixels from 0 to {_LARGEST_FEATHER_PX}: 2.5",
        lambda value: _is_number(value, 0, _LARGEST_FEATHER_PX),
    ),
    "start": _MOMENT_KIND,
    "end": _MOMENT_KIND,
    "stream": Kind("a whole number from 0: 1", lambda value: _is_whole(value, 0)),
    "rate": Kind('a frame rate: 25, 23.976 or "30000/1001"', _is_rate),
    "allow_truncated": _FLAG,
    "report": _FLAG,
    "verify": _FLAG,
    "strength": Kind("a number from 0 to 1: 0.4", lambda value: _is_number(value, 0, 1)),
    "codec": Kind('the name of a codec in quotes: "prores422"', _is_text),
    "crf": Kind("a whole number from 0 to 63: 17", lambda value: _is_whole(value, 0) and value <= 63),
}
LOOK: Mapping[str, Kind] = {
    **_LOOK_OF_ITS_OWN,
    "clip": Kind('the path of one clip in quotes: "footage/shot01.mp4"', _is_text),
    "frame": _MOMENT_KIND,
    "recipe": _RECIPE,
    "set": _SETTINGS,
}
EXECUTION: Mapping[str, Kind] = {
    "jobs": Kind("a whole number of at least 1: 2", lambda value: _is_whole(value, 1)),
    "device": Kind('a device in quotes: "auto", "cpu", "cuda" or "mps"', _is_text),
    "engine": Kind('an engine in quotes: "auto", "torch" or "openvino"', _is_text),
    "cpus": Kind("a number above 0: 1", lambda value: _is_number(value, 0) and value > 0),
    "gpus": Kind("a number of at least 0: 0.5", lambda value: _is_number(value, 0)),
}

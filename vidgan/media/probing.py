"""What is in a file, ready for JSON."""

import os
from dataclasses import asdict
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from vidgan.media.clip import Clip, StreamSummary
from vidgan.media.codecs import chroma_of
from vidgan.media.inventory import take
from vidgan.media.opening import open_clip
from vidgan.media.planes import layout_of, plain_format


def probe(
    path: str | os.PathLike[str],
    *,
    stream: int | None = None,
    allow_truncated: bool = True,
    rate: Fraction | int | None = None,
) -> dict[str, Any]:
    """Everything ClipInfo knows, in JSON's own types: fractions as "30000/1001" strings, seconds as floats.

    A truncated file is described, not refused, unless told (missing_frames > 0). Raises MediaError for what
    is no clip.
    """
    clip = open_clip(path, stream=stream, allow_truncated=allow_truncated, rate=rate)
    return {name: _plain(value) for name, value in asdict(clip.info).items()} | _derived(clip)


def _derived(clip: Clip) -> dict[str, Any]:
    info = clip.info
    steps = {later - pts for pts, later in pairwise(clip.timestamps)}
    layout = layout_of(plain_format(info.pix_fmt))
    display = info.sample_aspect_ratio * Fraction(info.width, info.height)
    return {
        "colour": info.colour.names(),
        "duration_seconds": float(info.duration_seconds),
        "start_seconds": float(clip.timestamps[0] * info.time_base),
        # Rounded time bases (mkv's milliseconds) alternate between two neighbouring steps.
        "variable_frame_rate": bool(steps) and max(steps) - min(steps) > (1 if min(steps) > 4 else 0),
        "chroma": chroma_of(layout),
        "display_aspect_ratio": str(display.limit_denominator(1000)),
        "field_order": info.field_order or "progressive",
        "hdr10": info.hdr10.as_json(),
        "timecode": info.timecode or None,
        "chapters": _chapters(info.path) if info.chapters else [],
        "size_bytes": info.path.stat().st_size if info.path.is_file() else None,
    }


def _chapters(path: Path) -> list[dict[str, Any]]:
    return [
        {"start_seconds": float(start), "end_seconds": float(end), "title": title}
        for start, end, title in take(path).chapters
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, Path):
        return os.fspath(value)
    if isinstance(value, StreamSummary):
        return asdict(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value

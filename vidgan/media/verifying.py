"""Does a result keep what its clip has? Every promise of a render, checked on the files themselves."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from vidgan.media.clip import Clip
from vidgan.media.codecs import chroma_of, richness
from vidgan.media.colour import MATRIX_RGB, UNSPECIFIED
from vidgan.media.folder import looks_like_pattern, open_pictures
from vidgan.media.inventory import Inventory, Track, take
from vidgan.media.opening import open_clip
from vidgan.media.output import MATROSKA
from vidgan.media.planes import layout_of, plain_format
from vidgan.media.window import Window

KEPT, CANNOT, LOST = "kept", "cannot be held", "LOST"

_MILLISECOND = Fraction(1, 1000)
# The deepest samples that our encoders write.
_DEEPEST = {
    "h264": 8,
    "vp9": 8,
    "hevc": 10,
    "av1": 10,
    "dnxhd": 10,
    "prores": 10,
    "ffv1": 16,
    "png": 16,
    "exr": 32,
}
_WITH_ALPHA = {
    "ffv1": MATROSKA,
    "vp9": MATROSKA,
    "prores": ("mov", *MATROSKA),
    "png": ("pictures",),
    "exr": ("pictures",),
}
# What mp4 and mov have a place for, too.
_EVERYWHERE = {"title", "artist", "album", "comment", "genre", "copyright"}
_WITH_HDR10 = ("h264", "hevc", "av1")
_NAMES = {"mov,mp4,m4a,3gp,3g2,mj2": "mov", "matroska,webm": "matroska"}


@dataclass(frozen=True)
class Check:
    """One promise. verdict: KEPT, LOST, or CANNOT where the result's container or codec has no room."""

    name: str
    source: str
    result: str
    verdict: str

    @property
    def kept(self) -> bool:
        return self.verdict == KEPT


@dataclass(frozen=True)
class Comparison:
    """The clip's side and the result's. span: the clip's frames that the result shows."""

    clip: Clip
    out: Clip
    span: range
    had: Inventory
    has: Inventory
    container: str

    @property
    def pictures(self) -> bool:
        """Whether the result is an image sequence, which has neither time nor sound."""
        return self.container == "pictures"

    @property
    def whole(self) -> bool:
        return len(self.span) == len(self.clip)


def _opened(out: Path, clip: Clip, span: range) -> Clip:
    """The result; of numbered pictures those of the span: others may lie beside them."""
    if looks_like_pattern(out) and len(span) < len(clip):
        first = clip.info.first_number
        return open_pictures(out, clip.info.average_rate, range(first + span.start, first + span.stop))
    return open_clip(out, rate=clip.info.average_rate)


def compare(clip: Clip, out: str | os.PathLike[str], span: range | None = None) -> list[Check]:
    """Compare a result with its clip: frames, times, sound, tags, shape. Nothing is decoded but first frames.

    span: the frames rendered, all unless told. Raises MediaError where the result cannot be read.
    """
    made = _opened(Path(out), clip, span or range(len(clip)))
    container = _container(made, Path(out))
    both = Comparison(
        clip,
        made,
        span or range(len(clip)),
        _had(clip, container, span or range(len(clip))),
        take(made.path) if made.info.kind == "file" else Inventory(),
        container,
    )
    return [check for group in _GROUPS for check in group(both)]


def _had(clip: Clip, container: str, span: range) -> Inventory:
    """What the clip has while the span lasts."""
    if clip.info.kind != "file":
        return Inventory()
    return take(clip.path, container, Window.of(clip, span.start, span.stop, container))


def lost(checks: Sequence[Check]) -> list[str]:
    """The names of what should be there and is not."""
    return [check.name for check in checks if check.verdict == LOST]


def checks_as_json(checks: Sequence[Check]) -> dict[str, Any]:
    return {
        "verified": not lost(checks),
        "checks": [
            {"name": c.name, "source": c.source, "result": c.result, "verdict": c.verdict} for c in checks
        ],
    }


def _container(made: Clip, out: Path) -> str:
    if made.info.kind == "pictures":
        return "pictures"
    if out.suffix.lower() in (".mp4", ".m4v"):
        return "mp4"
    return "webm" if out.suffix.lower() == ".webm" else _NAMES.get(made.info.container, made.info.container)


def _check(name: str, source: object, result: object, same: bool, held: bool = True) -> Check:
    return Check(name, str(source), str(result), KEPT if same else LOST if held else CANNOT)


def _frames(both: Comparison) -> Iterator[Check]:
    yield _check("frames", len(both.span), len(both.out), len(both.span) == len(both.out))


def _times(both: Comparison) -> Iterator[Check]:
    clip, out = both.clip, both.out
    had = [clip.timestamps[i] * clip.info.time_base for i in both.span]
    end = had[-1] + clip.duration(both.span[-1]) * clip.info.time_base - had[0]
    has = [pts * out.info.time_base for pts in out.timestamps]
    constant = len({b - a for a, b in pairwise(had)}) <= 1
    closest = min((b - a for a, b in pairwise(had)), default=_MILLISECOND)
    held = both.container != "mxf" or constant
    held &= both.container not in MATROSKA or closest >= _MILLISECOND
    off = max((abs((b - has[0]) - (a - had[0])) for a, b in zip(had, has, strict=False)), default=Fraction(0))
    rounding = _MILLISECOND if _coarse(both) else Fraction(0)
    told = f"{float(off * 1000):.3g} ms off at most" if off else f"all {len(has)} alike"
    if both.pictures:
        yield _check(
            "timestamps",
            f"{len(had)} of the clip's own",
            f"{out.info.average_rate} a second",
            constant,
            False,
        )
        return
    yield _check("timestamps", f"{len(had)}, {_rate(clip)}", told, off <= rounding, held)
    length = (out.end_pts - out.timestamps[0]) * out.info.time_base
    # Where a container has no field for it, the last frame's duration is the one before's.
    slack = 2 * rounding if constant else 2 * rounding + abs(end - (had[-1] - had[0]))
    yield _check(
        "duration", f"{float(end):.4f} s", f"{float(length):.4f} s", abs(length - end) <= slack, held
    )


def _sound(both: Comparison) -> Iterator[Check]:
    had, has = both.had.of_kind("audio"), both.has.of_kind("audio")
    for number, (track, match) in enumerate(_paired(had, has, both.pictures)):
        name = "audio" if len(had) == 1 else f"audio {number}"
        if not track.pieces and match is None:
            continue  # it has ended before, or not begun
        yield _of_track(name, track, match, both)
        if match is None or track.start is None or match.start is None:
            continue
        shown = both.clip.timestamps[both.span.start] * both.clip.info.time_base
        before = float((track.start - shown) * 1000)
        after = float((match.start - both.out.timestamps[0] * both.out.info.time_base) * 1000)
        yield _check(
            f"{name} to pictures", f"{before:+.1f} ms", f"{after:+.1f} ms", abs(before - after) <= 1.01
        )


def _others(both: Comparison) -> Iterator[Check]:
    for kind in ("subtitle", "data", "attachment", "cover"):
        had, has = both.had.of_kind(kind), both.has.of_kind(kind)
        for number, (track, match) in enumerate(_paired(had, has, both.pictures)):
            yield _of_track(kind if len(had) == 1 else f"{kind} {number}", track, match, both)


def _paired(had: list[Track], has: list[Track], none: bool) -> Iterator[tuple[Track, Track | None]]:
    """Every track with its counterpart: those that the container holds, in their order."""
    left = iter(has)
    for track in had:
        yield track, next(left, None) if track.held and not none else None


def _of_track(name: str, track: Track, match: Track | None, both: Comparison) -> Check:
    said = _said(track)
    if match is None:
        return _check(name, said, "none", not track.pieces, track.held and not both.pictures)
    ours, theirs = ([piece.digest for piece in one.pieces] for one in (track, match))
    same = ours == theirs or (both.clip.lenient and _is_left_of(theirs, ours))
    same &= track.language == match.language or both.container == "mxf"
    return _check(name, said, _said(match), same)


def _said(track: Track) -> str:
    pieces = "" if track.codec.startswith("pcm") else f", {len(track.pieces)} packets"
    language = f", {track.language}" if track.language else ""
    return f"{track.codec}{pieces}{language}"


def _is_left_of(part: Sequence[bytes], whole: Sequence[bytes]) -> bool:
    """Whether one is the other but for what was damaged: left out, or changed by a muxer beside that."""
    known = set(whole)
    foreign = sum(digest not in known for digest in part)
    return bool(part) and foreign <= len(whole) - len(part)


def _shape(both: Comparison) -> Iterator[Check]:
    had, has = both.clip.info, both.out.info
    size = [f"{info.width}x{info.height}" for info in (had, has)]
    yield _check("size", size[0], size[1], size[0] == size[1])
    rotation = [f"shown upright ({info.rotation})" for info in (had, has)]
    yield _check("rotation", rotation[0], rotation[1], size[0] == size[1])
    aspect = [
        f"{info.sample_aspect_ratio.numerator}:{info.sample_aspect_ratio.denominator}" for info in (had, has)
    ]
    held = not both.pictures and (both.container not in MATROSKA or has.codec in ("h264", "hevc"))
    yield _check("pixel aspect", aspect[0], aspect[1], aspect[0] == aspect[1], held)


def _colours(both: Comparison) -> Iterator[Check]:
    had, has = both.clip.info.colour, both.out.info.colour
    names, made = had.names(), has.names()
    for key in ("primaries", "transfer", "matrix", "range"):
        same = names[key] == made[key] or _said_anew(both, key)
        same |= key == "range" and had.full == has.full  # limited is what is meant where nothing is said
        held = not both.pictures and not (key == "matrix" and both.out.info.codec == "dnxhd")
        held &= not (key in ("primaries", "transfer") and both.container == "mxf")
        yield _check(f"colour {key}", names[key], made[key], same, held)
    if both.clip.info.hdr10:
        same = both.clip.info.hdr10.matches(both.out.info.hdr10)
        held = both.out.info.codec in _WITH_HDR10
        yield _check(
            "HDR10", "there", "the same" if same else "other" if both.out.info.hdr10 else "none", same, held
        )


def _said_anew(both: Comparison, key: str) -> bool:
    """RGB and YUV have matrix and range of their own, and pictures that say nothing become BT.709."""
    had, has = both.clip.info.colour, both.out.info.colour
    converted = (had.matrix == MATRIX_RGB) != (has.matrix == MATRIX_RGB)
    if key in ("matrix", "range"):
        return converted
    untold = had.primaries if key == "primaries" else had.transfer
    return converted and untold == UNSPECIFIED


def _depth(both: Comparison) -> Iterator[Check]:
    had, has = both.clip.info, both.out.info
    held = _DEEPEST.get(has.codec, 8) >= had.bit_depth
    yield _check("bit depth", had.bit_depth, has.bit_depth, has.bit_depth >= had.bit_depth, held)
    before, after = (chroma_of(layout_of(plain_format(info.pix_fmt))) for info in (had, has))
    yield _check(
        "chroma",
        before,
        after,
        richness(after) >= richness(before) or {before, after} == {"444", "rgb"},
        False,
    )
    if had.alpha:
        held = both.container in _WITH_ALPHA.get(has.codec, ())
        yield _check("alpha", "there", "there" if has.alpha else "none", has.alpha, held)


def _tags(both: Comparison) -> Iterator[Check]:
    if both.clip.info.timecode and both.whole:
        had, has = both.clip.info.timecode, both.out.info.timecode
        yield _check("timecode", had, has or "none", had == has, not both.pictures)
    if both.had.chapters and both.whole:
        yield _chapters(both, list(_chapters_shown(both)))
    made = {key.lower(): value for key, value in both.has.metadata.items()}
    other = sorted(
        k for k, value in both.had.metadata.items() if made.get(k.lower()) != value and not _is_time(k)
    )
    if both.had.metadata:
        told = f"without {', '.join(other)}" if other else "all"
        common = both.container in ("mp4", "mov") and not _EVERYWHERE.isdisjoint(other)
        held = common or both.container == "matroska"
        yield _check("metadata", f"{len(both.had.metadata)} entries", told, not other, held)


def _is_time(key: str) -> bool:
    """Containers write the same time in other words."""
    return key.lower() in ("creation_time", "date")


def _chapters_shown(both: Comparison) -> Iterator[tuple[Fraction, Fraction, str]]:
    """Those of the clip while its frames last, which is less where the end of it is lost."""
    begin, end = (pts * both.clip.info.time_base for pts in (both.clip.timestamps[0], both.clip.end_pts))
    for start, stop, title in both.had.chapters:
        if max(start, begin) < min(stop, end):
            yield max(start, begin), stop, title


def _chapters(both: Comparison, had: list[tuple[Fraction, Fraction, str]]) -> Check:
    has = both.has.chapters
    first, second = (c.timestamps[0] * c.info.time_base for c in (both.clip, both.out))
    same = len(had) == len(has) and all(
        a[2] == b[2] and abs((a[0] - first) - (b[0] - second)) <= 2 * _MILLISECOND
        for a, b in zip(had, has, strict=True)
    )
    return _check("chapters", len(had), len(has), same, both.container not in ("pictures", "mxf"))


def _coarse(both: Comparison) -> bool:
    """Whether either side has whole milliseconds alone."""
    return both.container in MATROSKA or "matroska" in both.clip.info.container


def _rate(clip: Clip) -> str:
    return f"{float(clip.info.average_rate):.6g} a second"


_GROUPS = (_frames, _times, _sound, _others, _shape, _colours, _depth, _tags)

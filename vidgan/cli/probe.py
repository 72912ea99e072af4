"""vidgan probe: what is in a file."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vidgan.cli import arguments as a
from vidgan.cli.show import print_json

EXAMPLE = "Example: vidgan probe clip.mp4 --json"


def command(clip: a.Clip, stream: a.Stream = None, rate: a.Rate = None, json: a.Json = False) -> None:
    """Show what is in CLIP: size, timing, colour, streams, and what is missing."""
    from vidgan.media import probe

    found = probe(clip, stream=stream, rate=a.frame_rate(rate))
    if json:
        print_json(found)
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", justify="right")
    table.add_column(overflow="fold")
    for name, value in _rows(found):
        table.add_row(name, escape(value))
    Console(highlight=False).print(table)


def _rows(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """In groups, as people ask: what it is, the pictures, their times, their colours, all else."""
    yield "file", f"{found['path']} ({found['container']}{_mebibytes(found)})"
    yield from _pictures(found)
    yield from _times(found)
    yield "colour", ", ".join(f"{key} {value}" for key, value in found["colour"].items())
    if found["hdr10"]:
        yield "HDR10", _hdr10(found["hdr10"])
    for kind in ("video", "audio", "subtitle", "other"):
        for stream in found[f"{kind}_streams"]:
            yield kind if kind != "other" else stream["kind"], _stream(stream)
    for chapter in found["chapters"]:
        yield (
            "chapter",
            f"{chapter['start_seconds']:.3f} to {chapter['end_seconds']:.3f} s  {chapter['title']}",
        )
    yield from found["metadata"].items()
    for notice in found["notices"]:
        yield "note", notice


def _pictures(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    alpha = ", alpha" if found["alpha"] else ""
    yield "pictures", f"{found['width']}x{found['height']}, {found['codec']}, {found['pix_fmt']}{alpha}"
    yield "samples", f"{found['bit_depth']} bits, {found['chroma']}"
    yield "shape", f"pixels {found['sample_aspect_ratio']}, shown {found['display_aspect_ratio']}"
    if found["rotation"]:
        yield "rotation", f"{found['rotation']} degrees clockwise"
    yield "fields", found["field_order"]


def _times(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    lost = f", {found['missing_frames']} missing" if found["missing_frames"] else ""
    yield "frames", f"{found['frame_count']}{lost}"
    kind = "variable, on average" if found["variable_frame_rate"] else "constant,"
    yield "rate", f"{kind} {found['average_rate']} a second (time base {found['time_base']})"
    yield "duration", f"{found['duration_seconds']:.6g} s, from {found['start_seconds']:.6g} s"
    if found["timecode"]:
        yield "timecode", found["timecode"]


def _stream(stream: dict[str, Any]) -> str:
    said = [stream["codec"], stream["description"], stream["language"] or "", "default" * stream["default"]]
    return f"{stream['index']}: {', '.join(filter(None, said))}"


def _hdr10(told: dict[str, Any]) -> str:
    said = []
    if told["nits"]:
        said.append(f"mastered at {told['nits'][0]:g} to {told['nits'][1]:g} cd/m2")
    if told["max_cll"] is not None:
        said.append(f"MaxCLL {told['max_cll']}, MaxFALL {told['max_fall']}")
    return "; ".join(said)


def _mebibytes(found: dict[str, Any]) -> str:
    return f", {found['size_bytes'] / 2**20:.1f} MiB" if found["size_bytes"] else ""

"""vidgan probe: what is in a file."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vidgan.cli import arguments as a
from vidgan.cli.show import print_json

EXAMPLE = "Example: vidgan probe clip.mp4 --json"


def command(clip: a.Clip, stream: a.Stream = None, json: a.Json = False) -> None:
    """Show what is in CLIP: size, timing, colour, streams, and what is missing."""
    from vidgan.media import probe

    found = probe(clip, stream=stream)
    if json:
        print_json(found)
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", justify="right")
    table.add_column(overflow="fold")
    for key, value in found.items():
        table.add_row(key.replace("_", " "), escape(_plain(value)))
    Console(highlight=False).print(table)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "\n".join(_plain(item) for item in value) or "none"
    return "none" if value is None else str(value)

"""vidgan verify: does a result keep what its clip has."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vidgan.cli import arguments as a
from vidgan.cli.show import print_json

if TYPE_CHECKING:
    from vidgan.media import Check

EXAMPLE = "Example: vidgan verify clip.mov out.mov"
_COLOURS = {"kept": "green", "LOST": "bold red"}


def command(
    clip: a.Clip,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="What was made of it.", show_default=False)],
    start: a.Start = None,
    end: a.End = None,
    stream: a.Stream = None,
    rate: a.Rate = None,
    allow_truncated: a.AllowTruncated = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="What OUT's container or codec cannot hold counts as lost, too.")
    ] = False,
    json: a.Json = False,
) -> None:
    """Does OUT keep CLIP's frames, times, sound, tags, shape and depth? Exit code 1 where one is lost."""
    from vidgan.jobs.options import Options
    from vidgan.jobs.verification import verify
    from vidgan.media import checks_as_json, lost

    options = Options(
        stream=stream, rate=a.frame_rate(rate), allow_truncated=allow_truncated, start=start, end=end
    )
    checks = verify(clip, out, options=options)
    if json:
        print_json(checks_as_json(checks))
    else:
        _show(checks)
    if lost(checks) or (strict and not all(check.kept for check in checks)):
        raise typer.Exit(1)


def _show(checks: list["Check"]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("", "clip", "result", ""):
        table.add_column(heading, overflow="fold")
    for check in checks:
        colour = _COLOURS.get(check.verdict, "yellow")
        verdict = f"[{colour}]{check.verdict}[/{colour}]"
        table.add_row(f"[bold]{check.name}[/bold]", escape(check.source), escape(check.result), verdict)
    Console(highlight=False).print(table)

"""vidgan jobs: unfinished work."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vidgan.cli import arguments as a
from vidgan.cli.show import print_json

if TYPE_CHECKING:
    from vidgan.jobs.unfinished import Unfinished

EXAMPLE = "Example: vidgan jobs ~/footage"


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where to look, with all folders in it.")
    ] = Path("."),
    json: a.Json = False,
) -> None:
    """List work folders (OUT.work) of renders that were broken off, or that run now.

    The command that a job was begun with goes on where it stopped; deleting its folder gives it up.
    """
    from vidgan.jobs.unfinished import unfinished

    found = unfinished(folder)
    if json:
        print_json([job.as_json() for job in found])
    elif not found:
        typer.echo(f"no unfinished work in {folder}")
    else:
        _show(found)


def _show(jobs: list["Unfinished"]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("output", "job", "done", "takes", "last at work", "now"):
        table.add_column(heading, overflow="fold")
    for job in jobs:
        table.add_row(
            escape(str(job.out)), job.kind, job.progress, job.size, job.last_at_work, escape(job.state)
        )
    Console(highlight=False).print(table)

"""vidgan pipelines: the recipes."""

import sys
from typing import Annotated

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer import Argument

from vidgan.cli import arguments as a
from vidgan.cli.show import print_json, show_recipe
from vidgan.config import find_recipe, load_recipe, recipe_paths

_PIPED_WIDTH = 200  # a line each, for grep

EXAMPLE = "Example: vidgan pipelines draft > my.toml, change it, then --pipeline my.toml"


def command(
    name: Annotated[
        str | None, Argument(metavar="NAME", help="Print this recipe, commented.", show_default=False)
    ] = None,
    json: a.Json = False,
) -> None:
    """List the recipes, or print one to copy and change."""
    if name is None:
        _list({known: load_recipe(known).about for known in recipe_paths()}, json)
    elif json:
        show_recipe(load_recipe(name), as_json=True)
    else:
        print(find_recipe(name).read_text(encoding="utf-8"), end="")


def _list(abouts: dict[str, str], json: bool) -> None:
    if json:
        print_json(abouts)
        return
    table = Table.grid(padding=(0, 2))
    for name, about in abouts.items():
        table.add_row(f"[bold]{name}[/bold]", escape(about))
    Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED_WIDTH).print(table)

"""The command line: parse, one library call, show the result. The only room with typer and rich."""

from vidgan.cli.program import main

__all__ = ["main"]

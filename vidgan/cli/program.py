"""The program: its commands."""

import signal

import typer

from vidgan import __version__
from vidgan.cli import (
    batch,
    doctor,
    flow,
    jobs,
    keyframes,
    pipelines,
    preview,
    probe,
    render,
    sample,
    train,
    translate,
    verify,
)
from vidgan.cli.guard import INTERRUPTED, guarded

app = typer.Typer(
    name="vidgan",
    help="Give a clip the look of one picture: same timing, same sound, another world.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = (
    translate,
    preview,
    train,
    render,
    batch,
    keyframes,
    flow,
    sample,
    probe,
    verify,
    jobs,
    pipelines,
    doctor,
)
for module in COMMANDS:
    app.command(module.__name__.rpartition(".")[2], epilog=module.EXAMPLE)(guarded(module.command))


@app.callback(invoke_without_command=True)
def _options(
    version: bool = typer.Option(False, "--version", help="Print the version and leave."),
) -> None:
    if version:
        typer.echo(f"vidgan {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the program and leave with its exit code: 0 ok, 1 failed, 2 bad usage, 130 interrupted."""
    for name in ("SIGTERM", "SIGHUP"):  # a closed terminal, a shutdown: clean up as for Ctrl-C
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # nohup: it stays ignored
            signal.signal(number, signal.default_int_handler)
    try:
        app(prog_name="vidgan")
    except KeyboardInterrupt:  # before a command has begun, or behind its end
        typer.echo("error: interrupted.", err=True)
        raise SystemExit(INTERRUPTED) from None

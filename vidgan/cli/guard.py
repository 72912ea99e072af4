"""What becomes of an error: one line that says what to do, and the right exit code."""

import functools
import inspect
import traceback
from collections.abc import Callable
from typing import Annotated, Any

import typer

from vidgan.errors import VidganError

INTERRUPTED = 130
_Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """The command with a --debug option of its own, its errors turned into a line and an exit code."""

    @functools.wraps(command)
    def run(*args: Any, debug: bool = False, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except typer.Exit:
            raise
        except KeyboardInterrupt:
            raise _leave(
                "interrupted: nothing half-made is left.",
                INTERRUPTED,
                debug,
            ) from None
        except VidganError as error:
            raise _leave(str(error), error.exit_code, debug) from error
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
            raise _leave(f"a fault of vidgan's own ({fault}); --debug shows where.", 1, debug) from error

    return _with_debug_option(run)


def _leave(message: str, code: int, debug: bool) -> typer.Exit:
    if debug:
        traceback.print_exc()
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    return typer.Exit(code)


def _with_debug_option(run: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(run)
    debug = inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_Debug)
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), debug])  # type: ignore[attr-defined]
    run.__annotations__ = {**run.__annotations__, "debug": _Debug}
    return run

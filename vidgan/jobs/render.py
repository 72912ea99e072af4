"""Applying a trained look to a clip."""

from collections.abc import Sequence
from pathlib import Path

from vidgan.jobs.options import Options, Result, Watch
from vidgan.jobs.request import Request
from vidgan.jobs.work import open_work


def render(
    clip: str | Path,
    model: str | Path,
    out: str | Path,
    *,
    matte: str | Path | None = None,
    feather: float | None = None,
    overrides: Sequence[str] = (),
    options: Options | None = None,
    watch: Watch | None = None,
) -> Result:
    """Apply a trained look (a .safetensors file) to every frame of a clip, and write it as `out`.

    matte, feather: as in vidgan.translate. The recipe is the one stored in the look, with `overrides`
    ("smooth.window=3") laid over it; what concerns training in it was decided when the look was trained.
    Raises VidganError.
    """
    request = Request(clip, model, Path(out), matte, feather, tuple(overrides), options or Options())
    return carry_out(request, watch or Watch())


def carry_out(request: Request, watch: Watch) -> Result:
    """A render from its beginning, or from where an earlier attempt stopped, to its end."""
    prepared = request.prepare(watch)
    facts = request.facts(prepared)
    with open_work(request.out, facts, len(prepared.span), request.options, watch) as work:
        request.check_outputs()  # somebody else may have been done just now
        return prepared.result(work, prepared.cuts(work))

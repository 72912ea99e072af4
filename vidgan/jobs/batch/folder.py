"""All clips of a folder in one look: a batch that needs no job file."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vidgan.config import DEFAULT_RECIPE, load_recipe
from vidgan.errors import MediaError, UsageError
from vidgan.jobs.batch.assembly import Tables, plan_of
from vidgan.jobs.batch.clips import clips_in
from vidgan.jobs.batch.plan import Plan
from vidgan.jobs.batch.settings import translates
from vidgan.jobs.batch.table import Source, Table, told_at

_PLACE = "FOLDER"
_SOURCE = Source(_PLACE, {})
_OUT = "{name}{ext}"


def jobs_of_folder(
    folder: Path,
    out: Path,
    *,
    target: Path | None,
    model: Path | None,
    pipeline: str | None,
    overrides: Sequence[str],
) -> Plan:
    """Every clip right in `folder`, rendered into the folder `out` under its own name.

    The look is a target's, trained once, on the first clip; or a trained one, `model`; or none, where the
    recipe `pipeline` does not translate. Raises UsageError, MediaError, LookError or RecipeError; nothing is
    decoded or written.
    """
    _check_look(target, model, pipeline, overrides)
    job: dict[str, Any] = {"clip": [str(clip) for clip in _clips(folder, out)], "out": _OUT}
    named = {} if pipeline is None else {"recipe": pipeline}
    looks: dict[str, Table] = {}
    if target is not None:
        job["look"] = target.stem
        looks[target.stem] = _table({"target": str(target), "set": overrides, **named})
    elif model is not None:
        job |= {"model": str(model), "set": overrides}
    else:
        job |= {"set": overrides, **named}
    tables = Tables(defaults=_table({}), execution=_table({}), looks=looks, jobs=[_table(job)])
    return plan_of(tables, Path(), out, out / "vidgan.batch")


def _check_look(
    target: Path | None, model: Path | None, pipeline: str | None, overrides: Sequence[str]
) -> None:
    if target is not None and model is not None:
        raise UsageError(f"{_PLACE}: the look is {target}'s or that of {model}: leave one of them out")
    if model is not None and pipeline is not None:
        raise UsageError(f"{_PLACE}: a trained look keeps its recipe: leave the recipe {pipeline} out")
    with told_at(_PLACE):
        recipe = load_recipe(pipeline or DEFAULT_RECIPE)
    if model is None and target is None and translates(recipe):
        raise UsageError(
            f"{_PLACE}: no look: give a target picture, a trained look, or the recipe passthrough"
        )
    if target is not None and not translates(recipe):
        raise UsageError(f"{_PLACE}: the recipe {recipe.name} does not translate: leave {target} out")


def _clips(folder: Path, out: Path) -> list[Path]:
    if not folder.is_dir():
        raise MediaError(f"{_PLACE}: {folder} is no folder: give one with clips in it")
    if os.path.realpath(out) == os.path.realpath(folder):
        raise UsageError(f"{_PLACE}: {out} holds the clips themselves: give another folder for the results")
    clips = [clip for clip in clips_in(folder) if os.path.realpath(clip) != os.path.realpath(out)]
    if not clips:
        raise UsageError(
            f"{_PLACE}: {folder} holds no clips: they end in .mp4, .mov, .mkv and the like, or are folders "
            f"of pictures; if it is one itself: vidgan translate {folder} TARGET -o OUT"
        )
    return clips


def _table(values: dict[str, Any]) -> Table:
    return Table(_PLACE, values, _SOURCE)

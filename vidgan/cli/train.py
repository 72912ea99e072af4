"""vidgan train: a look to keep."""

from pathlib import Path
from typing import Annotated

from typer import Option

from vidgan.cli import arguments as a
from vidgan.cli.show import show_recipe, show_result, watching
from vidgan.config import DEFAULT_RECIPE, Recipe, load_recipe

EXAMPLE = "Example: vidgan train clip.mp4 mosaic.png -o mosaic.safetensors --frame 48"

_Repeat = Annotated[
    Path | None,
    Option(
        "--repeat",
        metavar="LOOK",
        help="Repeat a look's training step by step: the same pair gives the same weights.",
        show_default=False,
    ),
]
_Resume = Annotated[
    bool, Option("--resume", help="Go on with a training that Ctrl-C stopped, exactly where it stopped.")
]


def command(
    clip: a.Clip,
    target: a.Target,
    out: a.Out,
    pipeline: a.Pipeline = DEFAULT_RECIPE,
    overrides: a.Overrides = None,
    frame: a.PairFrame = None,
    repeat: _Repeat = None,
    resume: _Resume = False,
    device: a.Device = "auto",
    stream: a.Stream = None,
    rate: a.Rate = None,
    allow_truncated: a.AllowTruncated = False,
    overwrite: a.Overwrite = False,
    dry_run: a.DryRun = False,
    json: a.Json = False,
) -> None:
    """Train on a pair and keep the look as one .safetensors file, to render any clip with."""
    settings = a.all_overrides(overrides)
    if dry_run:
        show_recipe(_resolved(repeat, pipeline, settings), json)
        return
    from vidgan.jobs.train import train

    options = a.job_options(device, overwrite, stream, allow_truncated, rate=rate)
    with watching(json) as (watch, notices):
        result = train(
            clip,
            target,
            out,
            pipeline=pipeline,
            overrides=settings,
            frame=frame,
            repeat=repeat,
            resume=resume,
            options=options,
            watch=watch,
        )
    show_result(result, json, notices)


def _resolved(repeat: Path | None, pipeline: str, overrides: list[str]) -> Recipe:
    if repeat is None:
        return load_recipe(pipeline, overrides)
    from vidgan.gan.look import load_look
    from vidgan.jobs.train import repeated_recipe

    return repeated_recipe(load_look(repeat), overrides)

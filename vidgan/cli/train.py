"""vidgan train: a look to keep."""

from pathlib import Path
from typing import Annotated

from typer import Option

from vidgan.cli import arguments as a
from vidgan.cli.show import show_recipe, show_result, watching
from vidgan.config import Recipe

EXAMPLE = "Example: vidgan train clip.mp4 mosaic.png -o mosaic.safetensors --frame 48"

_Pipeline = Annotated[
    str | None,
    Option(
        "-p",
        "--pipeline",
        metavar="NAME",
        help="A recipe that `vidgan pipelines` lists, or a .toml file. (default: balanced)",
        show_default=False,
    ),
]
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
    target: a.OptionalTarget = None,
    *,
    out: a.Out,
    pipeline: _Pipeline = None,
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
    """Train on a pair and keep the look as one .safetensors file, to render any clip with.

    A recipe that learns one picture takes that picture as CLIP, and no TARGET: see `vidgan sample`.
    """
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


def _resolved(repeat: Path | None, pipeline: str | None, overrides: list[str]) -> Recipe:
    from vidgan.gan.look import load_look
    from vidgan.jobs.train import resolved_recipe

    return resolved_recipe(None if repeat is None else load_look(repeat), pipeline, overrides)

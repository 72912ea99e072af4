"""vidgan train: a look to keep."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from typer import Option

from vidgan.cli import arguments as a
from vidgan.cli.show import show_recipe, show_result, watching
from vidgan.config import Recipe

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
    target: a.OptionalTarget = None,
    *,
    out: a.Out,
    keyframes: a.Keyframes = None,
    masks: a.Masks = None,
    pipeline: a.Pipeline = None,
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
    """Train on a pair, or on painted frames, and keep the look as one .safetensors file, to render with.

    A recipe that learns one picture takes that picture as CLIP, and no TARGET: see `vidgan sample`.
    """
    settings = a.all_overrides(overrides)
    if dry_run:
        show_recipe(_resolved(repeat, pipeline, settings, keyframes or ()), json)
        return
    from vidgan.jobs.train import train

    options = a.job_options(locals())
    with watching(json) as (watch, notices):
        result = train(
            clip,
            target,
            out,
            keyframes=keyframes or (),
            masks=masks or (),
            pipeline=pipeline,
            overrides=settings,
            frame=frame,
            repeat=repeat,
            resume=resume,
            options=options,
            watch=watch,
        )
    show_result(result, json, notices)


def _resolved(
    repeat: Path | None, pipeline: str | None, overrides: list[str], keyframes: Sequence[str]
) -> Recipe:
    from vidgan.gan.look import load_look
    from vidgan.jobs.subject import Asked
    from vidgan.jobs.train import resolved_recipe

    default = Asked(keyframes=keyframes).recipe_name()
    return resolved_recipe(None if repeat is None else load_look(repeat), pipeline, overrides, default)

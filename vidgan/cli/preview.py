"""vidgan preview: single frames first."""

from pathlib import Path
from typing import Annotated

from typer import Option

from vidgan.cli import arguments as a
from vidgan.cli.show import show_recipe, show_result, watching
from vidgan.errors import UsageError

EXAMPLE = "Example: vidgan preview clip.mp4 mosaic.png --at 48 --at 00:00:03.2 -o look.png"

_At = Annotated[
    list[str] | None,
    Option(
        "--at",
        metavar="FRAME|TIMECODE",
        help="Which frame to show; repeat for several side by side. (default: the one trained on)",
        show_default=False,
    ),
]
_Model = Annotated[
    Path | None,
    Option(
        "-m", "--model", metavar="LOOK", help="Show a trained look; nothing is trained.", show_default=False
    ),
]
_Strengths = Annotated[
    str | None,
    Option(
        "--strengths",
        metavar="LIST",
        help="A row for each frame: the source, then these strengths, e.g. 0,0.5,1.",
        show_default=False,
    ),
]
_Pipeline = Annotated[
    str | None,
    Option(
        "-p",
        "--pipeline",
        metavar="NAME",
        help="The recipe to train. (default: draft; keyframe-draft with -k)",
        show_default=False,
    ),
]


def command(
    clip: a.Clip,
    target: a.OptionalTarget = None,
    *,
    out: a.Out,
    at: _At = None,
    keyframes: a.Keyframes = None,
    masks: a.Masks = None,
    matte: a.Matte = None,
    feather: a.Feather = None,
    model: _Model = None,
    pipeline: _Pipeline = None,
    overrides: a.Overrides = None,
    frame: a.PairFrame = None,
    strength: a.Strength = None,
    strengths: _Strengths = None,
    reverse: a.Reverse = False,
    device: a.Device = "auto",
    engine: a.Engine = "auto",
    stream: a.Stream = None,
    rate: a.Rate = None,
    allow_truncated: a.AllowTruncated = False,
    raft_weights: a.RaftWeights = None,
    overwrite: a.Overwrite = False,
    dry_run: a.DryRun = False,
    json: a.Json = False,
) -> None:
    """Show single frames in the look, as a PNG that is written anew after every stage of training."""
    if strength is not None and strengths is not None:
        raise UsageError("--strength and --strengths exclude each other: give one of them.")
    compared = _parsed(strengths)
    settings = a.all_overrides(overrides, strength=strength, reverse=reverse)
    from vidgan.jobs.preview import preview, preview_recipe

    if dry_run:
        from vidgan.jobs.subject import Asked

        asked = Asked(target, frame, keyframes or ())
        show_recipe(preview_recipe(model, pipeline, settings, asked), json)
        return
    options = a.job_options(locals())
    with watching(json) as (watch, notices):
        result = preview(
            clip,
            target,
            out,
            at=at or (),
            strengths=compared,
            keyframes=keyframes or (),
            masks=masks or (),
            matte=matte,
            feather=feather,
            model=model,
            pipeline=pipeline,
            overrides=settings,
            frame=frame,
            options=options,
            watch=watch,
        )
    show_result(result, json, notices)


def _parsed(strengths: str | None) -> list[float]:
    """0,0.5,1 as numbers; UsageError where it is something else."""
    if strengths is None:
        return []
    try:
        return [float(text) for text in strengths.split(",")]
    except ValueError as error:
        raise UsageError(f"--strengths {strengths} is not a list of numbers: give 0,0.5,1") from error

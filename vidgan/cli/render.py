"""vidgan render: a trained look on any clip."""

from pathlib import Path
from typing import Annotated

from typer import Option

from vidgan.cli import arguments as a
from vidgan.cli.show import show_recipe, show_result, watching

EXAMPLE = "Example: vidgan render clip.mp4 -m mosaic.safetensors -o out.mp4 --strength 0.5"


def command(
    clip: a.Clip,
    model: Annotated[Path, Option("-m", "--model", metavar="LOOK", help="A look that `vidgan train` made.")],
    out: a.Out,
    overrides: a.Overrides = None,
    matte: a.Matte = None,
    feather: a.Feather = None,
    strength: a.Strength = None,
    reverse: a.Reverse = False,
    codec: a.Codec = None,
    crf: a.Crf = None,
    sheet: a.Sheet = None,
    report: a.Report = False,
    start: a.Start = None,
    end: a.End = None,
    verify: a.Verify = True,
    fresh: a.Fresh = False,
    keep_work: a.KeepWork = False,
    profile: a.Profile = False,
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
    """Render CLIP in a trained look, with the recipe stored in it."""
    settings = a.all_overrides(overrides, codec, crf, strength, reverse)
    if dry_run:
        from vidgan.config import override_recipe
        from vidgan.gan.look import load_look

        show_recipe(override_recipe(load_look(model).recipe, settings), json)
        return
    from vidgan.jobs.render import render

    options = a.job_options(locals())
    with watching(json) as (watch, notices):
        result = render(
            clip,
            model,
            out,
            matte=matte,
            feather=feather,
            overrides=settings,
            options=options,
            watch=watch,
        )
    show_result(result, json, notices)

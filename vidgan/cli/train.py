"""vidgan train: a look to keep."""

from vidgan.cli import arguments as a
from vidgan.cli.show import show_recipe, show_result, watching
from vidgan.config import DEFAULT_RECIPE, load_recipe

EXAMPLE = "Example: vidgan train clip.mp4 mosaic.png -o mosaic.safetensors --frame 48"


def command(
    clip: a.Clip,
    target: a.Target,
    out: a.Out,
    pipeline: a.Pipeline = DEFAULT_RECIPE,
    overrides: a.Overrides = None,
    frame: a.PairFrame = None,
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
        show_recipe(load_recipe(pipeline, settings), json)
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
            options=options,
            watch=watch,
        )
    show_result(result, json, notices)

"""vidgan render: a trained look on any clip."""

from pathlib import Path
from typing import Annotated

from typer import Option

from vidgan.cli import arguments as a
from vidgan.cli.show import show_recipe, show_result, show_segment, show_segments, watching
from vidgan.errors import UsageError

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
    segments: Annotated[
        bool, Option("--segments", help="List the segments that the render consists of, and stop.")
    ] = False,
    segment: Annotated[
        int | None,
        Option(
            "--segment", metavar="N", help="Render that segment alone, beside others.", show_default=False
        ),
    ] = None,
    join: Annotated[
        bool, Option("--join", help="Join the segments that were rendered with --segment.")
    ] = False,
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
    """Render CLIP in a trained look, with the recipe stored in it.

    For a render farm: --segments lists the segments, --segment N renders one, --join makes OUT of all. Every
    call has the same CLIP, LOOK, OUT and settings; all machines share the disk.
    """
    _check_alone(segments=segments, segment=segment is not None, join=join, fresh=fresh and not segments)
    settings = a.all_overrides(overrides, codec, crf, strength, reverse)
    if dry_run:
        from vidgan.config import override_recipe
        from vidgan.gan.look import load_look

        show_recipe(override_recipe(load_look(model).recipe, settings), json)
        return
    from vidgan.jobs.render import carry_out
    from vidgan.jobs.request import Request
    from vidgan.jobs.segmented import join_segments, list_segments, render_segment

    request = Request(clip, model, out, matte, feather, tuple(settings), a.job_options(locals()))
    with watching(json) as (watch, notices):
        if segments:
            listed = list_segments(request, watch)
        elif segment is not None:
            rendered = render_segment(request, segment, watch)
        else:
            result = (join_segments if join else carry_out)(request, watch)
    if segments:
        show_segments(listed, json)
    elif segment is not None:
        show_segment(rendered, json)
    else:
        show_result(result, json, notices)


def _check_alone(**given: bool) -> None:
    """Of --segments, --segment and --join one alone; --fresh begins a job, so it goes with --segments."""
    named = [f"--{name}" for name, is_given in given.items() if is_given]
    if len(named) > 1 and named != ["--fresh"]:
        raise UsageError(f"{' and '.join(named)} do not go together: give one of them.")

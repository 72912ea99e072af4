"""vidgan translate: the main job."""

from vidgan.cli import arguments as a
from vidgan.cli.show import show_recipe, show_result, watching
from vidgan.config import DEFAULT_RECIPE, load_recipe

EXAMPLE = "Example: vidgan translate clip.mp4 mosaic.png -o out.mp4 --pipeline draft --sheet sheet.png"


def command(
    clip: a.Clip,
    target: a.OptionalTarget = None,
    *,
    out: a.Out,
    keyframes: a.Keyframes = None,
    masks: a.Masks = None,
    matte: a.Matte = None,
    feather: a.Feather = None,
    pipeline: a.Pipeline = None,
    overrides: a.Overrides = None,
    frame: a.PairFrame = None,
    strength: a.Strength = None,
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
    """Train on a pair (a frame of CLIP and TARGET) and render the whole clip in TARGET's look.

    With -k 48=painted.png instead of TARGET, the look is that of painted frames of the clip.
    """
    settings = a.all_overrides(overrides, codec, crf, strength)
    if dry_run:
        show_recipe(load_recipe(pipeline or ("keyframe" if keyframes else DEFAULT_RECIPE), settings), json)
        return
    from vidgan.jobs.translate import translate

    options = a.job_options(locals())
    with watching(json) as (watch, notices):
        result = translate(
            clip,
            target,
            out,
            keyframes=keyframes or (),
            masks=masks or (),
            matte=matte,
            feather=feather,
            pipeline=pipeline,
            overrides=settings,
            frame=frame,
            options=options,
            watch=watch,
        )
    show_result(result, json, notices)

"""vidgan flow: what optical flow makes of a frame."""

from typing import TYPE_CHECKING, Annotated

from rich.console import Console
from rich.markup import escape
from typer import Option

from vidgan.cli import arguments as a
from vidgan.cli.show import print_json, show_recipe, watching
from vidgan.config import DEFAULT_RECIPE, load_recipe

if TYPE_CHECKING:
    from vidgan.jobs.flow import FlowShown

EXAMPLE = "Example: vidgan flow clip.mp4 --at 48 -o flow.png --set flow.preset=fast"

_At = Annotated[
    str,
    Option("--at", metavar="FRAME|TIMECODE", help="The frame whose motion is shown.", show_default=False),
]
_To = Annotated[
    str | None,
    Option(
        "--to",
        metavar="FRAME|TIMECODE",
        help="Where it moves to. (default: the next frame)",
        show_default=False,
    ),
]
_Pipeline = Annotated[
    str | None,
    Option(
        "-p",
        "--pipeline",
        metavar="NAME",
        help="The recipe whose [flow] measures it. (default: balanced)",
        show_default=False,
    ),
]


def command(
    clip: a.Clip,
    at: _At,
    out: a.Out,
    to: _To = None,
    pipeline: _Pipeline = None,
    overrides: a.Overrides = None,
    device: a.Device = "auto",
    stream: a.Stream = None,
    rate: a.Rate = None,
    allow_truncated: a.AllowTruncated = False,
    raft_weights: a.RaftWeights = None,
    overwrite: a.Overwrite = False,
    dry_run: a.DryRun = False,
    json: a.Json = False,
) -> None:
    """Show the motion that smoothing and noise follow: a frame of CLIP beside its optical flow.

    White stands still; hue is direction, saturation length; black is what the other frame does not show.
    """
    if dry_run:
        show_recipe(load_recipe(pipeline or DEFAULT_RECIPE, overrides or ()), json)
        return
    from vidgan.jobs.flow import flow

    options = a.job_options(locals())
    with watching(json) as (watch, notices):
        shown = flow(
            clip,
            out,
            at=at,
            to=to,
            pipeline=pipeline,
            overrides=overrides or (),
            options=options,
            watch=watch,
        )
    if json:
        print_json({**shown.as_json(), "notices": notices})
        return
    _show(shown)


def _show(shown: "FlowShown") -> None:
    console = Console(soft_wrap=True, highlight=False)
    rows = {
        "written": str(shown.out),
        "motion": f"from frame {shown.frame} to {shown.to}: {shown.mean_px:.1f} px in the mean",
        "full colour": f"{shown.longest_px:.1f} px",
        "hidden": f"{shown.hidden:.1%} of the frame, in black",
    }
    for name, value in rows.items():
        console.print(f"[bold]{name:>13}[/bold]  {escape(value)}")

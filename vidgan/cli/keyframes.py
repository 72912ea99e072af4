"""vidgan keyframes: which frames to paint."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer import Option

from vidgan.cli import arguments as a
from vidgan.cli.show import print_json, watching

if TYPE_CHECKING:
    from vidgan.jobs.advise import Advice, Suggestion

EXAMPLE = "Example: vidgan keyframes clip.mp4 --count 2 -o to_paint"

_Count = Annotated[
    int | None,
    Option("--count", metavar="N", help="How many frames. (default: one a shot)", show_default=False),
]
_Shots = Annotated[bool, Option("--shots", help="List the shots alone.")]
_Folder = Annotated[
    Path | None,
    Option("-o", "--out", metavar="FOLDER", help="Write them there as PNG, to paint.", show_default=False),
]
_Model = Annotated[
    Path | None,
    Option(
        "-m",
        "--model",
        metavar="LOOK",
        help="Name the frame where this look of painted frames is least certain, to paint next.",
        show_default=False,
    ),
]


def command(
    clip: a.Clip,
    *,
    count: _Count = None,
    shots: _Shots = False,
    out: _Folder = None,
    model: _Model = None,
    device: a.Device = "auto",
    stream: a.Stream = None,
    rate: a.Rate = None,
    allow_truncated: a.AllowTruncated = False,
    raft_weights: a.RaftWeights = None,
    overwrite: a.Overwrite = False,
    json: a.Json = False,
) -> None:
    """Name the frames of CLIP most worth painting: those that most of their shot follows from."""
    from vidgan.jobs.advise import advise

    options = a.job_options(locals())
    with watching(json) as (watch, notices):
        advice = advise(clip, out, count=count, shots_only=shots, model=model, options=options, watch=watch)
    if json:
        print_json({**advice.as_json(), "notices": notices})
        return
    _show(advice, clip, shots)


def _show(advice: "Advice", clip: Path, shots_only: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if shots_only or len(advice.shots) > 1:
        console.print(_shots_table(advice))
    if advice.suggestions:
        console.print(_frames_table(advice))
        keys = [
            part for s in advice.suggestions for part in ("-k", f"{s.frame}={s.picture or 'PAINTED.png'}")
        ]
        command = shlex.join(["vidgan", "translate", str(clip), *keys, "-o", "OUT"])
        console.print(f"\npaint them, then: {escape(command)}")
    if advice.uncertain:
        console.print(_next(advice.uncertain))


def _shots_table(advice: "Advice") -> Table:
    table = Table("shot", "frames", box=None, pad_edge=False)
    for number, shot in enumerate(advice.shots, 1):
        table.add_row(str(number), f"{shot.first}-{shot.last}")
    return table


def _frames_table(advice: "Advice") -> Table:
    table = Table("frame", "timecode", "shot", "adds", "written", box=None, pad_edge=False)
    for one in advice.suggestions:
        shown = escape(str(one.picture)) if one.picture else ""
        table.add_row(str(one.frame), one.timecode, str(one.shot + 1), f"{one.covers:.0%}", shown)
    return table


def _next(one: "Suggestion") -> str:
    written = f", written as {escape(str(one.picture))}" if one.picture else ""
    return f"paint next: frame {one.frame} ({one.timecode}), of which {one.covers:.0%} is sure{written}"

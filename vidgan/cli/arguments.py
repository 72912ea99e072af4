"""Arguments and options that several commands share, each described once."""

from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from vidgan.errors import UsageError

if TYPE_CHECKING:
    from vidgan.jobs.options import Options

Clip = Annotated[
    Path, Argument(metavar="CLIP", help="A video file, or a folder of pictures.", show_default=False)
]
TargetHelp = "The picture whose look the clip gets."
Target = Annotated[Path, Argument(metavar="TARGET", help=TargetHelp, show_default=False)]
OptionalTarget = Annotated[Path | None, Argument(metavar="TARGET", help=TargetHelp, show_default=False)]
Out = Annotated[Path, Option("-o", "--out", metavar="OUT", help="Where the result goes.", show_default=False)]
Pipeline = Annotated[
    str | None,
    Option(
        "-p",
        "--pipeline",
        metavar="NAME",
        help="A recipe that `vidgan pipelines` lists, or a .toml file. (default: balanced; keyframe with -k)",
        show_default=False,
    ),
]
Overrides = Annotated[
    list[str] | None,
    Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change one value of the recipe, e.g. train.seconds=60. Repeatable.",
        show_default=False,
    ),
]
PairFrame = Annotated[
    str | None,
    Option(
        "--frame",
        metavar="FRAME|TIMECODE",
        help="The frame to train on. (default: the one closest to all others)",
        show_default=False,
    ),
]
Keyframes = Annotated[
    list[str] | None,
    Option(
        "-k",
        "--keyframe",
        metavar="FRAME=PICTURE",
        help="A frame of the clip (number or timecode), painted over. Repeatable; instead of TARGET.",
        show_default=False,
    ),
]
Masks = Annotated[
    list[str] | None,
    Option(
        "--mask",
        metavar="FRAME=PICTURE",
        help="White where that keyframe counts. Repeatable.",
        show_default=False,
    ),
]
Matte = Annotated[
    Path | None,
    Option(
        "--matte",
        metavar="CLIP",
        help="A clip, folder or picture: white where the result replaces the source.",
        show_default=False,
    ),
]
Feather = Annotated[
    float | None,
    Option(
        "--feather",
        metavar="PX",
        help="How soft the matte's edges are made. (default: the width / 240)",
        show_default=False,
    ),
]
Device = Annotated[str, Option("--device", metavar="DEVICE", help="auto, cpu, cuda or mps.")]
Engine = Annotated[
    str,
    Option("--engine", metavar="ENGINE", help="What draws the frames: auto, torch, or openvino on a CPU."),
]
Start = Annotated[
    str | None,
    Option(
        "--start",
        metavar="FRAME|TIMECODE",
        help="The first frame of a part of the clip. (default: its first)",
        show_default=False,
    ),
]
End = Annotated[
    str | None,
    Option(
        "--end",
        metavar="FRAME|TIMECODE",
        help="The first frame behind that part. (default: none)",
        show_default=False,
    ),
]
Verify = Annotated[
    bool,
    Option("--verify/--no-verify", help="Compare the result with the clip, as `vidgan verify` does."),
]
Profile = Annotated[
    bool, Option("--profile", help="Also say how busy each stage was, and which is the slowest.")
]
Fresh = Annotated[bool, Option("--fresh", help="Start over, whatever an earlier attempt left in OUT.work.")]
KeepWork = Annotated[bool, Option("--keep-work", help="Leave OUT.work when the job is done.")]
Overwrite = Annotated[bool, Option("--overwrite", help="Replace an output that exists.")]
Stream = Annotated[
    int | None,
    Option(
        "--stream",
        metavar="N",
        help="Which of the clip's video streams, from 0. (default: the file's own)",
        show_default=False,
    ),
]
AllowTruncated = Annotated[
    bool, Option("--allow-truncated", help="Work on what decodes of a clip that lacks frames.")
]
Rate = Annotated[
    str | None,
    Option(
        "--rate",
        metavar="FPS",
        help="Frames a second of a folder of pictures, e.g. 25 or 30000/1001. (default: 24)",
        show_default=False,
    ),
]
Sheet = Annotated[
    Path | None,
    Option(
        "--sheet",
        metavar="PNG",
        help="Also write a contact sheet: source above, result below.",
        show_default=False,
    ),
]
Report = Annotated[
    bool, Option("--report", help="Also measure every frame's flicker: OUT.report.json, and the worst named.")
]
RaftWeights = Annotated[
    Path | None,
    Option(
        "--raft-weights",
        metavar="FILE",
        help="RAFT's weights, where flow.backend is RAFT.",
        show_default=False,
    ),
]
Codec = Annotated[
    str | None,
    Option(
        "--codec",
        metavar="NAME",
        help="auto (as the source), h264, h265-10bit, prores422, prores4444, dnxhr, ffv1, av1, vp9, png or "
        "exr. (default: the recipe's)",
        show_default=False,
    ),
]
Crf = Annotated[
    int | None,
    Option(
        "--crf",
        metavar="N",
        help="Quality of h264, h265-10bit, av1 and vp9: 0 is best, 51 worst. (default: the recipe's)",
        show_default=False,
    ),
]
Strength = Annotated[
    float | None,
    Option(
        "--strength",
        metavar="0..1",
        help="0 keeps the source's detail, 1 makes the target's things of it. (default: the recipe's)",
        show_default=False,
    ),
]
Reverse = Annotated[
    bool,
    Option("--reverse", help="The other way: the target, or footage of its kind, in the manner of the clip."),
]
DryRun = Annotated[bool, Option("--dry-run", help="Print the resolved recipe and stop.")]
Json = Annotated[bool, Option("--json", help="Print the result as JSON, for programs.")]


def job_options(given: Mapping[str, Any]) -> "Options":
    """given: a command's own arguments by their names; those that are options of a job are taken."""
    from vidgan.jobs.options import Options

    taken = {option.name: given[option.name] for option in fields(Options) if option.name in given}
    return Options(**{**taken, "rate": frame_rate(given.get("rate"))})


def frame_rate(text: str | None) -> Fraction | None:
    if text is None:
        return None
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if rate <= 0:
        raise UsageError(f"--rate {text} is not a frame rate: give 25, 23.976 or 30000/1001")
    return rate


def all_overrides(
    overrides: list[str] | None,
    codec: str | None = None,
    crf: int | None = None,
    strength: float | None = None,
    reverse: bool = False,
) -> list[str]:
    """--codec, --crf, --strength and --reverse are short for --set; they come last, so they win."""
    short: dict[str, object] = {"encode.codec": codec, "encode.crf": crf, "translate.strength": strength}
    if reverse:
        short["translate.reverse"] = "true"
    return [*(overrides or []), *(f"{key}={value}" for key, value in short.items() if value is not None)]

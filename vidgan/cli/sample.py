"""vidgan sample: fresh pictures of a look that learnt one."""

import re
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from vidgan.cli import arguments as a
from vidgan.cli.show import show_result, watching
from vidgan.errors import UsageError

EXAMPLE = "Example: vidgan sample mountain.safetensors -n 9 --size 400x250 -o sheet.png"

_Look = Annotated[
    Path, Argument(metavar="LOOK", help="What `vidgan train PICTURE -p consingan` left.", show_default=False)
]
_Count = Annotated[int, Option("-n", "--count", metavar="N", min=1, max=400, help="How many pictures.")]
_Size = Annotated[
    str | None,
    Option(
        "--size",
        metavar="WxH",
        help="Of each picture, in pixels. (default: as it was trained on)",
        show_default=False,
    ),
]
_Seed = Annotated[
    int | None,
    Option(
        "--seed",
        metavar="N",
        min=0,
        max=2**48,
        help="Draw the same pictures again. (default: others each time)",
        show_default=False,
    ),
]
_Start = Annotated[
    int,
    Option(
        "--start", metavar="STAGE", help="Keep the picture's own up to this stage; 0 draws all of it anew."
    ),
]


def command(
    look: _Look,
    *,
    out: a.Out,
    count: _Count = 9,
    size: _Size = None,
    seed: _Seed = None,
    start: _Start = 0,
    device: a.Device = "auto",
    overwrite: a.Overwrite = False,
    json: a.Json = False,
) -> None:
    """Draw fresh pictures of the one that LOOK was trained on, side by side."""
    wanted = None if size is None else _size(size)
    from vidgan.jobs.options import Options
    from vidgan.jobs.sample import sample

    options = Options(device, overwrite)
    with watching(json) as (watch, notices):
        result = sample(
            look, out, count=count, size=wanted, seed=seed, start=start, options=options, watch=watch
        )
    show_result(result, json, notices)


def _size(text: str) -> tuple[int, int]:
    """400x250, width first, as (height, width)."""
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if found is None:
        raise UsageError(f"--size {text} is not of the form WIDTHxHEIGHT, such as 400x250")
    return int(found[2]), int(found[1])

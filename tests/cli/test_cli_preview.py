"""The other way round, and several strengths to choose from."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from vidgan.media import open_clip, read_picture
from vidgan.resample import eight_bit

Cli = Callable[..., Result]
Refused = Callable[..., str]
Job = Callable[[str], list[object]]


def test_reverse_renders_and_previews_with_the_other_generator(
    cli: Cli, clip: Path, look: Path, tmp_path: Path
) -> None:
    for name, flags in (("there", []), ("back", ["--reverse"])):
        assert cli("render", clip, "-m", look, "-o", tmp_path / f"{name}.mkv", *flags).exit_code == 0
        shown = cli("preview", clip, "-m", look, "-o", tmp_path / f"{name}.png", "--at", 2, *flags)
        assert shown.exit_code == 0
        frame = eight_bit(open_clip(tmp_path / f"{name}.mkv").frame(2).pixels)
        assert np.array_equal(frame, read_picture(tmp_path / f"{name}.png"))
    assert (tmp_path / "there.png").read_bytes() != (tmp_path / "back.png").read_bytes()
    recipe = (tmp_path / "back.mkv.recipe.toml").read_text(encoding="utf-8")
    assert tomllib.loads(recipe)["translate"]["reverse"] is True


def test_reverse_and_training_show_the_target(cli: Cli, job: Job, target: Path, tmp_path: Path) -> None:
    assert cli(*job("preview"), "--reverse").exit_code == 0
    shown, aim = read_picture(tmp_path / "out.png"), read_picture(target)
    assert shown.shape[0] / shown.shape[1] == pytest.approx(aim.shape[0] / aim.shape[1], rel=0.05)
    refused = cli(*job("preview"), "--reverse", "--at", 1, "--overwrite")
    assert refused.exit_code == 2
    assert "leave --at out" in refused.stderr


def test_strengths_make_a_row_for_each_frame(cli: Cli, clip: Path, look: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    shown = cli("preview", clip, "-m", look, "-o", out, "--at", 0, "--at", 4, "--strengths", "0, 0.5,1")
    assert shown.exit_code == 0
    assert read_picture(out).shape == (2 * 40, 4 * 48, 3)


@pytest.mark.parametrize(
    ("strengths", "told"),
    [
        ("0;1", "--strengths 0;1 is not a list of numbers: give 0,0.5,1"),
        ("", "--strengths is not a list of numbers: give 0,0.5,1"),
        ("0,2", "strength = 2.0 is out of range; it must be 0 to 1"),
        ("nan", "strength = nan is out of range; it must be 0 to 1"),
    ],
)
def test_strengths_that_are_none_are_refused(
    cli: Cli, clip: Path, look: Path, tmp_path: Path, strengths: str, told: str
) -> None:
    shown = cli("preview", clip, "-m", look, "-o", tmp_path / "out.png", f"--strengths={strengths}")
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert told in shown.stderr
    assert list(tmp_path.iterdir()) == []


def test_strengths_that_a_method_does_not_have_are_refused(
    refused: Refused, clip: Path, target: Path, tmp_path: Path
) -> None:
    options = ("-p", "thesis", "--strengths", "0,1")
    message = refused("preview", clip, target, "-o", tmp_path / "a.png", *options, code=2)
    assert "strength is always 1" in message

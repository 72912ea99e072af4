"""No flag is taken and ignored, and nothing is replaced that was not meant."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from vidgan.media import open_clip, write_picture
from vidgan.resample import eight_bit

Cli = Callable[..., Result]
WriteClip = Callable[..., Path]


@pytest.mark.parametrize("setting", ["train.channels=16", "train.precision=fp32", "translate.method=none"])
def test_what_training_settled_cannot_be_set_on_a_look(
    cli: Cli, clip: Path, look: Path, tmp_path: Path, setting: str
) -> None:
    out = tmp_path / "out.mp4"
    refused = cli("render", str(clip), "-m", str(look), "-o", str(out), "--set", setting)
    assert refused.exit_code == 2
    assert "train it anew" in refused.stderr
    assert not out.exists()


def test_a_file_in_the_recipes_place_is_kept(cli: Cli, clip: Path, look: Path, tmp_path: Path) -> None:
    mine = tmp_path / "out.mp4.recipe.toml"
    mine.write_text("mine")
    refused = cli("render", str(clip), "-m", str(look), "-o", str(tmp_path / "out.mp4"))
    assert refused.exit_code == 1
    assert "out.mp4.recipe.toml exists" in refused.stderr
    assert mine.read_text() == "mine"


def test_notices_reach_programs_too(cli: Cli, write_clip: WriteClip, look: Path, tmp_path: Path) -> None:
    deep = write_clip(tmp_path / "deep.mkv", codec="ffv1", pix_fmt="yuv420p10le", options={}, audio=False)
    job = ("render", str(deep), "-m", str(look), "-o", str(tmp_path / "out.mp4"))
    shown = cli(*job, "--codec", "h264", "--json")
    assert shown.exit_code == 0
    assert any("8-bit h264" in notice for notice in json.loads(shown.stdout)["notices"])


def test_probe_describes_a_truncated_file(cli: Cli, write_clip: WriteClip, tmp_path: Path) -> None:
    whole = write_clip(
        tmp_path / "whole.mp4", frames=60, audio=False, container_options={"movflags": "faststart"}
    )
    data = whole.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) * 2 // 3])
    shown = cli("probe", str(tmp_path / "cut.mp4"), "--json")
    assert shown.exit_code == 0
    assert json.loads(shown.stdout)["missing_frames"] > 0


@pytest.mark.parametrize(("rate", "frames_a_second"), [(None, 24), ("25", 25), ("30000/1001", 30000 / 1001)])
def test_a_folder_of_pictures_has_the_rate_it_is_given(
    cli: Cli, clip: Path, look: Path, tmp_path: Path, rate: str | None, frames_a_second: float
) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for frame in open_clip(clip).frames():
        write_picture(folder / f"{frame.index:03}.png", eight_bit(frame.pixels))
    out = tmp_path / "out.mp4"
    flags = ["--rate", rate] if rate else []
    assert cli("render", str(folder), "-m", str(look), "-o", str(out), *flags).exit_code == 0
    assert float(open_clip(out).info.average_rate) == pytest.approx(frames_a_second)


@pytest.mark.parametrize("rate", ["0", "-5", "fast", "1/0"])
def test_a_rate_that_is_none_is_refused(cli: Cli, clip: Path, look: Path, tmp_path: Path, rate: str) -> None:
    refused = cli("render", str(clip), "-m", str(look), "-o", str(tmp_path / "out.mp4"), "--rate", rate)
    assert refused.exit_code == 2
    assert "is not a frame rate" in refused.stderr


def test_passthrough_takes_no_frame_to_train_on(cli: Cli, clip: Path, tmp_path: Path) -> None:
    refused = cli(
        "translate", str(clip), "-o", str(tmp_path / "out.mp4"), "-p", "passthrough", "--frame", "1"
    )
    assert refused.exit_code == 2
    assert "leave --frame out" in refused.stderr


def test_a_frame_that_is_not_there_is_told_before_the_clip_is_surveyed(
    cli: Cli, clip: Path, target: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    refused = cli("translate", str(clip), str(target), "-o", str(out), "--frame", "00:10:00")
    assert refused.exit_code == 2
    assert "looking at the clip" not in refused.stderr


def test_an_output_named_like_its_recipe_folder_is_refused_before_rendering(
    cli: Cli, clip: Path, look: Path, tmp_path: Path
) -> None:
    (tmp_path / "out.mp4.recipe.toml").mkdir()
    refused = cli("render", str(clip), "-m", str(look), "-o", str(tmp_path / "out.mp4"), "--overwrite")
    assert refused.exit_code == 1
    assert "is a folder" in refused.stderr

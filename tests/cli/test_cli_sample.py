"""Learning one picture and sampling it, as an editor meets it."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import Result

import vidgan
from vidgan.errors import Interrupted
from vidgan.gan.look import load_look
from vidgan.media import read_picture

Cli = Callable[..., Result]
Refused = Callable[..., str]

TINY = """
about = "tiny: one picture"
[parts]
conditioning = "none"
ladder = "logarithmic"
stages = 2
[train]
steps = 4
seconds = 0
channels = 8
critic_channels = 8
blocks = 1
coarsest_px = 16
stage_growth = 1
objective = "wgan-gp"
precision = "fp32"
"""


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    path = tmp_path / "alone.toml"
    path.write_text(TINY)
    return path


@pytest.fixture
def learnt(cli: Cli, alone: Path, target: Path, tmp_path: Path) -> Path:
    look = tmp_path / "picture.safetensors"
    shown = cli("train", target, "-p", alone, "-o", look)
    assert shown.exit_code == 0, shown.stderr
    assert "trained on" not in shown.stdout  # that is for frames of a clip
    return look


def test_samples_stand_side_by_side_in_rows(cli: Cli, learnt: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    shown = cli("sample", learnt, "-n", 5, "--size", "30x20", "--seed", 3, "-o", out)
    assert shown.exit_code == 0, shown.stderr
    sheet = read_picture(out)
    assert sheet.shape == (2 * 20 + 4, 3 * 30 + 8, 3)
    first, second = sheet[:20, :30], sheet[:20, 34:64]
    assert not np.array_equal(first, second)
    assert (sheet[24:, 68:] == 255).all()  # the sixth place is empty


def test_a_seed_draws_the_same_again_and_is_told_where_none_was_given(
    cli: Cli, learnt: Path, tmp_path: Path
) -> None:
    fresh = cli("sample", learnt, "-n", 1, "-o", tmp_path / "a.png")
    told = re.search(r"--seed (\d+) draws these again", fresh.stderr)
    assert told
    cli("sample", learnt, "-n", 1, "-o", tmp_path / "b.png", "--seed", told[1])
    other = cli("sample", learnt, "-n", 1, "-o", tmp_path / "c.png", "--json")
    pictures = [read_picture(tmp_path / f"{name}.png") for name in "abc"]
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])
    assert json.loads(other.stdout)["frames"] == 1


@pytest.mark.parametrize(
    ("options", "told", "code"),
    [
        (("--size", "30"), "--size 30 is not of the form WIDTHxHEIGHT", 2),
        (("--size", "0x20"), "--size 0x20 is not of the form", 2),
        (("--size", "30000x30000"), "is too large a picture: at most 8 megapixels", 2),
        (("--size", "14x14"), "is too small a picture: draw at least 20 px", 2),
        (("--count", 99, "--size", "2000x2000"), "are too large a sheet", 2),
        (("--start", 2), "there is no stage 2 to start from", 2),
        (("--start", -1), "there is no stage -1 to start from", 2),
    ],
)
def test_what_cannot_be_sampled(
    refused: Refused, learnt: Path, tmp_path: Path, options: tuple[object, ...], told: str, code: int
) -> None:
    assert told in refused("sample", learnt, "-o", tmp_path / "a.png", *options, code=code)


def test_a_look_of_a_pair_is_rendered_and_one_of_a_picture_is_sampled(
    refused: Refused, look: Path, learnt: Path, clip: Path, tmp_path: Path
) -> None:
    message = refused("sample", look, "-o", tmp_path / "a.png", code=2)
    assert message == "a look of a clip and a target is rendered: vidgan render CLIP -m LOOK -o OUT"
    message = refused("render", clip, "-m", learnt, "-o", tmp_path / "a.mp4", code=2)
    assert "learns one picture and translates none: vidgan sample LOOK" in message


def test_one_picture_has_neither_target_nor_frame_and_is_no_clip(
    refused: Refused, alone: Path, target: Path, clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new.safetensors"
    assert "leave TARGET, --frame, -k out" in refused("train", target, target, "-p", alone, "-o", out, code=2)
    assert "leave TARGET, --frame, -k out" in refused(
        "train", target, "-p", alone, "--frame", 0, "-o", out, code=2
    )
    assert "is not a picture that can be read" in refused("train", clip, "-p", alone, "-o", out)
    for command, ending in (("translate", "mp4"), ("preview", "png")):
        message = refused(command, clip, target, "-p", alone, "-o", tmp_path / f"new.{ending}", code=2)
        assert "learns one picture and translates none" in message
    Image.new("RGB", (9, 9)).save(tmp_path / "tiny.png")
    assert "too small" in refused("train", tmp_path / "tiny.png", "-p", alone, "-o", out)


def test_a_recipe_for_a_pair_needs_a_target(
    refused: Refused, clip: Path, recipe: str, tmp_path: Path
) -> None:
    message = refused("train", clip, "-p", recipe, "-o", tmp_path / "new.safetensors", code=2)
    assert message.startswith("the recipe tiny needs a target picture: vidgan train CLIP TARGET -o LOOK; or")


def test_repeating_gives_the_same_samples(cli: Cli, learnt: Path, target: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    assert cli("train", target, "--repeat", learnt, "-o", again).exit_code == 0
    for name, look in (("a", learnt), ("b", again)):
        cli("sample", look, "-n", 1, "--seed", 0, "-o", tmp_path / f"{name}.png")
    assert np.array_equal(read_picture(tmp_path / "a.png"), read_picture(tmp_path / "b.png"))


def test_a_stopped_lesson_goes_on_to_the_same_end(
    alone: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped = tmp_path / "whole.safetensors", tmp_path / "stopped.safetensors"
    vidgan.train(target, None, whole, pipeline=str(alone))

    @contextmanager
    def at_once() -> Iterator[Callable[[], bool]]:
        yield lambda: True

    with monkeypatch.context() as patched:
        patched.setattr("vidgan.jobs.train.stop_when_interrupted", at_once)
        with pytest.raises(Interrupted, match=r"in stage 1 of 2, iteration 1: .* --resume goes on"):
            vidgan.train(target, None, stopped, pipeline=str(alone))
    vidgan.train(target, None, stopped, pipeline=str(alone), resume=True)
    ends = [load_look(path).model.tensors() for path in (whole, stopped)]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--rate", 25), "learns one picture: leave --rate out"),
        (("--stream", 1, "--allow-truncated"), "leave --stream, --allow-truncated out"),
        (("--frame", 3), "leave TARGET, --frame, -k out"),
    ],
)
def test_what_is_meant_for_clips_is_refused_for_a_picture(
    refused: Refused, alone: Path, target: Path, tmp_path: Path, options: tuple[object, ...], told: str
) -> None:
    out = tmp_path / "a.safetensors"
    assert told in refused("train", target, "-p", alone, "-o", out, *options, code=2)

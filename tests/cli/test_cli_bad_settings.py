"""Recipes, settings, devices and weights that do not exist or make no sense."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

Refused = Callable[..., str]


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
@pytest.mark.parametrize("command", ["translate", "train", "preview", "render"])
def test_cuda_that_is_not_there(
    refused: Refused, clip: Path, target: Path, look: Path, recipe: str, tmp_path: Path, command: str
) -> None:
    what = ["-m", look] if command == "render" else [target, "-p", recipe]
    out = tmp_path / {"train": "out.safetensors", "preview": "out.png"}.get(command, "out.mp4")
    message = refused(command, clip, *what, "-o", out, "--device", "cuda")
    assert message == "device cuda was asked for, but torch sees none here; use --device auto or cpu"


def test_a_device_that_does_not_exist(translate: Refused, clip: Path) -> None:
    assert "device 'gpu' is unknown; known: auto, cpu, cuda, mps" in translate(clip, "--device", "gpu")


def test_an_unknown_recipe(refused: Refused, clip: Path, target: Path, tmp_path: Path) -> None:
    message = refused("translate", clip, target, "-o", tmp_path / "out.mp4", "-p", "drat", code=2)
    assert message == "recipe 'drat' is unknown; did you mean 'draft'? A file's name ends in .toml"
    assert refused("pipelines", "drat", code=2) == message


def test_an_unknown_key_in_a_recipe(refused: Refused, clip: Path, target: Path, tmp_path: Path) -> None:
    own = tmp_path / "my.toml"
    own.write_text("[train]\nstepz = 4\n")
    message = refused("translate", clip, target, "-o", tmp_path / "out.mp4", "-p", own, code=2)
    assert message.startswith(f"{own}, [train]: unknown key 'stepz'; did you mean 'steps'?")


@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["wet", "dry"])
def test_an_unknown_or_bad_setting(translate: Refused, clip: Path, dry: list[str]) -> None:
    assert "unknown key 'stepz'" in translate(clip, "--set", "train.stepz=4", *dry, code=2)
    assert "must be a whole number" in translate(clip, "--set", "train.steps=few", *dry, code=2)
    assert "not of the form section.key=value" in translate(clip, "--set", "steps", *dry, code=2)
    assert "the settings, [encode]: crf = 99 is out of range; it must be 0 to 63" in translate(
        clip, "--crf", 99, *dry, code=2
    )
    assert "it must be 0 to 1" in translate(clip, "--strength", 1.5, *dry, code=2)
    assert "known: auto, h264, h265-10bit" in translate(clip, "--codec", "h265", *dry, code=2)


def test_passthrough_takes_no_target_and_others_need_one(
    refused: Refused, clip: Path, target: Path, recipe: str, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    message = refused("translate", clip, target, "-o", out, "-p", "passthrough", code=2)
    assert message == f"the recipe passthrough does not translate: leave {target} out."
    message = refused("translate", clip, "-o", out, "-p", recipe, code=2)
    assert message.startswith(
        "the recipe tiny needs a target picture: vidgan translate CLIP TARGET -o OUT; or"
    )


def test_raft_without_weights(
    translate: Refused, refused: Refused, clip: Path, target: Path, tmp_path: Path
) -> None:
    none = tmp_path / "none.pth"
    message = translate(clip, "--set", "flow.backend=raft-small", "--raft-weights", none)
    assert str(none) in message
    message = refused(
        "preview",
        clip,
        target,
        "-o",
        tmp_path / "a.png",
        "--set",
        "flow.backend=raft-small",
        "--raft-weights",
        none,
    )
    assert str(none) in message

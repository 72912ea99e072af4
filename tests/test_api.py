"""The library: the command line's jobs as functions, quiet, with everything told to a watch."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import vidgan
from vidgan import Options, Progress, Watch
from vidgan.errors import (
    DeviceError,
    Interrupted,
    LookError,
    MediaError,
    OutputError,
    RecipeError,
    TruncatedError,
    UsageError,
    VidganError,
)


def test_every_public_name_is_there_and_no_other() -> None:
    assert all(getattr(vidgan, name) for name in vidgan.__all__)
    assert {"translate", "train", "render", "preview", "probe"} <= set(vidgan.__all__)
    with pytest.raises(AttributeError, match="no attribute 'translat'"):
        vidgan.translat  # noqa: B018


def test_every_error_is_a_vidgan_error_with_its_exit_code() -> None:
    codes = {
        kind: kind.exit_code
        for kind in (
            DeviceError,
            LookError,
            MediaError,
            OutputError,
            TruncatedError,
            UsageError,
            RecipeError,
        )
    }
    assert all(issubclass(kind, VidganError) for kind in codes)
    assert [kind for kind, code in codes.items() if code == 2] == [UsageError, RecipeError]
    assert [code for code in codes.values() if code not in (1, 2)] == []
    assert issubclass(Interrupted, VidganError)
    assert Interrupted.exit_code == 130


def test_the_library_prints_nothing(
    clip: Path, target: Path, recipe: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    vidgan.translate(clip, target, tmp_path / "out.mp4", pipeline=recipe)
    assert capfd.readouterr() == ("", "")


def test_a_watch_sees_the_phases_in_order_each_from_start_to_end(
    clip: Path, target: Path, recipe: str, tmp_path: Path
) -> None:
    seen: list[Progress] = []
    vidgan.translate(clip, target, tmp_path / "out.mp4", pipeline=recipe, watch=Watch(seen.append))
    phases = list(dict.fromkeys(progress.phase for progress in seen))
    assert phases == ["survey", "train", "render", "join", "verify"]
    for phase in phases:
        fractions = [progress.fraction for progress in seen if progress.phase == phase]
        assert fractions == sorted(fractions)
        assert fractions[0] >= 0
        assert fractions[-1] <= 1
        assert phase == "train" or fractions[-1] == 1
    losses = {name: v for progress in seen for name, v in progress.losses.items()}
    assert {"adversarial", "palette", "patch", "reconstruction", "critic"} <= set(losses)
    assert all(np.isfinite(float(value)) for value in losses.values())
    assert seen[-4].detail == "sound and tags"


def test_what_the_user_should_know_is_told_once(
    write_clip: Callable[..., Path], target: Path, recipe: str, tmp_path: Path
) -> None:
    odd = write_clip(tmp_path / "odd.mp4", size=(49, 41), pix_fmt="yuv444p", streams=2)
    notices: list[str] = []
    watch = Watch(notice=notices.append)
    vidgan.translate(odd, target, tmp_path / "out.mp4", pipeline=recipe, watch=watch)
    assert len([n for n in notices if "2 video streams; using 0 (choose with --stream)" in n]) == 1
    assert len([n for n in notices if "49x41 is odd" in n]) == 1


def test_a_result_says_what_was_made_and_goes_into_json(
    clip: Path, target: Path, recipe: str, tmp_path: Path
) -> None:
    out, sheet = tmp_path / "out.mp4", tmp_path / "sheet.png"
    result = vidgan.translate(
        str(clip), str(target), str(out), pipeline=recipe, frame=2, options=Options(device="cpu", sheet=sheet)
    )
    assert (result.out, result.sheet, result.recipe) == (out, sheet, tmp_path / "out.mp4.recipe.toml")
    assert (result.frames, result.representative, result.device) == (6, 2, "cpu")
    assert all(steps >= 1 for steps in result.steps)
    assert result.train_seconds > 0 < result.render_seconds
    told = json.loads(json.dumps(result.as_json()))
    assert told["out"] == str(out)
    assert told["representative"] == 2

"""The test instrument for media fidelity: decode, encode, and nothing between."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import vidgan
from vidgan import Options
from vidgan.errors import UsageError
from vidgan.media import open_clip

Pictures = Callable[[Path], np.ndarray]


def test_mkv_holds_the_very_same_pictures(clip: Path, tmp_path: Path, pictures: Pictures) -> None:
    vidgan.translate(clip, None, tmp_path / "out.mkv", pipeline="passthrough")
    assert np.array_equal(pictures(tmp_path / "out.mkv"), pictures(clip))


def test_mp4_holds_nearly_the_same_pictures_at_the_same_times_with_the_same_sound(
    clip: Path,
    tmp_path: Path,
    pictures: Pictures,
    packets: Callable[[Path, str], list[tuple[int | None, bytes]]],
) -> None:
    sheet = tmp_path / "sheet.png"
    result = vidgan.translate(
        clip, None, tmp_path / "out.mp4", pipeline="passthrough", options=Options(sheet=sheet)
    )
    assert result.frames == 6
    assert np.abs(pictures(tmp_path / "out.mp4").astype(float) - pictures(clip)).mean() < 3
    assert open_clip(tmp_path / "out.mp4").timestamps == open_clip(clip).timestamps
    assert packets(tmp_path / "out.mp4", "audio") == packets(clip, "audio")
    assert sheet.exists()
    assert result.recipe is not None
    assert 'method = "none"' in result.recipe.read_text(encoding="utf-8")


def test_deep_pictures_stay_deep(write_clip: Callable[..., Path], tmp_path: Path) -> None:
    deep = write_clip(tmp_path / "deep.mkv", codec="ffv1", pix_fmt="yuv444p10le", options={})
    vidgan.translate(deep, None, tmp_path / "out.mkv", pipeline="passthrough")
    before, after = (open_clip(path) for path in (deep, tmp_path / "out.mkv"))
    assert (after.info.bit_depth, after.info.pix_fmt) == (10, "yuv444p10le")
    for old, new in zip(before.frames(), after.frames(), strict=True):
        assert np.array_equal(old.pixels, new.pixels)


def test_it_takes_no_target(clip: Path, target: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"passthrough does not translate: leave {target} out"):
        vidgan.translate(clip, target, tmp_path / "out.mp4", pipeline="passthrough")


def test_it_trains_no_look_and_previews_none(clip: Path, target: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to train"):
        vidgan.train(clip, target, tmp_path / "look.safetensors", pipeline="passthrough")
    with pytest.raises(UsageError, match="nothing to train"):
        vidgan.preview(clip, target, tmp_path / "look.png", pipeline="passthrough")
    assert list(tmp_path.iterdir()) == []

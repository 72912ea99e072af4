"""A preview shows what a render will give, and shows something early."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import vidgan
from vidgan import Options, Watch
from vidgan.errors import UsageError
from vidgan.media import read_picture

Pictures = Callable[[Path], np.ndarray]


def test_the_picture_is_the_frame_that_a_render_gives(
    clip: Path, target: Path, recipe: str, look: Path, tmp_path: Path, pictures: Pictures
) -> None:
    vidgan.render(clip, look, tmp_path / "full.mkv")
    full = pictures(tmp_path / "full.mkv")
    vidgan.preview(clip, target, tmp_path / "trained.png", at=[4], pipeline=recipe)
    assert np.array_equal(read_picture(tmp_path / "trained.png"), full[4])
    vidgan.preview(clip, None, tmp_path / "model.png", at=["0", "00:00:00.200"], model=look)
    assert np.array_equal(read_picture(tmp_path / "model.png"), np.hstack([full[0], full[5]]))


def test_it_is_written_anew_after_every_stage(clip: Path, target: Path, recipe: str, tmp_path: Path) -> None:
    out = tmp_path / "look.png"
    seen: list[tuple[str, np.ndarray]] = []

    def look_at(notice: str) -> None:
        seen.append((notice, read_picture(out)))

    result = vidgan.preview(clip, target, out, pipeline=recipe, watch=Watch(notice=look_at))
    stages = len(result.steps)
    assert [notice for notice, _ in seen] == [
        f"{out} shows stage {stage} of {stages}" for stage in range(1, stages + 1)
    ]
    assert stages > 1
    assert all(picture.shape == (40, 48, 3) for _, picture in seen)
    assert not np.array_equal(seen[0][1], seen[-1][1])


def test_nothing_but_the_picture_is_written(
    clip: Path, target: Path, recipe: str, tmp_path: Path, names: Callable[[Path], list[str]]
) -> None:
    vidgan.preview(clip, target, tmp_path / "look.jpg", pipeline=recipe)
    assert names(tmp_path) == ["look.jpg"]


def test_without_a_place_the_frame_trained_on_is_shown(
    clip: Path, look: Path, tmp_path: Path, pictures: Pictures
) -> None:
    from vidgan.keyframes import survey
    from vidgan.media import open_clip

    vidgan.preview(clip, None, tmp_path / "look.png", model=look)
    number = survey(open_clip(clip).frames()).representative
    vidgan.render(clip, look, tmp_path / "full.mkv")
    assert np.array_equal(read_picture(tmp_path / "look.png"), pictures(tmp_path / "full.mkv")[number])


def test_the_frame_asked_to_train_on_is_the_one_shown(
    clip: Path, target: Path, recipe: str, tmp_path: Path
) -> None:
    vidgan.preview(clip, target, tmp_path / "a.png", frame=5, pipeline=recipe)
    vidgan.preview(clip, target, tmp_path / "b.png", frame=5, at=[5], pipeline=recipe)
    assert np.array_equal(read_picture(tmp_path / "a.png"), read_picture(tmp_path / "b.png"))


def test_a_deep_clip_previews_in_eight_bits(
    write_clip: Callable[..., Path], look: Path, tmp_path: Path
) -> None:
    deep = write_clip(tmp_path / "deep.mkv", codec="ffv1", pix_fmt="yuv444p10le", options={}, frames=2)
    vidgan.preview(deep, None, tmp_path / "look.png", at=[1], model=look)
    assert read_picture(tmp_path / "look.png").std() > 5


def test_it_wants_a_target_or_a_model(clip: Path, target: Path, look: Path, tmp_path: Path) -> None:
    out = tmp_path / "look.png"
    with pytest.raises(UsageError, match="either a target picture or a trained model"):
        vidgan.preview(clip, None, out)
    with pytest.raises(UsageError, match="either a target picture or a trained model"):
        vidgan.preview(clip, target, out, model=look)
    with pytest.raises(UsageError, match="a trained model brings its own recipe"):
        vidgan.preview(clip, None, out, model=look, pipeline="draft")


def test_a_bad_place_is_told_before_training_and_the_old_picture_stays(
    clip: Path, target: Path, recipe: str, tmp_path: Path
) -> None:
    out = tmp_path / "look.png"
    out.write_bytes(b"precious")
    seen = []
    with pytest.raises(UsageError, match="no frame 6: its 6 frames are numbered 0 to 5"):
        vidgan.preview(
            clip,
            target,
            out,
            at=[6],
            pipeline=recipe,
            options=Options(overwrite=True),
            watch=Watch(lambda progress: seen.append(progress.phase)),
        )
    assert "train" not in seen
    assert out.read_bytes() == b"precious"

"""A preview shows what a render will give, and shows something early."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import vidgan
from vidgan import Options, Watch
from vidgan.config import TrainSettings
from vidgan.errors import UsageError
from vidgan.jobs.training import texture_size
from vidgan.media import open_clip, read_picture
from vidgan.resample import eight_bit

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
    assert [notice for notice, _ in seen if " shows stage " in notice] == [
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


def test_strengths_stand_side_by_side_behind_their_source_a_row_for_each_frame(
    clip: Path, look: Path, tmp_path: Path, pictures: Pictures
) -> None:
    out = tmp_path / "strengths.png"
    vidgan.preview(clip, None, out, at=[0, 4], strengths=[0, 0.5, 1], model=look)
    sheet, source = read_picture(out), pictures(clip)
    assert sheet.shape == (2 * 40, 4 * 48, 3)
    for row, number in enumerate((0, 4)):
        cells = np.split(sheet[40 * row : 40 * row + 40], 4, axis=1)
        assert np.array_equal(cells[0], source[number])
        for cell, strength in zip(cells[1:], (0, 0.5, 1), strict=True):
            alone = tmp_path / f"{strength}-{number}.png"
            overrides = [f"translate.strength={strength}"]
            vidgan.preview(clip, None, alone, at=[number], model=look, overrides=overrides)
            assert np.array_equal(cell, read_picture(alone))
        assert not np.array_equal(cells[1], cells[3])


def test_strengths_are_shown_while_training_and_at_its_end(
    clip: Path, target: Path, recipe: str, tmp_path: Path
) -> None:
    out = tmp_path / "strengths.png"
    shapes: list[tuple[int, ...]] = []
    watch = Watch(notice=lambda notice: shapes.append(read_picture(out).shape))
    vidgan.preview(clip, target, out, strengths=[0, 1], pipeline=recipe, watch=watch)
    assert len(shapes) > 1
    assert {*shapes, read_picture(out).shape} == {(40, 3 * 48, 3)}


def test_a_strength_out_of_range_is_told_before_anything(clip: Path, look: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"strength = 1\.5 is out of range; it must be 0 to 1"):
        vidgan.preview(clip, None, tmp_path / "look.png", strengths=[0, 1.5], model=look)
    assert list(tmp_path.iterdir()) == []


def test_reversed_a_model_shows_the_clip_in_its_own_manner(
    clip: Path, look: Path, tmp_path: Path, pictures: Pictures
) -> None:
    turned = ["translate.reverse=true"]
    vidgan.preview(clip, None, tmp_path / "there.png", at=[2], model=look)
    vidgan.preview(clip, None, tmp_path / "back.png", at=[2], model=look, overrides=turned)
    back = read_picture(tmp_path / "back.png")
    assert not np.array_equal(back, read_picture(tmp_path / "there.png"))
    vidgan.render(clip, look, tmp_path / "back.mkv", overrides=turned)
    assert np.array_equal(back, pictures(tmp_path / "back.mkv")[2])


def test_reversed_a_training_shows_the_target_in_the_manner_of_the_clip(
    clip: Path, target: Path, recipe: str, tmp_path: Path
) -> None:
    out, size = tmp_path / "look.png", trained_size(clip, target)
    vidgan.preview(clip, target, out, pipeline=recipe, overrides=["translate.reverse=true"])
    shown = read_picture(out)
    assert shown.shape[:2] == size
    vidgan.preview(
        clip,
        target,
        tmp_path / "s.png",
        pipeline=recipe,
        strengths=[0, 1],
        overrides=["translate.reverse=true"],
    )
    sheet = read_picture(tmp_path / "s.png")
    assert sheet.shape[:2] == (size[0], 3 * size[1])
    aim, width = sheet[:, : size[1]], size[1]
    assert np.abs(sheet[:, width : 2 * width].astype(float) - aim).mean() > 5


def trained_size(clip: Path, target: Path) -> tuple[int, int]:
    """How large the target stands beside the clip's frames by default."""
    frame, picture = eight_bit(open_clip(clip).frame(0).pixels), read_picture(target)
    return texture_size(picture.shape[:2], frame.shape[:2], TrainSettings())


def test_reversed_there_is_no_frame_of_the_clip_to_show(
    clip: Path, target: Path, recipe: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="--reverse shows the target in the manner of the clip: leave --at"):
        vidgan.preview(
            clip,
            target,
            tmp_path / "look.png",
            at=[1],
            pipeline=recipe,
            overrides=["translate.reverse=true"],
        )
    assert list(tmp_path.iterdir()) == []


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
    with pytest.raises(UsageError, match="one of a target picture, painted keyframes"):
        vidgan.preview(clip, None, out)
    with pytest.raises(UsageError, match="one of a target picture, painted keyframes"):
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

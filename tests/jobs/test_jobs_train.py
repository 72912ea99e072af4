"""A look to keep: stopped and gone on with, or repeated, it is the same look to the last bit."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import vidgan
from vidgan import Options, Watch
from vidgan.config import override_recipe, parse_recipe
from vidgan.errors import Interrupted, LookError, OutputError, UsageError, VidganError
from vidgan.gan.look import load_look
from vidgan.jobs.subject import HELD_OUT, choose_footage
from vidgan.keyframes import survey
from vidgan.media import open_clip

Names = Callable[[Path], list[str]]
StopTraining = Callable[[int | None], None]


def same_tensors(one: Path, other: Path) -> bool:
    """Whether two looks hold the same weights, palettes, rates and preview."""
    a, b = load_file(one), load_file(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_stopped_training_keeps_a_look_and_goes_on_to_the_same_end(
    clip: Path,
    target: Path,
    recipe: str,
    look: Path,
    tmp_path: Path,
    names: Names,
    stop_training: StopTraining,
) -> None:
    out = tmp_path / "look.safetensors"
    stop_training(2)
    with pytest.raises(
        Interrupted, match=r"in stage 2 of 3, iteration 2: .*look\.safetensors holds what it had learnt"
    ) as told:
        vidgan.train(clip, target, out, pipeline=recipe)
    assert "--resume goes on where it stopped" in str(told.value)
    assert names(tmp_path) == ["look.safetensors", "look.safetensors.resume"]
    assert sum(load_look(out).steps) == 2
    vidgan.render(clip, out, tmp_path / "half.mkv")
    stop_training(None)
    result = vidgan.train(clip, target, out, pipeline=recipe, resume=True)
    assert sum(result.steps) == 4
    assert not (tmp_path / "look.safetensors.resume").exists()
    assert same_tensors(out, look)


def test_a_stopped_training_does_not_go_on_under_another_version(
    clip: Path,
    target: Path,
    recipe: str,
    tmp_path: Path,
    stop_training: StopTraining,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, notices = tmp_path / "look.safetensors", []
    stop_training(2)
    with pytest.raises(Interrupted):
        vidgan.train(clip, target, out, pipeline=recipe)
    stop_training(None)
    with monkeypatch.context() as patched:
        patched.setattr("vidgan.jobs.facts.__version__", "9.9")
        with pytest.raises(LookError, match="another clip, target, recipe or version"):
            vidgan.train(clip, target, out, pipeline=recipe, resume=True)
    again, told = Options(overwrite=True), Watch(notice=notices.append)
    vidgan.train(clip, target, out, pipeline=recipe, options=again, watch=told)
    assert any("--resume goes on there" in notice for notice in notices)


def test_a_training_may_be_stopped_more_than_once(
    clip: Path, target: Path, recipe: str, look: Path, tmp_path: Path, stop_training: StopTraining
) -> None:
    out = tmp_path / "look.safetensors"
    stop_training(1)
    for resume in (False, True, True):
        with pytest.raises(Interrupted):
            vidgan.train(clip, target, out, pipeline=recipe, resume=resume)
    stop_training(None)
    vidgan.train(clip, target, out, pipeline=recipe, resume=True)
    assert same_tensors(out, look)


def test_there_must_be_something_to_go_on_from(
    clip: Path, target: Path, recipe: str, tmp_path: Path, names: Names
) -> None:
    seen: list[object] = []
    with pytest.raises(UsageError, match=r"no .*look\.safetensors\.resume to go on from: leave --resume out"):
        vidgan.train(
            clip,
            target,
            tmp_path / "look.safetensors",
            pipeline=recipe,
            resume=True,
            watch=Watch(seen.append),
        )
    assert seen == []
    assert names(tmp_path) == []


@pytest.mark.parametrize("other", ["target", "recipe", "frame"])
def test_only_the_same_training_goes_on_and_what_was_kept_stays(
    clip: Path, target: Path, recipe: str, tmp_path: Path, stop_training: StopTraining, other: str
) -> None:
    out, state = tmp_path / "look.safetensors", tmp_path / "look.safetensors.resume"
    stop_training(2)
    with pytest.raises(Interrupted):
        vidgan.train(clip, target, out, pipeline=recipe, frame=1)
    kept = out.read_bytes(), state.read_bytes()
    mirrored = tmp_path / "mirrored.png"
    Image.open(target).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(mirrored)
    with pytest.raises(LookError, match=r"look\.safetensors\.resume is of another clip, target, recipe"):
        vidgan.train(
            clip,
            mirrored if other == "target" else target,
            out,
            pipeline=recipe,
            overrides=["train.seed=5"] if other == "recipe" else [],
            frame=4 if other == "frame" else 1,
            resume=True,
        )
    assert (out.read_bytes(), state.read_bytes()) == kept


def test_a_repeated_look_has_the_same_weights(
    clip: Path, target: Path, look: Path, tmp_path: Path, names: Names
) -> None:
    vidgan.train(clip, target, tmp_path / "again.safetensors", repeat=look)
    assert same_tensors(tmp_path / "again.safetensors", look)
    assert load_look(tmp_path / "again.safetensors").recipe == load_look(look).recipe
    assert names(tmp_path) == ["again.safetensors"]


def test_a_look_that_was_bounded_by_time_repeats_too(
    clip: Path, target: Path, recipe: str, tmp_path: Path
) -> None:
    first, again = tmp_path / "first.safetensors", tmp_path / "again.safetensors"
    vidgan.train(clip, target, first, pipeline=recipe, overrides=["train.steps=0", "train.seconds=0.5"])
    vidgan.train(clip, target, again, repeat=first)
    assert same_tensors(first, again)


def test_what_does_not_train_may_change_in_a_repetition(
    clip: Path, target: Path, look: Path, tmp_path: Path
) -> None:
    out = tmp_path / "again.safetensors"
    vidgan.train(clip, target, out, repeat=look, overrides=["encode.crf=30"])
    assert load_look(out).recipe == override_recipe(load_look(look).recipe, ["encode.crf=30"])
    with pytest.raises(UsageError, match=r"--repeat trains by the look's own \[parts\] and \[train\]"):
        vidgan.train(clip, target, tmp_path / "b.safetensors", repeat=look, overrides=["train.seed=9"])


def test_a_repetition_on_a_pair_of_another_ladder_is_refused(
    clip: Path, look: Path, tmp_path: Path, names: Names
) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 20, 3), np.uint8)).save(tmp_path / "s.png")
    with pytest.raises(VidganError, match="another pair"):
        vidgan.train(clip, tmp_path / "s.png", tmp_path / "out.safetensors", repeat=look)
    assert names(tmp_path) == ["s.png"]


def test_a_look_is_not_written_over_the_one_that_it_repeats(clip: Path, target: Path, look: Path) -> None:
    before = look.read_bytes()
    with pytest.raises(OutputError, match="is also the input"):
        vidgan.train(clip, target, look, repeat=look, options=Options(overwrite=True))
    assert look.read_bytes() == before


def test_more_frames_of_the_clip_train_beside_the_pairs(
    clip: Path, target: Path, recipe: str, look: Path, tmp_path: Path
) -> None:
    out = tmp_path / "look.safetensors"
    vidgan.train(clip, target, out, pipeline=recipe, overrides=["train.frames=2"])
    assert load_look(out).recipe.train.frames == 2
    assert not same_tensors(out, look)


@pytest.mark.parametrize(("frame", "others"), [(0, 0), (0, 2), (3, 3), (5, 99)])
def test_frames_to_train_on_and_to_measure_by_are_different_ones(clip: Path, frame: int, others: int) -> None:
    source = open_clip(clip)
    footage = choose_footage(source, survey(source.frames()), frame, others)
    assert np.array_equal(footage.frame, source.frame(frame).pixels)
    assert (len(footage.others), len(footage.held_out)) == (min(others, 5 - HELD_OUT), HELD_OUT)
    used = [footage.frame, *footage.others, *footage.held_out]
    assert len({picture.tobytes() for picture in used}) == len(used)


def test_a_look_that_loses_the_clips_layout_is_told(
    clip: Path, target: Path, recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidgan.jobs.training._LOST_STRUCTURE", 2.0)  # whatever it is
    notices: list[str] = []
    vidgan.train(
        clip,
        target,
        tmp_path / "look.safetensors",
        pipeline=recipe,
        overrides=["train.steps=12"],
        watch=Watch(notice=notices.append),
    )
    assert [n for n in notices if "little of the clip's layout is kept" in n and "try another --frame" in n]


def test_a_target_that_is_all_texture_is_told(clip: Path, recipe: str, tmp_path: Path) -> None:
    stripes = np.tile(np.uint8([60, 200]), (40, 24))
    Image.fromarray(stripes).convert("RGB").save(tmp_path / "stripes.png")
    notices: list[str] = []
    watch = Watch(notice=notices.append)
    vidgan.train(clip, tmp_path / "stripes.png", tmp_path / "look.safetensors", pipeline=recipe, watch=watch)
    assert [notice for notice in notices if notice.startswith("the target is all texture: ")]


def test_a_look_holds_the_resolved_recipe_and_a_picture_of_itself(look: Path, recipe: str) -> None:
    loaded = load_look(look)
    assert loaded.recipe == parse_recipe(Path(recipe).read_text(encoding="utf-8"), name="tiny")
    assert loaded.preview is not None
    assert loaded.preview.shape == (40, 48, 3)


def test_a_look_that_was_stopped_is_not_repeated(
    clip: Path, target: Path, recipe: str, tmp_path: Path, stop_training: StopTraining
) -> None:
    stop_training(2)
    with pytest.raises(Interrupted):
        vidgan.train(clip, target, tmp_path / "half.safetensors", pipeline=recipe)
    stop_training(None)
    with pytest.raises(UsageError, match="finish it with --resume first"):
        vidgan.train(clip, target, tmp_path / "b.safetensors", repeat=tmp_path / "half.safetensors")


def test_a_repetition_wants_the_same_pair_and_no_recipe(
    clip: Path, target: Path, look: Path, tmp_path: Path
) -> None:
    mirrored = tmp_path / "mirrored.png"
    Image.open(target).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(mirrored)
    with pytest.raises(LookError, match="another pair"):
        vidgan.train(clip, mirrored, tmp_path / "b.safetensors", repeat=look)
    with pytest.raises(UsageError, match="leave --pipeline out"):
        vidgan.train(clip, target, tmp_path / "b.safetensors", repeat=look, pipeline="draft")


def test_a_checkpoint_of_another_device_is_refused_by_its_name(
    clip: Path,
    target: Path,
    recipe: str,
    tmp_path: Path,
    stop_training: StopTraining,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "look.safetensors"
    stop_training(2)
    with monkeypatch.context() as elsewhere:
        dumps = json.dumps
        elsewhere.setattr(json, "dumps", lambda *x, **how: dumps(*x, **how).replace('"cpu"', '"cuda"'))
        with pytest.raises(Interrupted):
            vidgan.train(clip, target, out, pipeline=recipe)
    with pytest.raises(LookError, match="--device cuda"):
        vidgan.train(clip, target, out, pipeline=recipe, resume=True)


def test_frames_to_measure_by_come_before_more_to_train_on(clip: Path) -> None:
    opened = open_clip(clip)
    found = survey(opened.frames())
    few, many = (choose_footage(opened, found, found.representative, n) for n in (0, 2))
    assert len(few.held_out) == len(many.held_out) == HELD_OUT
    assert all(np.array_equal(a, b) for a, b in zip(few.held_out, many.held_out, strict=True))
    assert len(many.others) == 2

"""Ctrl-C during a training: what stands is kept; a second one stops at once."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import vidgan
from vidgan.errors import Interrupted
from vidgan.gan.checkpoint import save_checkpoint
from vidgan.gan.look import load_look
from vidgan.gan.training import Trainer
from vidgan.jobs.interrupt import stop_when_interrupted
from vidgan.media import open_clip, read_picture

Names = Callable[[Path], list[str]]
StopTraining = Callable[[int | None], None]

needs_signals = pytest.mark.skipif(os.name == "nt", reason="needs signals")


@needs_signals
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_first_signal_asks_and_a_second_stops(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stop_when_interrupted() as asked:
        assert not asked()
        signal.raise_signal(number)
        assert asked()
        signal.raise_signal(number)  # the same one, delivered twice
        monkeypatch.setattr("vidgan.jobs.interrupt._SAME_SECONDS", -1.0)  # as if later
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


@needs_signals
def test_signals_mean_what_they_meant_before_once_training_has_ended() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with stop_when_interrupted():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    with pytest.raises(ZeroDivisionError), stop_when_interrupted():
        raise ZeroDivisionError
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_beside_the_main_thread_nobody_is_asked() -> None:
    answers: list[bool] = []

    def work() -> None:
        with stop_when_interrupted() as asked:
            answers.append(asked())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [False]


def test_a_stopped_translation_keeps_the_look_and_no_clip(
    clip: Path, target: Path, recipe: str, tmp_path: Path, names: Names, stop_training: StopTraining
) -> None:
    stop_training(2)
    out = tmp_path / "out.mp4"
    with pytest.raises(
        Interrupted, match=r"stopped in stage 2 of 3, iteration 2: the same command goes on there"
    ) as told:
        vidgan.translate(clip, target, out, pipeline=recipe)
    kept = tmp_path / "out.mp4.work" / "look-so-far.safetensors"
    assert str(kept) in str(told.value)
    assert names(tmp_path) == ["out.mp4.work"]
    assert sum(load_look(kept).steps) == 2
    vidgan.render(clip, kept, tmp_path / "other.mp4")
    assert len(open_clip(tmp_path / "other.mp4")) == 6
    stop_training(None)
    told_of = vidgan.translate(clip, target, out, pipeline=recipe)
    assert sum(told_of.steps) == 4
    assert "out.mp4.work" not in names(tmp_path)


def test_a_stopped_preview_shows_what_was_learnt(
    clip: Path, target: Path, recipe: str, tmp_path: Path, names: Names, stop_training: StopTraining
) -> None:
    out = tmp_path / "look.png"
    stop_training(1)
    with pytest.raises(Interrupted, match=r"look\.png shows what it had learnt"):
        vidgan.preview(clip, target, out, pipeline=recipe, at=[0, 3])
    assert names(tmp_path) == ["look.png"]
    assert read_picture(out).shape == (40, 96, 3)


def test_a_stopped_training_goes_on_to_the_same_frames(
    clip: Path, target: Path, recipe: str, tmp_path: Path, stop_training: StopTraining
) -> None:
    stop_training(None)
    whole = vidgan.translate(clip, target, tmp_path / "whole.mkv", pipeline=recipe)
    out = tmp_path / "out.mkv"
    for _ in range(3):
        stop_training(1)
        with pytest.raises(Interrupted, match="the same command goes on"):
            vidgan.translate(clip, target, out, pipeline=recipe)
    stop_training(None)
    again = vidgan.translate(clip, target, out, pipeline=recipe)
    assert again.frames_sha256 == whole.frames_sha256
    assert again.steps == whole.steps


def test_a_training_that_is_killed_goes_on_from_its_last_checkpoint(
    clip: Path, target: Path, recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after kill -9: nothing runs that could tidy up, but what was written now and then is there."""
    whole = vidgan.translate(clip, target, tmp_path / "whole.mkv", pipeline=recipe)
    monkeypatch.setattr("vidgan.jobs.training.KEEP_EVERY_SECONDS", 0.0)
    killed = Exception("killed")

    def dying(path: Path, kept: list[int]) -> Callable[..., None]:
        def save(*arguments: object) -> None:
            save_checkpoint(*arguments)  # type: ignore[arg-type]
            kept.append(1)

        return save

    kept: list[int] = []
    monkeypatch.setattr("vidgan.jobs.training.save_checkpoint", dying(tmp_path, kept))
    monkeypatch.setattr("vidgan.gan.training.Trainer._examine", lambda *arguments: None)

    def enter(trainer: Trainer, stage: int) -> None:
        if stage == 2 and kept:
            raise killed
        entered(trainer, stage)

    entered = Trainer.enter
    monkeypatch.setattr("vidgan.gan.training.Trainer.enter", enter)
    out = tmp_path / "out.mkv"
    with pytest.raises(Exception, match="killed"):
        vidgan.translate(clip, target, out, pipeline=recipe)
    assert (tmp_path / "out.mkv.work" / "training.checkpoint").exists()
    monkeypatch.setattr("vidgan.gan.training.Trainer.enter", entered)
    again = vidgan.translate(clip, target, out, pipeline=recipe)
    assert again.frames_sha256 == whole.frames_sha256

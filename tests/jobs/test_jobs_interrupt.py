"""Ctrl-C during a training: what stands is kept; a second one stops at once."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import vidgan
from vidgan.errors import Interrupted
from vidgan.gan.look import load_look
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
        Interrupted, match=r"stopped in stage 2 of 3, iteration 2; what it had learnt is kept"
    ) as told:
        vidgan.translate(clip, target, out, pipeline=recipe)
    kept = tmp_path / "out.mp4.look.safetensors"
    assert str(kept) in str(told.value)
    assert names(tmp_path) == [kept.name]
    assert sum(load_look(kept).steps) == 2
    vidgan.render(clip, kept, out)
    assert len(open_clip(out)) == 6


def test_a_stopped_preview_shows_what_was_learnt(
    clip: Path, target: Path, recipe: str, tmp_path: Path, names: Names, stop_training: StopTraining
) -> None:
    out = tmp_path / "look.png"
    stop_training(1)
    with pytest.raises(Interrupted, match=r"look\.png shows what it had learnt"):
        vidgan.preview(clip, target, out, pipeline=recipe, at=[0, 3])
    assert names(tmp_path) == ["look.png"]
    assert read_picture(out).shape == (40, 96, 3)


def test_a_look_that_was_kept_before_is_not_lost(
    clip: Path, target: Path, recipe: str, tmp_path: Path, names: Names, stop_training: StopTraining
) -> None:
    stop_training(1)
    for _ in range(2):
        with pytest.raises(Interrupted, match="vidgan render"):
            vidgan.translate(clip, target, tmp_path / "out.mkv", pipeline=recipe)
    assert names(tmp_path) == ["out.mkv.look-2.safetensors", "out.mkv.look.safetensors"]

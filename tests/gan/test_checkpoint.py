"""A training that was stopped goes on exactly where it stopped, and nowhere else."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from tiny_pairs import TINY, after, pair, weights

from vidgan.config import Recipe, TrainSettings
from vidgan.errors import LookError
from vidgan.gan.checkpoint import load_checkpoint, save_checkpoint, training_key
from vidgan.gan.pair import Pair
from vidgan.gan.schedule import Record
from vidgan.gan.training import Trained, Trainer, train_pair

SETTINGS = replace(TINY, steps=12, cycle_every=1, reconstruct_every=2)


@pytest.fixture(autouse=True)
def often_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the best weights, the readings and what counters a collapse are among what is kept."""
    monkeypatch.setattr("vidgan.gan.training._EXAMINE_EVERY", 2)
    monkeypatch.setattr("vidgan.gan.training._REPORT_EVERY", 1)


@cache
def whole(settings: TrainSettings = SETTINGS) -> Trained:
    """The same training without a stop."""
    return train_pair(pair(), settings)


def key_of(pair: Pair, settings: TrainSettings) -> str:
    return training_key(pair.pictures, Recipe(train=settings))


def stop(path: Path, steps: int, settings: TrainSettings = SETTINGS, record: Record | None = None) -> Trained:
    """Train for that many steps in all and keep the state."""
    trainer = Trainer(pair(), settings, record)
    stopped = trainer.run(should_stop=after(trainer, steps))
    save_checkpoint(trainer, key_of(pair(), settings), path)
    return stopped


def go_on(path: Path, settings: TrainSettings = SETTINGS, record: Record | None = None) -> Trainer:
    trainer = Trainer(pair(), settings, record)
    load_checkpoint(trainer, key_of(pair(), settings), path)
    return trainer


def flat(trained: Trained) -> list[float]:
    return [rate for stage in trained.rates for rate in stage]


def same(one: Trained, other: Trained) -> bool:
    assert (one.rates, one.health, one.findings) == (other.rates, other.health, other.findings)
    return torch.equal(weights(one), weights(other))


@pytest.mark.parametrize("steps", [1, 5, 11])
def test_a_stopped_training_gives_the_weights_of_one_that_was_not(steps, tmp_path):
    stopped = stop(tmp_path / "resume", steps)
    assert stopped.interrupted
    assert sum(stopped.steps) == steps
    went_on = go_on(tmp_path / "resume").run()
    assert not went_on.interrupted
    assert same(went_on, whole())


@pytest.mark.parametrize(("objective", "precision"), [("non-saturating", "fp32"), ("wgan-gp", "bf16")])
def test_every_objective_and_precision_goes_on(objective, precision, tmp_path):
    settings = replace(SETTINGS, objective=objective, precision=precision)
    stop(tmp_path / "resume", 7, settings)
    assert same(go_on(tmp_path / "resume", settings).run(), whole(settings))


def test_a_redrawer_goes_on_as_it_is(tmp_path, monkeypatch):
    """Learnt again it would be the same on a CPU, but not on a GPU, and take as long again."""
    stopped = stop(tmp_path / "resume", 5)
    monkeypatch.setattr("vidgan.gan.preparation.fit_redrawer", lambda *arguments: pytest.fail("learnt again"))
    went_on = go_on(tmp_path / "resume").run()
    for ours, theirs in ((went_on.model.to_a, stopped.model.to_a), (went_on.model.to_b, stopped.model.to_b)):
        states = ours.redrawer.state_dict(), theirs.redrawer.state_dict()
        assert all(torch.equal(x, y) for x, y in zip(*(state.values() for state in states), strict=True))


def test_a_training_may_be_stopped_again_and_again(tmp_path):
    path, key = tmp_path / "resume", key_of(pair(), SETTINGS)
    stop(path, 2)
    for _ in range(2):
        trainer = go_on(path)
        trainer.run(should_stop=after(trainer, 2))
        save_checkpoint(trainer, key, path)
    assert same(go_on(path).run(), whole())


def test_a_repetition_goes_on_too(tmp_path):
    record = Record(whole().rates, whole().threads)
    stop(tmp_path / "resume", 5, record=record)
    assert same(go_on(tmp_path / "resume", record=record).run(), whole())


def test_time_already_spent_counts(tmp_path):
    settings = replace(SETTINGS, steps=0, seconds=0.5)
    first = Trainer(pair(), settings)
    stopped = first.run(should_stop=after(first, 3))
    save_checkpoint(first, key_of(pair(), settings), tmp_path / "resume")
    trainer = go_on(tmp_path / "resume", settings)
    assert trainer.schedule.elapsed() == first.schedule.elapsed() > 0
    went_on = trainer.run()
    assert flat(went_on)[:3] == flat(stopped)


def test_what_is_not_the_same_training_is_refused_by_name(tmp_path):
    path = tmp_path / "look.resume"
    stop(path, 2)
    settings = replace(SETTINGS, lambda_cyc=9.0)
    other = Pair(pair().a, -pair().b)
    for what, chosen in ((pair(), settings), (other, SETTINGS)):
        with pytest.raises(LookError, match=r"look\.resume is of another clip, target, recipe or version"):
            load_checkpoint(Trainer(what, chosen), key_of(what, chosen), path)


@pytest.mark.parametrize("kind", ["text", "cut", "missing"])
def test_a_damaged_state_is_refused_by_name(kind, tmp_path):
    path = tmp_path / "look.resume"
    if kind == "text":
        path.write_text("no state\n" * 50)
    elif kind == "cut":
        stop(path, 1)
        path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(
        LookError, match=r"look\.resume cannot be read.*delete it to train from the beginning"
    ):
        go_on(path)


def test_the_key_is_of_all_that_training_sees():
    key = key_of(pair(), SETTINGS)
    assert key == key_of(pair(), SETTINGS)
    assert key != key_of(pair(), replace(SETTINGS, seed=1))
    assert key != key_of(Pair(pair().a, pair().b, [pair().a]), SETTINGS)
    assert key != key_of(Pair(torch.cat([pair().a] * 2), pair().b), SETTINGS)

"""Training on tiny pictures: what it leaves, that it repeats, and that it learns at all."""

from dataclasses import replace

import pytest
import torch
from tiny_pairs import CPU, TINY, pair, picture, weights

from vidgan.config import Recipe
from vidgan.errors import VidganError
from vidgan.gan.adversarial import GAMES
from vidgan.gan.look import Look
from vidgan.gan.pair import Pair
from vidgan.gan.schedule import Record
from vidgan.gan.training import Trained, Trainer, train_pair
from vidgan.gan.watch import Health


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train_pair(pair(), TINY)


@pytest.mark.parametrize(("a", "b"), [((20, 90), (64, 40)), ((16, 16), (33, 21)), ((90, 20), (20, 90))])
def test_pictures_of_two_sizes_and_shapes_train(a, b):
    trained = train_pair(pair(a, b), TINY)
    assert trained.model.stages == len(trained.model.to_b.generator.stages) == len(trained.steps)
    assert weights(trained).isfinite().all()
    assert not trained.interrupted


def test_as_many_steps_are_taken_as_the_settings_say(trained):
    assert sum(trained.steps) == pytest.approx(TINY.steps, abs=1)
    assert len(trained.steps) > 1


@pytest.mark.parametrize("objective", GAMES)
def test_every_objective_trains(objective):
    settings = replace(TINY, objective=objective)
    trained = train_pair(pair(), settings)
    assert weights(trained).isfinite().all()
    assert not torch.equal(weights(trained), weights(train_pair(pair(), replace(settings, lambda_adv=0.0))))


def test_the_penalty_counts_where_slopes_are_held_to_one():
    settings = replace(TINY, objective="wgan-gp")
    light, heavy = (train_pair(pair(), replace(settings, lambda_penalty=p)) for p in (0.1, 10.0))
    assert not torch.equal(weights(light), weights(heavy))


def test_several_frames_train_beside_the_pairs():
    frames = torch.cat([picture(40, 52, seed) for seed in (0, 7, 8)])
    several, alone = (train_pair(Pair(a, picture(36, 30, 1)), TINY) for a in (frames, frames[:1]))
    assert weights(several).isfinite().all()
    assert not torch.equal(weights(several), weights(alone))


def test_other_frames_train_in_the_tones_of_the_pairs_own():
    """As rendering shows them: a darker frame is no other picture."""
    frame = picture(40, 52, 0)
    frames = torch.cat([frame, (frame + 1) * 0.85 - 1])
    trainer = Trainer(Pair(frames, picture(36, 30, 1), held_out=[frames[1:]]), TINY)
    light, dark = trainer.a.levels[-1]
    assert torch.allclose(light, frame[0], atol=1e-6)
    assert (dark - light).abs().mean() < 0.5 * (frames[1] - frame[0]).abs().mean()


def test_the_time_before_the_first_iteration_is_told():
    stages: list[int] = []
    train_pair(pair(), TINY, on_progress=lambda p: stages.append(p.stage))
    assert stages[:2] == [-1, 0]
    assert -1 not in stages[1:]


def test_several_windows_train_at_a_time():
    assert weights(train_pair(pair(), replace(TINY, windows=3))).isfinite().all()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_same_seed_gives_the_same_weights_bit_for_bit(precision):
    settings = replace(TINY, precision=precision, cycle_every=1, reconstruct_every=1)
    first, *others = (weights(train_pair(pair(), settings)) for _ in range(3))
    assert all(torch.equal(first, other) for other in others)


def test_another_seed_gives_other_weights(trained):
    other = train_pair(pair(), replace(TINY, seed=1))
    assert not torch.equal(weights(trained), weights(other))


def test_training_leaves_the_callers_random_numbers_and_threads_alone():
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    train_pair(pair(), replace(TINY, steps=2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.get_num_threads() == threads


def test_every_weighted_loss_is_reported_by_its_name():
    seen: dict[str, float] = {}
    settings = replace(
        TINY, reconstruct_every=1, generated_every=2, cycle_every=1, lambda_steady=1.0, steady_every=1
    )
    train_pair(pair(), settings, on_progress=lambda p: seen.update(p.losses))
    assert set(seen) == {*settings.weights(), "critic"}
    assert all(isinstance(value, float) for value in seen.values())


def test_progress_is_told_in_order_and_stages_are_announced():
    fractions, stages = [], []
    trained = train_pair(
        pair((40, 40), (40, 40)),
        TINY,
        on_progress=lambda p: fractions.append(p.fraction),
        on_stage=lambda t: stages.append(len(t.model.to_b.generator.stages)),
    )
    assert fractions == sorted(fractions)
    assert stages == list(range(1, trained.model.stages + 1))
    assert len(stages) > 1


def test_what_a_stage_announces_is_not_trained_any_further():
    announced: list[Trained] = []
    snapshots = []

    def keep(so_far: Trained) -> None:
        announced.append(so_far)
        snapshots.append(weights(so_far))

    train_pair(pair(), TINY, on_stage=keep)
    assert all(torch.equal(weights(a), b) for a, b in zip(announced, snapshots, strict=True))


def test_a_dark_clip_takes_a_flat_targets_colour():
    """The least that a look must do: after a few steps the result has the target's colour."""
    target = torch.tensor([0.6, 0.1, -0.5]).view(1, 3, 1, 1).expand(1, 3, 32, 32).clone()
    source = picture(32, 32, 3) * 0.2 - 0.6
    settings = replace(TINY, steps=30, lambda_adv=0.0, generated_every=0)
    look = Look.of(train_pair(Pair(source, target), settings), Recipe(train=settings))
    result = look.translation(CPU)(source)
    before = (source.mean((2, 3)) - target.mean((2, 3))).abs().mean()
    after = (result.mean((2, 3)) - target.mean((2, 3))).abs().mean()
    assert after < 0.3 * before


def test_both_ways_come_nearer_to_their_target_and_keep_the_layout():
    """Stripes on one side, none on the other: recoloured alone, a picture would be at distance 1."""
    light = torch.linspace(-0.5, 0.5, 32)
    stripes = (torch.arange(32) % 4 < 2) * 0.8 - 0.4 + light[:, None].expand(1, 3, 32, 32)
    soft = light.expand(1, 3, 32, 32) * 1.4 + picture(32, 32, 3) * 0.05
    settings = replace(
        TINY, steps=90, free_share=0.25, coarsest_px=32, learning_rate=5e-3, channels=12, projections=24
    )
    for health in train_pair(Pair(soft, stripes), settings).health:
        assert health.distance < 0.95
        assert health.structure > 0.9


@pytest.fixture
def often_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidgan.gan.training._EXAMINE_EVERY", 2)


@pytest.mark.usefixtures("often_examined")
def test_a_run_that_was_bounded_by_time_repeats_by_its_record_bit_for_bit():
    settings = replace(TINY, seconds=0.6, steps=0)
    first = train_pair(pair(), settings)
    again = train_pair(pair(), settings, record=Record(first.rates, first.threads))
    assert again.rates == first.rates
    assert again.health == first.health
    assert torch.equal(weights(first), weights(again))


def test_a_record_of_other_stages_cannot_be_repeated():
    first = train_pair(pair(), TINY)
    for a, b in (((60, 60), (60, 60)), ((16, 20), (16, 20))):  # more stages, fewer
        with pytest.raises(VidganError, match="stages"):
            train_pair(pair(a, b), TINY, record=Record(first.rates, first.threads))


class Scripted:
    """Finds a result at the distances that it was told, one after the other, and keeps the weights."""

    def __init__(self, trainer: Trainer, *distances: float) -> None:
        self.trainer, self.distances = trainer, iter(distances)
        self.seen: list[torch.Tensor] = []

    def examine(self, stage: int) -> Health:
        domains = (self.trainer.a, self.trainer.b)
        learnt = [p.detach().flatten() for domain in domains for p in domain.generator.parameters()]
        self.seen.append(torch.cat(learnt))
        return Health(1.0, next(self.distances))


class Flawless:
    """Finds every result flawless."""

    def examine(self, stage: int) -> Health:
        return Health(1.0, 0.0)


class Collapsed:
    """Finds every result collapsed."""

    def examine(self, stage: int) -> Health:
        return Health(0.0, 0.1)


# One stage of six steps, the rate falling from the fourth on, examined after every step and at the end.
ONE_STAGE = replace(TINY, coarsest_px=24, decay=0.5)
DISTANCES = (0.1, 0.1, 0.1, 0.9, 0.2, 0.3, 0.4)


def one_stage(monkeypatch: pytest.MonkeyPatch, record: Record | None = None) -> tuple[Trainer, Scripted]:
    """A trainer, and its examiner that will find those distances."""
    monkeypatch.setattr("vidgan.gan.training._EXAMINE_EVERY", 1)
    trainer = Trainer(pair((24, 24), (24, 24)), ONE_STAGE, record)
    examiner = Scripted(trainer, *DISTANCES)
    trainer.examiners = (examiner, Flawless())
    return trainer, examiner


def test_the_weights_that_did_best_while_the_rate_fell_are_kept(monkeypatch):
    trainer, examiner = one_stage(monkeypatch)
    trained = trainer.run()
    assert trained.health[0].distance == 0.2
    assert torch.equal(weights(trained), examiner.seen[4])
    assert not torch.equal(weights(trained), examiner.seen[5])


def test_a_repeated_run_keeps_the_same_weights(monkeypatch):
    first = one_stage(monkeypatch)[0].run()
    again = one_stage(monkeypatch, Record(first.rates, first.threads))[0].run()
    assert again.health == first.health
    assert torch.equal(weights(first), weights(again))


def test_a_collapse_is_countered_and_told(monkeypatch):
    trainer, _ = one_stage(monkeypatch)
    trainer.examiners = (Collapsed(), Flawless())
    trained = trainer.run()
    assert len(trained.findings) == 1
    assert trained.findings[0].startswith("stage 1: the way to the target collapses to the target")
    assert trainer.ways[0].hold > 1 == trainer.ways[1].hold

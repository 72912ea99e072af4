"""Where training stands: settled or not, collapsed or not, and what is done about it."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from tiny_pairs import TINY, picture

from vidgan.gan.pair import Pair
from vidgan.gan.training import Trainer
from vidgan.gan.watch import Health, Settling, counter_collapse

HEALTHY = Health(structure=0.95, distance=0.3)
LIKE_THE_TARGET = Health(structure=0.1, distance=0.2)
LIKE_THE_SOURCE = Health(structure=0.99, distance=0.97)


def settled(*values: float) -> bool:
    """Whether two dozen readings of each value, one after the other, look settled."""
    settling = Settling()
    for value in values:
        for _ in range(24):
            settling.add(value)
    return settling.settled()


def test_a_distance_that_no_longer_falls_has_settled():
    assert settled(1.0, 1.0)
    assert settled(1.0, 0.99)
    assert settled(1.0, 1.2)


def test_a_distance_that_still_falls_has_not():
    assert not settled(1.0, 0.9)
    assert not settled(1.0, 1.0, 0.9)


def test_only_the_last_readings_count():
    assert settled(9.0, 1.0, 1.0)
    assert not settled(1.0, 1.0, 5.0, 4.0)


def test_a_few_readings_are_too_few():
    assert not settled()
    assert not settled(1.0)


def test_the_penalty_is_the_distance_and_what_structure_lacks():
    assert Health(1.0, 0.3).penalty() == pytest.approx(0.3)
    assert Health(0.9, 0.3).penalty() == pytest.approx(0.3)
    assert Health(0.4, 0.3).penalty() == pytest.approx(0.3 + 2 * 0.5)
    assert Health(-0.1, 0.0).penalty() == pytest.approx(2.0)


def way(hold: float = 1.0, push: float = 1.0) -> SimpleNamespace:
    return SimpleNamespace(hold=hold, push=push)


def test_a_healthy_way_is_left_alone():
    ours = way()
    assert counter_collapse(ours, HEALTHY) is None
    assert (ours.hold, ours.push) == (1, 1)


def test_what_holds_the_source_weighs_more_where_the_result_is_the_target():
    ours = way()
    assert counter_collapse(ours, LIKE_THE_TARGET) == "collapses to the target"
    assert ours.hold > 1
    assert ours.push == 1


def test_what_shows_the_target_weighs_more_where_the_result_is_the_source():
    ours = way()
    assert counter_collapse(ours, LIKE_THE_SOURCE) == "keeps to the source"
    assert ours.push > 1
    assert ours.hold == 1


def test_a_result_that_is_neither_is_held_first():
    ours = way()
    counter_collapse(ours, Health(structure=0.1, distance=1.5))
    assert ours.hold > 1
    assert ours.push == 1


@pytest.mark.parametrize("lost", [LIKE_THE_TARGET, LIKE_THE_SOURCE])
def test_weights_grow_while_it_lasts_up_to_a_bound_and_come_back_to_one(lost):
    ours, seen = way(), []
    for _ in range(10):
        counter_collapse(ours, lost)
        seen.append(max(ours.hold, ours.push))
    assert seen == sorted(seen)
    assert seen[0] < seen[1] < seen[-1] == seen[-2] == 4
    for _ in range(10):
        counter_collapse(ours, HEALTHY)
    assert (ours.hold, ours.push) == (1, 1)


def ramp(down: bool, side: int = 40) -> torch.Tensor:
    """From dark to light, rightwards or downwards, with some grain."""
    line = torch.linspace(-0.8, 0.8, side)
    even = (line[:, None] if down else line).expand(1, 3, side, side)
    return (even + 0.15 * picture(side, side, int(down))).clamp(-1, 1)


@pytest.fixture
def trainer() -> Trainer:
    """Two pictures with nothing in common but their tones, at the second of three stages."""
    trainer = Trainer(Pair(ramp(down=False), ramp(down=True)), TINY)
    for stage in range(2):
        trainer.enter(stage)
    return trainer


def test_a_generator_that_draws_nothing_keeps_all_structure_and_all_distance(trainer):
    for domain in (trainer.a, trainer.b):
        for parameter in domain.generator.tail.parameters():
            torch.nn.init.zeros_(parameter)
    for examiner in trainer.examiners:
        health = examiner.examine(1)
        assert health.structure == pytest.approx(1, abs=0.01)
        assert health.distance == pytest.approx(1, abs=0.02)
        assert counter_collapse(way(), health) == "keeps to the source"


def test_a_result_that_is_the_target_has_neither(trainer, monkeypatch):
    direction = trainer.ways[0]
    target = direction.target.levels[1]
    monkeypatch.setattr(direction, "translate", lambda *arguments: target)
    health = trainer.examiners[0].examine(1)
    assert abs(health.structure) < 0.3
    assert health.distance == pytest.approx(0, abs=1e-3)
    assert counter_collapse(direction, health) == "collapses to the target"


def test_the_same_weights_are_always_found_as_healthy(trainer):
    assert trainer.examiners[0].examine(1) == trainer.examiners[0].examine(1)


def test_an_even_source_has_no_structure_to_lose():
    flat = torch.zeros(1, 3, 40, 40)
    trainer = Trainer(Pair(flat, ramp(down=True)), TINY)
    trainer.enter(0)
    assert trainer.examiners[0].examine(0).structure == 1


def test_health_is_the_mean_over_held_out_frames():
    frames = [ramp(down=False), -ramp(down=False)]

    def health(*held_out: torch.Tensor) -> Health:
        trainer = Trainer(Pair(ramp(down=False), ramp(down=True), held_out), TINY)
        trainer.enter(0)
        return trainer.examiners[0].examine(0)

    each, both = [health(frame) for frame in frames], health(*frames)
    assert both.structure == pytest.approx((each[0].structure + each[1].structure) / 2, abs=1e-5)
    assert both.distance == pytest.approx((each[0].distance + each[1].distance) / 2, abs=1e-5)
    assert each[0] != each[1]


@pytest.mark.parametrize("size", [(16, 16), (30, 200), (400, 420)])
def test_frames_of_any_size_can_be_examined_at_the_coarsest_stage(size):
    """Large pictures most of all: their coarsest level is a small part of them."""
    settings = replace(TINY, coarsest_px=14)
    trainer = Trainer(Pair(picture(*size, 0), picture(*size, 1)), settings)
    trainer.enter(0)
    for examiner in trainer.examiners:
        health = examiner.examine(0)
        assert 0 <= health.distance < 100
        assert -1 <= health.structure <= 1.001

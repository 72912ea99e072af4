"""One way across: what holds critic and generator in balance."""

from dataclasses import replace

import pytest
import torch
from tiny_pairs import TINY, pair

from vidgan.gan.direction import Direction, Turn
from vidgan.gan.preparation import redraw
from vidgan.gan.training import Trainer

EVERY = replace(TINY, cycle_every=1, reconstruct_every=1, generated_every=1, arranged_every=1)
TURN = Turn(stage=0, step=0, strength=0.0, rate=1e-3)


def one_way(settings=EVERY) -> tuple[Direction, list[torch.Tensor]]:
    """The way to the target at the first stage, and both generators' parameters."""
    trainer = Trainer(pair(), settings)
    trainer.enter(0)
    return trainer.ways[0], trainer.optimise_generators.parameters


def critics_share(lead: float) -> float:
    """How much of the learning rate a critic gets that has been right this often."""
    way, parameters = one_way()
    way.lead = torch.tensor(lead)
    way.gradients(TURN, parameters)
    return way.optimise_critic.rate / TURN.rate


def test_the_further_a_critic_leads_the_slower_it_learns():
    even, ahead, always_right = (critics_share(lead) for lead in (0.5, 0.95, 1.0))
    assert even == 1
    assert 0.1 <= always_right < ahead < 1


def test_a_critic_whose_slopes_are_held_to_one_always_learns_at_full_rate():
    way, parameters = one_way(replace(EVERY, objective="wgan-gp"))
    way.lead = torch.tensor(1.0)
    way.gradients(TURN, parameters)
    assert way.optimise_critic.rate == TURN.rate


def test_the_critic_learns_and_the_generators_are_left_to_whoever_asked():
    way, parameters = one_way()
    critic = [p.detach().clone() for p in way.target.critic.parameters()]
    generators = [p.detach().clone() for p in parameters]
    gradients = way.gradients(TURN, parameters)
    assert any(not torch.equal(a, b) for a, b in zip(critic, way.target.critic.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(generators, parameters, strict=True))
    assert all(gradient is not None for gradient in gradients)  # a cycle needs both generators


def test_without_a_cycle_only_the_targets_generator_is_asked():
    way, parameters = one_way(replace(TINY, cycle_every=2))
    gradients = way.gradients(TURN, parameters)
    asked = {id(p) for p, g in zip(parameters, gradients, strict=True) if g is not None}
    assert asked == {id(p) for p in way.target.generator.parameters()}


@pytest.mark.parametrize(
    ("name", "heavier"), [("hold", {"cycle", "palette"}), ("push", {"patch", "adversarial"})]
)
def test_against_collapse_what_was_lost_weighs_more(name, heavier):
    way, parameters = one_way()
    torch.manual_seed(0)
    state = way.rng.get_state()
    before = way.gradients(TURN, parameters)
    setattr(way, name, 2.0)
    assert {k for k, v in way._weights().items() if v > EVERY.weights()[k]} == heavier
    way.rng.set_state(state)
    after = way.gradients(TURN, parameters)
    assert not all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_every_iteration_that_is_due_reports_its_losses():
    way, parameters = one_way()
    way.gradients(TURN, parameters)
    assert set(way.running) == {"adversarial", "patch", "palette", "cycle", "reconstruction", "critic"}
    assert all(value.isfinite() for value in way.running.values())


def prepared(settings=EVERY, strength: float = 1.0) -> tuple[Direction, list[torch.Tensor], Turn]:
    """The way to the target at the first stage, its source's redrawing known."""
    trainer = Trainer(pair(), settings)
    redraw(trainer.ways[0])
    trainer.enter(0)
    return trainer.ways[0], trainer.optimise_generators.parameters, replace(TURN, strength=strength)


def test_without_strength_the_generator_is_told_the_mapped_source():
    way, _, _ = prepared()
    told = way._tell(0, 0.0)
    assert torch.equal(told.picture, way.target.palette(told.source))
    assert torch.equal(told.goal, told.picture)
    assert told.like is None


@pytest.mark.parametrize(("strength", "which"), [(0.5, 0), (1.0, 1)])
def test_at_half_and_full_strength_it_is_told_the_layout_redrawn_and_held_to_the_analogy(strength, which):
    way, _, _ = prepared()
    way.settings = replace(way.settings, window_px=1000)  # all of the picture
    told = way._tell(0, strength)
    added, goals = way.source.redrawing.at(0)
    mapped = way.target.palette(told.source)
    assert torch.allclose(told.picture, (mapped + added[which]).clamp(-1, 1), atol=1e-5)
    assert torch.allclose(told.goal, goals[which], atol=1e-5)
    assert torch.equal(told.like, goals[which])


def test_what_is_redrawn_far_is_not_expected_back():
    """At half strength the cycle closes; a thing that has become another does not return."""
    way, parameters, turn = prepared(strength=0.5)
    way.gradients(turn, parameters)
    assert "cycle" in way.running
    way, parameters, turn = prepared(strength=0.9)
    way.gradients(turn, parameters)
    assert "cycle" not in way.running


def test_an_analogy_is_drawn_where_there_is_one():
    way, parameters, turn = prepared(replace(EVERY, imitated_every=1))
    way.gradients(turn, parameters)
    assert {"analogy", "analogous patches"} <= set(way.running)
    alone, parameters = one_way(replace(EVERY, imitated_every=1))
    alone.gradients(TURN, parameters)
    assert "analogy" not in alone.running

"""What becomes of a layout, and how much of it at which strength."""

from dataclasses import replace
from itertools import count

import pytest
import torch
from tiny_pairs import CPU, TINY, pair, picture

from vidgan.config import Recipe, TranslateSettings
from vidgan.errors import Interrupted
from vidgan.gan.look import Look, load_look, save_look
from vidgan.gan.pair import Pair
from vidgan.gan.pyramid import Ladder, size_of
from vidgan.gan.redraw import (
    Redrawer,
    Redrawing,
    at_redrawn_size,
    fit_redrawer,
    how_redrawn,
    what_is_added,
)
from vidgan.gan.training import Trainer, train_pair

LADDER = Ladder(3, 0.5)


@torch.enable_grad()
def taught(steps: int = 150) -> tuple[Redrawer, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A redrawer that has learnt to turn a light block red (near) or blue (far) on grey."""
    mapped = torch.zeros(1, 3, 32, 32)
    mapped[..., 8:20, 10:22] = 0.8
    near, far = mapped * 0, mapped * 0
    near[:, 0, 8:20, 10:22] = 0.9
    far[:, 2, 8:20, 10:22] = 0.9
    redrawer = Redrawer()
    fit_redrawer(redrawer, mapped, (near, far), steps, torch.Generator().manual_seed(0))
    return redrawer, mapped, near, far


def test_it_learns_what_becomes_of_a_layout_near_and_far():
    redrawer, mapped, near, far = taught()
    with torch.no_grad():
        for goal, made in zip((near, far), redrawer(mapped), strict=True):
            assert (made - goal).abs().mean() < 0.3 * (mapped - goal).abs().mean()


def test_it_invents_no_colour():
    """Whatever it is shown: every pixel lies between colours that it was taught with."""
    redrawer, *_ = taught(steps=20)
    with torch.no_grad():
        made = torch.cat(redrawer(picture(40, 52, 3) * 5))
    assert made[:, 1].abs().max() < 1e-5  # neither goal has any green
    assert made.min() >= -1e-5
    assert made.max() <= 0.9 + 1e-5


def test_the_same_random_numbers_teach_the_same():
    torch.manual_seed(0)
    first, *_ = taught(steps=10)
    torch.manual_seed(0)
    second, *_ = taught(steps=10)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_shares_of_near_and_far():
    assert how_redrawn(0.0) == (0.0, 0.0)
    assert how_redrawn(0.25) == (0.5, 0.0)
    assert how_redrawn(0.5) == (1.0, 0.0)
    assert how_redrawn(0.75) == (1.0, 0.5)
    assert how_redrawn(1.0) == (1.0, 1.0)


def test_at_no_strength_nothing_is_redrawn():
    frame = picture(40, 52, 3)
    assert Redrawer().redraw(frame, LADDER, 0.0) is frame


@torch.no_grad()
def test_between_the_ends_redrawing_is_a_mean_of_them():
    redrawer, *_ = taught(steps=10)
    frame = picture(64, 64, 3) * 0.1  # nothing is to leave the range
    none, quarter, half, three, full = (
        redrawer.redraw(frame, LADDER, s) for s in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    assert torch.allclose(quarter, (none + half) / 2, atol=1e-5)
    assert torch.allclose(three, (half + full) / 2, atol=1e-5)


@torch.no_grad()
def test_redrawing_leaves_what_is_finer_than_a_layout():
    """At the redrawn size the result is the layout; what is finer comes from the frame."""
    redrawer, *_ = taught(steps=10)
    frame = picture(64, 64, 3) * 0.3
    made = redrawer.redraw(frame, LADDER, 1.0)
    layout = redrawer(at_redrawn_size(frame, LADDER))[1]
    assert (at_redrawn_size(made, LADDER) - layout).abs().mean() < 0.05
    assert (made - frame)[..., 1:].sub((made - frame)[..., :-1]).abs().mean() < 0.1


@pytest.mark.parametrize(("stages", "size"), [(1, (64, 80)), (2, (64, 80)), (3, (32, 40)), (4, (16, 20))])
def test_layouts_are_redrawn_at_the_second_stages_size(stages, size):
    assert size_of(at_redrawn_size(picture(64, 80, 3), Ladder(stages, 0.5))) == size


@torch.no_grad()
def test_what_the_generator_is_told_stays_within_range():
    redrawer, *_ = taught(steps=20)
    told = redrawer.redraw(picture(64, 64, 3), LADDER, 1.0)
    assert told.abs().max() <= 1


def test_goals_are_kept_for_levels_that_are_no_larger():
    levels = LADDER.pyramid(picture(64, 80, 3))
    small = picture(32, 40, 4)
    added = what_is_added(Redrawer(), small)
    goals = picture(40, 50, 5), picture(40, 50, 6)
    redrawing = Redrawing(added, goals, [size_of(level) for level in levels])
    assert [[len(part) for part in redrawing.at(stage)] for stage in range(3)] == [[2, 2], [2, 2], [2, 0]]
    for stage, level in enumerate(levels):
        assert all(size_of(x) == size_of(level) for part in redrawing.at(stage) for x in part)


def test_training_teaches_a_redrawer_for_each_way():
    trainer, fresh = Trainer(pair(), TINY), Trainer(pair(), TINY)
    assert trainer.a.redrawing is None
    trained = trainer.run()
    crossings = (trained.model.to_a, fresh.a), (trained.model.to_b, fresh.b)
    for domain, (crossing, before) in zip((trainer.a, trainer.b), crossings, strict=True):
        assert crossing.redrawer.is_taught
        assert not before.redrawer.is_taught
        assert not torch.equal(crossing.redrawer.tails[0].weight, before.redrawer.tails[0].weight)
        assert domain.redrawing is not None
        assert all(x.isfinite().all() for part in domain.redrawing.at(0) for x in part)


@pytest.mark.parametrize("asked", [1, 4, 9])
def test_a_training_can_be_stopped_while_it_prepares(asked):
    times = count(1)
    with pytest.raises(Interrupted, match="nothing was changed"):
        Trainer(pair(), TINY).run(should_stop=lambda: next(times) >= asked)


def test_a_look_keeps_its_redrawers(tmp_path):
    look = Look.of(train_pair(pair(), TINY), Recipe(train=TINY))
    save_look(look, tmp_path / "look.safetensors")
    loaded, frame = load_look(tmp_path / "look.safetensors"), picture(40, 52, 5)
    for reverse in (False, True):
        settings = TranslateSettings(strength=1.0, reverse=reverse)
        before, after = (x.translation(CPU, settings)(frame) for x in (look, loaded))
        assert torch.equal(before, after)


def test_without_redrawing_there_is_none_in_the_look(tmp_path):
    settings = replace(TINY, redraw_steps=0)
    look = Look.of(train_pair(pair(), settings), Recipe(train=settings))
    assert look.model.to_a.redrawer is None
    save_look(look, tmp_path / "look.safetensors")
    loaded = load_look(tmp_path / "look.safetensors")
    assert loaded.model.to_b.redrawer is None
    frame = picture(40, 52, 5)
    assert loaded.translation(CPU, TranslateSettings(strength=1.0))(frame).shape == frame.shape


def test_without_redrawing_all_else_begins_with_the_same_weights():
    """So that what redrawing is worth can be told from what another seed is."""
    trainers = Trainer(pair(), TINY), Trainer(pair(), replace(TINY, redraw_steps=0))
    for name in ("a", "b"):
        with_it, without = (getattr(trainer, name) for trainer in trainers)
        for network in ("generator", "critic"):
            ours, theirs = (getattr(x, network).parameters() for x in (with_it, without))
            assert all(torch.equal(x, y) for x, y in zip(ours, theirs, strict=True))


def test_a_target_that_is_texture_alone_redraws_nothing():
    """Fine stripes without a thing in them: what is not there cannot take a layout's place."""
    stripes = ((torch.arange(60) % 4 < 2).float() * 1.2 - 0.6).expand(1, 3, 60, 60).clone()
    trainer = Trainer(Pair(picture(40, 52, 0), stripes), TINY)
    trained = trainer.run()
    assert trained.model.to_b.redrawer is None
    assert trained.model.to_a.redrawer is not None
    frame = picture(40, 52, 5)
    look = Look.of(trained, Recipe(train=TINY))
    assert look.translation(CPU, TranslateSettings(strength=1.0))(frame).shape == frame.shape

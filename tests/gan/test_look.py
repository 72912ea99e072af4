"""Looks: what their file keeps, and what applying one does to a frame."""

from dataclasses import replace

import pytest
import torch
from tiny_pairs import CPU, TINY, after, pair, picture, weights

from vidgan.config import Recipe, TranslateSettings
from vidgan.errors import LookError
from vidgan.gan.look import Look, load_look, save_look
from vidgan.gan.schedule import Record
from vidgan.gan.training import Trained, Trainer, train_pair


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train_pair(pair(), TINY)


@pytest.fixture(scope="module")
def look(trained) -> Look:
    return Look.of(trained, Recipe(train=TINY))


def applied(look: Look, frame: torch.Tensor, **settings) -> torch.Tensor:
    return look.translation(CPU, TranslateSettings(**settings))(frame)


def test_a_look_survives_its_file(trained, tmp_path):
    recipe = Recipe(name="mine", train=TINY)
    look = replace(Look.of(trained, recipe), preview=torch.zeros(4, 5, 3, dtype=torch.uint8).numpy())
    save_look(look, tmp_path / "look.safetensors")
    loaded = load_look(tmp_path / "look.safetensors")
    assert (loaded.recipe, loaded.model.facts(), loaded.steps) == (recipe, look.model.facts(), trained.steps)
    assert loaded.preview.shape == (4, 5, 3)
    frame = picture(40, 52, 5)
    for reverse in (False, True):
        assert torch.equal(applied(look, frame, reverse=reverse), applied(loaded, frame, reverse=reverse))


def test_the_record_in_the_file_repeats_the_training(trained, look, tmp_path):
    save_look(look, tmp_path / "look.safetensors")
    record = load_look(tmp_path / "look.safetensors").record
    assert record == Record(trained.rates, trained.threads)
    assert torch.equal(weights(train_pair(pair(), TINY, record=record)), weights(trained))


def test_a_damaged_look_is_refused_by_name(look, tmp_path):
    path = tmp_path / "look.safetensors"
    save_look(look, path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(LookError, match=r"look\.safetensors"):
        load_look(path)


def test_a_look_of_an_earlier_version_is_refused_by_name(look, tmp_path):
    path = tmp_path / "look.safetensors"
    save_look(look, path)
    path.write_bytes(path.read_bytes().replace(b"vidgan-look-6", b"vidgan-look-1"))
    with pytest.raises(LookError, match=r"look\.safetensors is not a look of this version.*train it again"):
        load_look(path)


def test_a_look_applies_to_frames_of_any_size_with_the_same_noise_each_time(look):
    translate = look.translation(CPU)
    for size in [(17, 90), (64, 48)]:
        frame = picture(*size, seed=2)
        assert translate(frame).shape == frame.shape
        assert torch.equal(translate(frame), translate(frame))
        assert translate(frame).abs().max() <= 1


def test_strength_changes_what_the_generator_is_told(look):
    frame = picture(40, 52, 5)
    keep, redraw = (applied(look, frame, strength=strength) for strength in (0.0, 1.0))
    assert not torch.equal(keep, redraw)


def test_the_stronger_the_less_a_frames_detail_counts():
    """Two frames that differ in fine stripes alone."""
    settings = replace(TINY, redraw_steps=0)
    look = Look.of(train_pair(pair((66, 70), (70, 66)), settings), Recipe(train=settings))
    frame = picture(40, 52, 5) * 0.5
    other = frame + 0.3 * (torch.arange(52) % 2 * 2.0 - 1)

    def shown(picture: torch.Tensor, strength: float) -> torch.Tensor:
        return applied(look, picture, strength=strength, match_tones=0.0)

    apart = [float((shown(frame, s) - shown(other, s)).abs().mean()) for s in (0.0, 0.5, 1.0)]
    assert apart == sorted(apart, reverse=True)
    assert apart[2] < 0.5 * apart[0]


def test_another_noise_seed_gives_another_picture_unless_noise_is_off(look):
    frame = picture(40, 52, 5)
    assert not torch.equal(applied(look, frame, noise_seed=1), applied(look, frame, noise_seed=2))
    silent = (applied(look, frame, noise_amp=0.0, noise_seed=seed) for seed in (1, 2))
    assert torch.equal(*silent)


def test_reverse_applies_the_other_generator_with_all_that_is_its_own(look):
    frame = picture(36, 30, 5)
    turned = replace(look, model=replace(look.model, to_a=look.model.to_b, to_b=look.model.to_a))
    assert torch.equal(applied(look, frame, reverse=True), applied(turned, frame))
    assert not torch.equal(applied(look, frame, reverse=True), applied(look, frame))


def test_the_recipes_own_settings_count_unless_others_are_given(trained):
    frame, settings = picture(40, 52, 5), TranslateSettings(strength=1.0, reverse=True)
    look = Look.of(trained, Recipe(train=TINY, translate=settings))
    assert torch.equal(look.translation(CPU)(frame), look.translation(CPU, settings)(frame))
    assert not torch.equal(look.translation(CPU)(frame), applied(look, frame))


def test_bf16_and_fp32_give_the_same_picture_to_within_three_levels(trained):
    frame = picture(40, 52, 5)
    results = []
    for precision in ("fp32", "bf16"):
        recipe = Recipe(train=replace(TINY, precision=precision))
        results.append(Look.of(trained, recipe).translation(CPU)(frame))
    difference = (results[0] - results[1]).abs()
    assert difference.max() < 6 / 127.5
    assert difference.mean() < 1 / 127.5


def test_a_training_that_was_stopped_gives_a_look_that_can_be_used(tmp_path):
    trainer = Trainer(pair((40, 40), (40, 40)), TINY)
    stopped = trainer.run(should_stop=after(trainer, 2))
    assert stopped.interrupted
    assert sum(stopped.steps) == 2
    assert len(stopped.model.to_b.generator.stages) == 2 < trainer.ladder.stages
    look = Look.of(stopped, Recipe(train=TINY))
    save_look(look, tmp_path / "look.safetensors")
    loaded, frame = load_look(tmp_path / "look.safetensors"), picture(50, 61, 5)
    assert (loaded.model.stages, loaded.model.grown) == (3, 2)
    assert loaded.steps == stopped.steps
    result = applied(loaded, frame)
    assert result.shape == frame.shape
    assert torch.equal(result, applied(look, frame))
    assert result.abs().max() <= 1

"""Training on tiny pictures: what it leaves, that it repeats, and that it learns at all."""

from dataclasses import replace

import pytest
import torch

from vidgan.config import Recipe, TrainSettings, TranslateSettings
from vidgan.errors import LookError
from vidgan.gan.critic import Critic
from vidgan.gan.domain import Domain
from vidgan.gan.generator import Generator
from vidgan.gan.look import Look, Translator, load_look, save_look
from vidgan.gan.pyramid import Ladder
from vidgan.gan.training import train_pair

TINY = TrainSettings(
    seconds=0, steps=6, channels=8, blocks=1, critic_channels=8, coarsest_px=16, window_px=24, projections=8
)


def picture(height: int, width: int, seed: int) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def weights(generator: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in generator.parameters()])


@pytest.fixture(scope="module")
def trained():
    return train_pair(picture(40, 52, 0), picture(36, 30, 1), TINY)


def test_pictures_of_two_sizes_and_no_square_train(trained):
    assert trained.ladder.stages == len(trained.generator_b.stages) == len(trained.steps)
    assert sum(trained.steps) >= TINY.steps - 1


def test_the_same_seed_gives_the_same_weights_bit_for_bit(trained):
    again = train_pair(picture(40, 52, 0), picture(36, 30, 1), TINY)
    assert torch.equal(weights(trained.generator_b), weights(again.generator_b))
    assert torch.equal(weights(trained.generator_a), weights(again.generator_a))


def test_another_seed_gives_other_weights(trained):
    other = train_pair(picture(40, 52, 0), picture(36, 30, 1), replace(TINY, seed=1))
    assert not torch.equal(weights(trained.generator_b), weights(other.generator_b))


def test_training_leaves_the_callers_random_numbers_alone():
    before = torch.random.get_rng_state()
    train_pair(picture(30, 30, 0), picture(30, 30, 1), replace(TINY, steps=2))
    assert torch.equal(before, torch.random.get_rng_state())


def test_every_weighted_loss_is_reported_by_its_name():
    seen: dict[str, float] = {}
    settings = replace(TINY, reconstruct_every=1, generated_every=2)
    train_pair(picture(30, 30, 0), picture(30, 30, 1), settings, on_progress=lambda p: seen.update(p.losses))
    assert set(seen) == {*settings.weights(), "critic"}
    assert all(isinstance(value, float) for value in seen.values())


def test_progress_is_told_in_order_and_stages_are_announced():
    fractions, stages = [], []
    train_pair(
        picture(40, 40, 0),
        picture(40, 40, 1),
        TINY,
        on_progress=lambda p: fractions.append(p.fraction),
        on_stage=lambda t: stages.append(len(t.generator_b.stages)),
    )
    assert fractions == sorted(fractions)
    assert stages == [1, 2, 3][: len(stages)]
    assert len(stages) > 1


def test_a_dark_clip_takes_a_flat_targets_colour():
    """The least that a look must do: after a few steps the result has the target's colour."""
    target = torch.tensor([0.6, 0.1, -0.5]).view(1, 3, 1, 1).expand(1, 3, 32, 32).clone()
    source = picture(32, 32, 3) * 0.2 - 0.6
    settings = replace(TINY, steps=60, lambda_adv=0.0, generated_every=0)
    trained = train_pair(source, target, settings)
    look = Look.of(trained, Recipe(train=settings))
    result = Translator(look, torch.device("cpu"))(source)
    before = (source.mean((2, 3)) - target.mean((2, 3))).abs().mean()
    after = (result.mean((2, 3)) - target.mean((2, 3))).abs().mean()
    assert after < 0.3 * before


def test_a_look_survives_its_file(trained, tmp_path):
    recipe = Recipe(name="mine", train=TINY)
    look = replace(Look.of(trained, recipe), preview=torch.zeros(4, 5, 3, dtype=torch.uint8).numpy())
    save_look(look, tmp_path / "look.safetensors")
    loaded = load_look(tmp_path / "look.safetensors")
    assert (loaded.recipe, loaded.ladder, loaded.steps) == (recipe, look.ladder, look.steps)
    assert loaded.preview.shape == (4, 5, 3)
    frame = picture(40, 52, 5)
    cpu = torch.device("cpu")
    assert torch.equal(Translator(look, cpu)(frame), Translator(loaded, cpu)(frame))


def test_a_damaged_look_is_refused_by_name(trained, tmp_path):
    path = tmp_path / "look.safetensors"
    save_look(Look.of(trained, Recipe(train=TINY)), path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(LookError, match=r"look\.safetensors"):
        load_look(path)


def test_a_look_applies_to_frames_of_any_size_with_the_same_noise_each_time(trained):
    translate = Translator(Look.of(trained, Recipe(train=TINY)), torch.device("cpu"))
    for size in [(17, 90), (64, 48)]:
        frame = picture(*size, seed=2)
        assert translate(frame).shape == frame.shape
        assert torch.equal(translate(frame), translate(frame))


def test_strength_changes_what_the_generator_is_told(trained):
    look, cpu, frame = Look.of(trained, Recipe(train=TINY)), torch.device("cpu"), picture(40, 52, 5)
    keep, redraw = (Translator(look, cpu, TranslateSettings(strength=s))(frame) for s in (0.0, 1.0))
    assert not torch.equal(keep, redraw)


def test_bf16_and_fp32_give_the_same_picture_to_within_three_levels(trained):
    frame = picture(40, 52, 5)
    results = []
    for precision in ("fp32", "bf16"):
        recipe = Recipe(train=replace(TINY, precision=precision))
        results.append(Translator(Look.of(trained, recipe), torch.device("cpu"))(frame))
    difference = (results[0] - results[1]).abs()
    assert difference.max() < 6 / 127.5
    assert difference.mean() < 1 / 127.5


def test_a_matched_window_has_the_fakes_tones():
    """Half the picture is dark, half light: a dark fake is compared with a dark window."""
    halves = torch.cat([torch.full((1, 3, 60, 60), -0.9), torch.full((1, 3, 60, 60), 0.9)], dim=3)
    domain = Domain(halves, Ladder(1, 1.0), Generator(8, 1), Critic(8))
    rng = torch.Generator().manual_seed(0)
    for tone in (-0.9, 0.9):
        window = domain.window_like(torch.full((1, 3, 24, 24), tone), 0, 24, rng, tries=16)
        assert abs(float(window.mean()) - tone) < 0.4


def test_windows_of_a_picture_smaller_than_a_window_are_all_of_it():
    domain = Domain(picture(20, 30, 0), Ladder(1, 1.0), Generator(8, 1), Critic(8))
    window = domain.window(0, 24, torch.Generator().manual_seed(0))
    assert window.shape == (1, 3, 20, 24)

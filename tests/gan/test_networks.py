import pytest
import torch

from vidgan.errors import DeviceError
from vidgan.gan.critic import Critic
from vidgan.gan.device import choose_device, choose_precision
from vidgan.gan.generator import BAND_ROWS, Generator, Stage, forward_in_bands
from vidgan.gan.noise import draw_noise
from vidgan.gan.pyramid import blended, nothing_shown, shown_levels

SIZES = [(6, 9), (12, 18)]
ALL = shown_levels(2, 0.0)


def levels(batch: int = 1) -> list[torch.Tensor]:
    return [torch.rand(batch, 3, h, w) * 2 - 1 for h, w in SIZES]


def noises(seed: int = 0, batch: int = 1) -> list[torch.Tensor]:
    return draw_noise(SIZES, torch.Generator().manual_seed(seed), batch=batch)


def test_generator_makes_a_picture_of_the_last_levels_size():
    assert Generator(8, 2, stages=2)(levels(), ALL, noises()).shape == (1, 3, 12, 18)


def test_generator_draws_a_difference_of_at_most_one_from_what_is_shown():
    generator, source = Generator(8, 2, stages=2), levels()
    for shown in (ALL, [1.0, 0.0]):
        picture = generator(source, shown, noises())
        assert (picture - blended(source, shown)).abs().max() <= 1
        assert not torch.equal(picture, blended(source, shown))


def test_generator_that_draws_nothing_leaves_the_source():
    generator, source = Generator(8, 2, stages=2), levels()
    for parameter in generator.tail.parameters():
        torch.nn.init.zeros_(parameter)
    assert torch.allclose(generator(source, ALL, noises()), source[-1], atol=1e-6)


def test_generator_hears_its_noise_and_its_source():
    generator, source = Generator(8, 2, stages=2), levels()
    first = generator(source, ALL, noises(0))
    assert torch.equal(first, generator(source, ALL, noises(0)))
    assert not torch.equal(first, generator(source, ALL, noises(1)))
    assert not torch.equal(first, generator(levels(), ALL, noises(0)))


def test_generator_knows_nothing_of_what_is_not_shown():
    generator = Generator(8, 2, stages=2)
    coarse, fine = levels()
    others = [coarse, levels()[1]]
    assert torch.equal(generator([coarse, fine], [1, 0], noises()), generator(others, [1, 0], noises()))
    blank = nothing_shown(2)
    assert torch.equal(generator(levels(), blank, noises()), generator(levels(), blank, noises()))


def test_pictures_of_a_batch_are_drawn_each_for_itself():
    generator, source, noise = Generator(8, 2, stages=2), levels(2), noises(batch=2)
    both = generator(source, ALL, noise)
    second = generator([level[1:] for level in source], ALL, [n[1:] for n in noise])
    assert torch.allclose(both[1:], second, atol=1e-5)
    assert noise[0].shape == (2, 1, 6, 9)
    assert not torch.equal(noise[0][0], noise[0][1])


def test_a_new_stage_starts_as_a_copy_and_then_goes_its_own_way():
    generator = Generator(8, 2)
    generator.grow()
    old, new = generator.stages
    assert torch.equal(old.inject.weight, new.inject.weight)
    assert old.inject.weight is not new.inject.weight


def test_growing_leaves_the_callers_random_numbers_alone():
    generator = Generator(8, 2)
    before = torch.random.get_rng_state()
    generator.grow()
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_generator_needs_a_level_for_every_stage():
    with pytest.raises(ValueError, match="zip"):
        Generator(8, 2, stages=3)(levels(), ALL, noises())


def test_critic_scores_every_place_at_full_and_at_half_size():
    scores = Critic(8)(torch.zeros(2, 3, 10, 15))
    assert [score.shape for score in scores] == [(2, 1, 10, 15), (2, 1, 5, 8)]


@pytest.mark.parametrize(("number", "place", "seen_px"), [(0, 23, 11), (1, 11, 22)])
def test_critic_sees_eleven_pixels_and_twice_as_many(number, place, seen_px):
    critic, picture = Critic(8), torch.zeros(1, 3, 47, 47, requires_grad=True)
    critic(picture)[number][0, 0, place, place].backward()
    seen = picture.grad.abs().sum((0, 1)).nonzero()
    assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [seen_px, seen_px]


def largest_singular_values(critic: Critic) -> list[float]:
    return [
        float(torch.linalg.matrix_norm(weight.detach().flatten(1), 2))
        for weights in critic.weights()
        for weight, _ in weights
    ]


def test_a_spectral_critics_weights_have_singular_values_of_at_most_one():
    critic = Critic(8, spectral=True)
    for conv in critic.at_size[0].convs:
        torch.nn.init.normal_(conv.weight)
    for _ in range(60):
        critic.prepare()
    assert largest_singular_values(critic) == pytest.approx([1.0] * 10, abs=0.03)


def test_a_new_spectral_critic_is_normalised_well_enough_to_start():
    assert largest_singular_values(Critic(8, spectral=True)) == pytest.approx([1.0] * 10, abs=0.3)


def test_a_critic_that_is_not_spectral_uses_its_weights_as_they_are():
    critic = Critic(8, spectral=False)
    critic.prepare()
    for patches, weights in zip(critic.at_size, critic.weights(), strict=True):
        for conv, (weight, bias) in zip(patches.convs, weights, strict=True):
            assert weight is conv.weight
            assert bias is conv.bias


def test_gradients_reach_the_weights_through_their_normalisation():
    """The largest singular value is divided out, so growing a layer as a whole changes nothing."""
    critic = Critic(8, spectral=True)
    for _ in range(60):
        critic.prepare()
    score = critic(torch.randn(1, 3, 12, 12, generator=torch.Generator().manual_seed(0)))[0].sum()
    conv = critic.at_size[0].convs[2]
    (gradient,) = torch.autograd.grad(score, [conv.weight])
    weight = conv.weight.detach()
    assert gradient.norm() > 0
    assert abs((gradient * weight).sum()) < 0.05 * gradient.norm() * weight.norm()


def test_ready_weights_score_as_the_critic_does():
    critic, picture = Critic(8), torch.rand(1, 3, 12, 12)
    for ours, theirs in zip(critic(picture), critic(picture, critic.weights()), strict=True):
        assert torch.equal(ours, theirs)


def test_precisions_by_name():
    cpu = torch.device("cpu")
    assert choose_precision("fp32", cpu) == torch.float32
    assert choose_precision("bf16", cpu) == torch.bfloat16
    assert choose_precision("auto", cpu) in (torch.float32, torch.bfloat16)


@pytest.mark.parametrize("name", ["tpu", "cpu:7", "cuda:x", "cuda:-1"])
def test_unknown_devices_are_refused_by_name(name):
    with pytest.raises(DeviceError, match=name):
        choose_device(name)


def test_working_in_bands_changes_nothing():
    stage, (height, width) = Stage(8, 3), (2 * BAND_ROWS + 13, 21)
    level, noise, below = (torch.randn(1, channels, height, width) for channels in (3, 1, 8))
    with torch.no_grad():
        for features in (below, None):
            whole = stage(level, noise, features)
            assert torch.allclose(whole, forward_in_bands(stage, level, noise, features), atol=1e-5)

import pytest
import torch

from vidgan.errors import DeviceError
from vidgan.gan.adam import Adam
from vidgan.gan.critic import Critic
from vidgan.gan.device import choose_device, choose_precision
from vidgan.gan.generator import BAND_ROWS, Generator, Stage, draw_noise, forward_in_bands

SIZES = [(6, 9), (12, 18)]


def levels() -> list[torch.Tensor]:
    return [torch.rand(1, 3, h, w) * 2 - 1 for h, w in SIZES]


def noises(seed: int = 0) -> list[torch.Tensor]:
    return draw_noise(SIZES, torch.Generator().manual_seed(seed))


def test_generator_makes_a_picture_of_the_last_levels_size_in_range():
    picture = Generator(8, 2, stages=2)(levels(), noises())
    assert picture.shape == (1, 3, 12, 18)
    assert picture.abs().max() <= 1


def test_generator_hears_its_noise_and_its_source():
    generator, source = Generator(8, 2, stages=2), levels()
    first = generator(source, noises(0))
    assert torch.equal(first, generator(source, noises(0)))
    assert not torch.equal(first, generator(source, noises(1)))
    assert not torch.equal(first, generator(levels(), noises(0)))


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
        Generator(8, 2, stages=3)(levels(), noises())


def test_critic_scores_every_place():
    assert Critic(8)(torch.zeros(2, 3, 10, 14)).shape == (2, 1, 10, 14)


def test_critic_sees_eleven_pixels():
    critic, picture = Critic(8), torch.zeros(1, 3, 31, 31, requires_grad=True)
    critic(picture)[0, 0, 15, 15].backward()
    seen = picture.grad.abs().sum((0, 1)).nonzero()
    assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [11, 11]


def test_adam_is_torchs_adam():
    ours, theirs = (torch.nn.Parameter(torch.tensor([1.0, -2.0])) for _ in range(2))
    a, b = Adam([ours], 0.1), torch.optim.Adam([theirs], 0.1, betas=(0.5, 0.999))
    for _ in range(5):
        for parameter, optimiser in ((ours, a), (theirs, b)):
            optimiser.zero_grad()
            (parameter**3).sum().backward()
            optimiser.step()
    assert torch.allclose(ours, theirs, atol=1e-6)


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

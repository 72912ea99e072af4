import torch

from vidgan.gan.palette import fit_palette_map, tones_invert


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def shades(values: list[float]) -> torch.Tensor:
    """A grey picture with equal areas of these values."""
    return torch.tensor(values).repeat_interleave(64).view(1, 1, -1, 8).expand(1, 3, -1, -1)


def patches(*colours: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(colours).T.repeat_interleave(64, 1).view(1, 3, -1, 8)


def test_a_little_light_in_the_dark_fits_a_little_dark_in_the_light_inverted():
    flame = shades([-1, -0.95, -0.9, -0.85, 1])
    mosaic = shades([1, 0.95, 0.9, 0.85, -1])
    assert tones_invert(flame, mosaic)
    assert not tones_invert(flame, flame)


def test_tones_that_fit_both_ways_are_left_upright():
    even = shades([-1, -0.5, 0, 0.5, 1])
    assert not tones_invert(even, even)


def test_light_stays_light_and_takes_the_targets_colour():
    source = patches((-0.9, -0.9, -0.9), (0.9, 0.9, 0.9))
    target = patches((-0.8, -0.6, 0.2), (0.9, 0.8, 0.1))  # dark blue and yellow
    mapped = fit_palette_map(source, target, invert=False, rng=rng())(source)
    assert torch.allclose(mapped[0, :, 0, 0], target[0, :, 0, 0], atol=0.05)
    assert torch.allclose(mapped[0, :, -1, 0], target[0, :, -1, 0], atol=0.05)


def test_inverted_light_becomes_the_targets_dark():
    source = patches((-0.9, -0.9, -0.9), (0.9, 0.9, 0.9))
    target = patches((-0.8, -0.6, 0.2), (0.9, 0.8, 0.1))
    mapped = fit_palette_map(source, target, invert=True, rng=rng())(source)
    assert torch.allclose(mapped[0, :, -1, 0], target[0, :, 0, 0], atol=0.05)


def test_a_flat_target_leaves_one_colour():
    source = torch.rand(1, 3, 12, 12, generator=rng()) * 2 - 1
    target = torch.full((1, 3, 5, 7), 0.25)
    mapped = fit_palette_map(source, target, invert=False, rng=rng())(source)
    assert torch.allclose(mapped, torch.full_like(mapped, 0.25), atol=1e-3)

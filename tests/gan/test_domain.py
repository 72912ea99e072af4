"""One side of the pair: where its windows come from, and which of them a fake is held against."""

from dataclasses import replace

import torch
from tiny_pairs import TINY, picture

from vidgan.gan.critic import Critic
from vidgan.gan.domain import Domain
from vidgan.gan.generator import Generator
from vidgan.gan.pyramid import Ladder


def domain_of(pictures: torch.Tensor, ladder: Ladder | None = None) -> Domain:
    return Domain(pictures, ladder or Ladder(1, 1.0), Generator(8, 1), Critic(8))


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_matched_window_has_the_fakes_tones():
    """Half the picture is dark, half light: a dark fake is compared with a dark window."""
    halves = torch.cat([torch.full((1, 3, 60, 60), -0.9), torch.full((1, 3, 60, 60), 0.9)], dim=3)
    domain, random = domain_of(halves), rng()
    for tone in (-0.9, 0.9):
        window = domain.window_like(torch.full((1, 3, 24, 24), tone), 0, 24, random, tries=16)
        assert abs(float(window.mean()) - tone) < 0.4


def test_each_fake_of_a_batch_has_a_window_of_its_own():
    halves = torch.cat([torch.full((1, 3, 60, 60), -0.9), torch.full((1, 3, 60, 60), 0.9)], dim=3)
    fakes = torch.cat([torch.full((1, 3, 24, 24), tone) for tone in (0.9, -0.9)])
    windows = domain_of(halves).window_like(fakes, 0, 24, rng(), tries=16)
    assert windows.shape == fakes.shape
    assert windows[0].mean() > 0.4
    assert windows[1].mean() < -0.4


def test_windows_of_a_picture_smaller_than_a_window_are_all_of_it():
    window = domain_of(picture(20, 30, 0)).window(0, 24, rng())
    assert window.shape == (1, 3, 20, 24)


def test_every_window_is_a_part_of_the_picture():
    whole = picture(20, 30, 0)
    for window in domain_of(whole).window(0, 8, rng(), count=5):
        places = whole[0].unfold(1, 8, 1).unfold(2, 8, 1).permute(1, 2, 0, 3, 4)  # (13, 23, 3, 8, 8)
        assert (places == window).flatten(2).all(2).any()


def test_windows_come_from_all_of_several_pictures():
    pictures = torch.cat([torch.full((1, 3, 30, 30), shade) for shade in (-0.5, 0.0, 0.5)])
    windows = domain_of(pictures).window(0, 8, rng(), count=40)
    assert windows.flatten(1).mean(1).unique().tolist() == [-0.5, 0.0, 0.5]


def test_an_even_window_shows_the_same_place_without_its_texture():
    ramp = torch.linspace(-0.8, 0.8, 64).expand(1, 3, 64, 64)
    grain = picture(64, 64, 0) * 0.1
    window, even = domain_of(ramp + grain).window_and_even(0, 16, rng(), count=6)
    assert window.shape == even.shape == (6, 3, 16, 16)
    assert ((window - even).mean((1, 2, 3)).abs() < 0.05).all()
    assert even.mean((1, 2, 3)).std() > 0.1  # not all from one place
    roughness = [float((x[..., 1:, :] - x[..., :-1, :]).abs().mean()) for x in (window, even)]
    assert roughness[1] < 0.5 * roughness[0]


def test_patches_are_shaped_by_the_pairs_own_picture_at_each_stage():
    ladder = Ladder(2, 0.5)
    domain = domain_of(torch.cat([picture(40, 40, 0), picture(40, 40, 1)]), ladder)
    alone = domain_of(picture(40, 40, 0), ladder)
    settings = replace(TINY, patch_px=5)
    for stage in (0, 1):
        assert domain.patch_shaping(stage, settings).shape == (75, 75)
        assert torch.equal(domain.patch_shaping(stage, settings), alone.patch_shaping(stage, settings))
    assert not torch.equal(domain.patch_shaping(0, settings), domain.patch_shaping(1, settings))

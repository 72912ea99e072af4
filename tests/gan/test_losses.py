"""Each loss against a value worked by hand."""

import math

import pytest
import torch

from vidgan.gan import losses


def test_hinge_critic_is_zero_beyond_both_margins():
    assert losses.hinge_critic(torch.tensor([1.0, 2.0]), torch.tensor([-1.0, -3.0])) == 0


def test_hinge_critic_by_hand():
    # real: mean(relu(1 - 0.5), relu(1 + 1)) = (0.5 + 2) / 2; fake: relu(1 + 0.25)
    loss = losses.hinge_critic(torch.tensor([0.5, -1.0]), torch.tensor([0.25]))
    assert loss == pytest.approx(1.25 + 1.25)


def test_wasserstein_critic_by_hand():
    # mean(0.5, 1.5) - mean(1, 3, 5)
    assert losses.wasserstein_critic(torch.tensor([1.0, 3.0, 5.0]), torch.tensor([0.5, 1.5])) == 1 - 3


def test_raise_score_wants_high_scores():
    assert losses.raise_score(torch.tensor([1.0, 3.0])) == -2


def test_logistic_critic_by_hand():
    # -log D(real) with D = 3/4, and -log(1 - D(fake)) with D = 1/2 and 2/3
    real, fake = torch.tensor([math.log(3)]), torch.tensor([0.0, math.log(2)])
    expected = math.log(4 / 3) + (math.log(2) + math.log(3)) / 2
    assert losses.logistic_critic(real, fake) == pytest.approx(expected)


def test_non_saturating_by_hand():
    # -log D(fake) with D = 1/4 and 1/2
    assert losses.non_saturating(torch.tensor([-math.log(3), 0.0])) == pytest.approx(math.log(8) / 2)


def test_non_saturating_pulls_as_hard_however_clearly_it_loses():
    lost = torch.tensor(-30.0, requires_grad=True)
    losses.non_saturating(lost).backward()
    assert lost.grad == pytest.approx(-1)


def test_gradient_penalty_by_hand():
    # Two pixels: a slope of length 1 across the channels, and one of length 3; mean(0, (3 - 1)^2).
    slopes = torch.tensor([[0.6, 0.0], [0.0, 3.0], [0.8, 0.0]]).view(1, 3, 1, 2)
    assert losses.gradient_penalty(slopes) == pytest.approx(2.0)


def test_gradient_penalty_holds_slopes_to_one_from_both_sides():
    flat = torch.zeros(1, 3, 2, 2)
    assert losses.gradient_penalty(flat) == 1


def test_cycle_is_the_mean_square():
    assert losses.cycle(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.5)) == 0.25


@pytest.mark.parametrize("loss", [losses.reconstruction, losses.palette])
def test_absolute_differences(loss):
    assert loss(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), -0.5)) == 0.5


def test_patch_distribution_of_one_pixel_patches_is_the_mean_of_sorted_differences():
    # 1x1 patches seen along red alone: sorted (0, 1, 2, 3) against (1, 1, 2, 6) differ by 1 + 0 + 0 + 3.
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    fake, real = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    fake[0, 0] = torch.tensor([[3.0, 1.0], [0.0, 2.0]])
    real[0, 0] = torch.tensor([[6.0, 1.0], [2.0, 1.0]])
    assert losses.patch_distribution(fake, real, red) == 1.0


def test_patch_distribution_ignores_where_patches_stand():
    rng = torch.Generator().manual_seed(1)
    picture = torch.rand(1, 3, 9, 9, generator=rng)
    projections = losses.patch_projections(8, torch.eye(3), rng)
    assert losses.patch_distribution(picture.flip(3), picture, projections) == 0


def test_patch_distribution_compares_pictures_of_two_sizes():
    rng = torch.Generator().manual_seed(1)
    projections = losses.patch_projections(8, torch.eye(27), rng)
    small, large = torch.zeros(1, 3, 6, 5), torch.zeros(1, 3, 11, 14)
    assert losses.patch_distribution(small, large, projections) == 0
    assert losses.patch_distribution(small, large + 0.5, projections) > 0


def test_pictures_of_a_batch_are_compared_one_by_one():
    """A dark and a light one against a light and a dark one: together they have the very same patches."""
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    dark, light = torch.full((1, 3, 4, 4), -0.5), torch.full((1, 3, 4, 4), 0.5)
    fake, real = torch.cat([dark, light]), torch.cat([light, dark])
    assert losses.patch_distribution(fake, fake, red) == 0
    assert losses.patch_distribution(fake, real, red) == 1


def test_patches_are_taken_every_stride_from_the_offset():
    """Two pictures that differ in every second column alone."""
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    fake, real = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    real[..., ::2] = 1
    assert losses.patch_distribution(fake, real, red) == 0.5
    assert losses.patch_distribution(fake, real, red, (0, 0), stride=2) == 1
    assert losses.patch_distribution(fake, real, red, (0, 1), stride=2) == 0


def test_patch_distribution_pulls_the_fake_towards_the_real():
    """Sorted (0, 1) against (2, 3): each of the fake's two pixels is to grow, by 1/2 of the mean."""
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    fake = torch.zeros(1, 3, 1, 2)
    fake[0, 0, 0] = torch.tensor([1.0, 0.0])
    real = torch.zeros(1, 3, 1, 2)
    real[0, 0, 0] = torch.tensor([2.0, 3.0])
    fake.requires_grad_()
    losses.patch_distribution(fake, real, red).backward()
    assert fake.grad[0, 0, 0].tolist() == [-0.5, -0.5]
    assert fake.grad[0, 1:].abs().max() == 0


def test_projections_are_of_unit_length():
    projections = losses.patch_projections(5, torch.eye(147), torch.Generator().manual_seed(0))
    assert projections.shape == (5, 3, 7, 7)
    assert torch.allclose(projections.flatten(1).norm(dim=1), torch.ones(5))


def test_whitening_of_power_zero_is_the_identity():
    picture = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(losses.patch_whitening(picture, 3, 0.0), torch.eye(27), atol=1e-5)


def test_full_whitening_shows_every_component_at_equal_strength():
    picture = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    shaping = losses.patch_whitening(picture, 3, 1.0)
    patches = torch.nn.functional.unfold(picture, 3)[0]
    whitened = shaping @ (patches - patches.mean(1, keepdim=True))
    covariance = whitened @ whitened.T / whitened.shape[1]
    assert torch.allclose(covariance, torch.eye(27), atol=0.02)


def test_whitened_directions_see_texture_where_plain_ones_see_mean_colour():
    """A faint checkerboard on a strong ramp: whitening makes its absence cost more."""
    ramp = torch.linspace(-1, 1, 32).expand(1, 3, 32, 32)
    checks = 0.1 * ((torch.arange(32)[:, None] + torch.arange(32)) % 2 * 2.0 - 1)
    textured = ramp + checks
    cost = {}
    for power in (0.0, 0.5):
        shaping = losses.patch_whitening(textured, 3, power)
        directions = losses.patch_projections(64, shaping, torch.Generator().manual_seed(0))
        scale = losses.patch_distribution(torch.zeros_like(ramp), textured, directions)
        cost[power] = losses.patch_distribution(ramp, textured, directions) / scale
    assert cost[0.5] > 2 * cost[0.0]


def test_detail_is_apart_by_what_stands_out_wherever_it_lies():
    rng = torch.Generator().manual_seed(0)
    crisp = 0.3 * torch.randn(1, 3, 48, 48, generator=rng)
    soft, flat = 0.5 * crisp, torch.zeros_like(crisp)
    moved = crisp.roll(7, -1)
    apart = [float(losses.detail_apart(picture, crisp, flat)) for picture in (moved, soft, flat)]
    assert apart[0] < 0.4 * apart[1] < 0.4 * apart[2]


def test_what_is_foretold_in_detail_is_to_have_no_texture_more():
    rng = torch.Generator().manual_seed(0)
    crisp = 0.3 * torch.randn(1, 3, 48, 48, generator=rng)
    foretold = 0.9 * crisp
    assert losses.detail_apart(foretold, crisp, foretold) == 0
    assert losses.detail_apart(1.1 * foretold, crisp, foretold) > 0

"""The colour table, fitted in closed form."""

import pytest
import torch
from painted_cases import scene, striped, warmer

from vidgan.gan.painted.table import fit_colour_table


def colours(picture: torch.Tensor) -> torch.Tensor:
    return picture[0].flatten(1).T


def whole(picture: torch.Tensor) -> torch.Tensor:
    return torch.ones(picture[0, 0].numel())


def test_a_grade_is_learnt_and_holds_on_other_pictures():
    frame, other = scene(), scene(seed=1)
    table = fit_colour_table(colours(frame), colours(warmer(frame)), whole(frame))
    assert (table(frame) - warmer(frame)).abs().mean() < 1e-3
    assert (table(other) - warmer(other)).abs().mean() < 5e-3


def test_a_curve_is_learnt_between_the_nodes():
    frame = scene()
    bent = frame**3
    table = fit_colour_table(colours(frame), colours(bent), whole(frame))
    assert (table(frame) - bent).abs().mean() < 0.01


def test_a_painting_that_is_its_frame_changes_nothing():
    frame = scene()
    table = fit_colour_table(colours(frame), colours(frame), whole(frame))
    other = scene(seed=1)
    torch.testing.assert_close(table(other), other, atol=1e-5, rtol=0)


def test_what_does_not_count_teaches_nothing():
    frame = scene()
    painting = warmer(frame)
    painting[..., 48:] = 1.0
    counts = torch.ones_like(frame[:, :1])
    counts[..., 48:] = 0
    table = fit_colour_table(colours(frame), colours(painting), counts.flatten())
    assert (table(frame) - warmer(frame))[..., :48].abs().mean() < 2e-3


def test_few_colours_leave_others_nearly_alone():
    """A keyframe of one red says nothing of blue."""
    red = torch.tensor([[0.8, -0.7, -0.7]]).repeat(50, 1) + 0.01 * torch.randn(50, 3)
    table = fit_colour_table(red, red * 0.9, torch.ones(50))
    blue = torch.tensor([-0.7, -0.7, 0.8]).view(1, 3, 1, 1)
    assert (table(blue) - blue).abs().max() < 0.5
    assert table(blue).abs().max() <= 1


def test_every_corner_of_the_cube_is_itself():
    """The order of axes: a wrong one would swap red and blue."""
    frame = scene()
    table = fit_colour_table(colours(frame), colours(frame.flip(1)), whole(frame))
    picture = torch.tensor([0.5, 0.0, -0.5]).view(1, 3, 1, 1)
    torch.testing.assert_close(table(picture), picture.flip(1), atol=0.02, rtol=0)


def test_a_small_mask_teaches_whichever_columns_it_covers():
    frame = scene(720, 1280)
    counts = torch.zeros_like(frame[:, :1])
    counts[..., 100:200, 3:14] = 1
    table = fit_colour_table(colours(frame), colours(warmer(frame)), counts.flatten())
    inside = (..., slice(100, 200), slice(3, 14))
    assert (table(frame) - warmer(frame))[inside].abs().mean() < 5e-3


@pytest.mark.parametrize("count", [1, 70_000])
def test_any_number_of_pixels(count):
    pixels = torch.rand(count, 3) * 2 - 1
    table = fit_colour_table(pixels, striped(scene())[0].flatten(1).T[:1].expand(count, 3), torch.ones(count))
    assert table(scene()).isfinite().all()

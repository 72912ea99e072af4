"""Layouts put together from a target's patches."""

import pytest
import torch

from vidgan.gan import analogy as module
from vidgan.gan.analogy import Reading, analogy
from vidgan.gan.pyramid import size_of

READING = Reading(start_px=20, completeness=0.02, hold=1.0)


def stripes(height: int, width: int) -> torch.Tensor:
    """Light and dark columns, two pixels each."""
    light = (torch.arange(width) % 4 < 2).float() * 1.2 - 0.6
    return light.expand(1, 3, height, width).clone()


def discs(height: int, width: int, places: list[tuple[int, int]], radius: float) -> torch.Tensor:
    """Dark discs on light ground."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    picture = torch.full((height, width), 0.6)
    for row, column in places:
        picture[(y - row) ** 2 + (x - column) ** 2 <= radius**2] = -0.8
    return picture.expand(1, 3, height, width).clone()


def test_a_picture_is_its_own_analogy():
    picture = discs(48, 60, [(14, 16), (32, 40)], 8)
    assert (analogy(picture, picture, READING) - picture).abs().mean() < 0.03


def test_every_patch_comes_from_the_target():
    """A soft slope becomes the target's stripes: nothing of it is left between light and dark."""
    slope = torch.linspace(-0.5, 0.5, 48).expand(1, 3, 48, 48)
    made = analogy(slope, stripes(48, 48), Reading(48, 0.02, 0.0))
    assert (made.abs() > 0.4).float().mean() > 0.7


def test_things_become_the_targets_things_where_they_stood():
    """A square as wide as the target's disc loses its corners, and stays in its place."""
    square = torch.full((1, 3, 60, 60), 0.6)
    square[..., 14:30, 32:48] = -0.8
    made = analogy(square, discs(60, 60, [(40, 18)], 9), READING).mean(1)[0]
    assert made[22, 40] < 0
    corners = [made[15, 33], made[15, 46], made[28, 33], made[28, 46]]
    assert sum(float(c) for c in corners) / 4 > -0.3
    assert made[40, 18] > 0  # where the target's own disc stands, there is none


@pytest.mark.parametrize(("a", "b"), [((40, 90), (64, 50)), ((90, 30), (40, 41))])
def test_pictures_of_two_sizes_and_shapes(a, b):
    made = analogy(stripes(*a), stripes(*b), READING)
    assert size_of(made) == a
    assert made.isfinite().all()


def test_a_target_that_holds_hardly_a_patch_leaves_the_layout_alone():
    source = discs(40, 40, [(20, 20)], 8)
    assert torch.equal(analogy(source, stripes(9, 9), Reading(9, 0.02, 1.0)), source)


def test_a_large_picture_is_put_together_at_a_smaller_size(monkeypatch):
    monkeypatch.setattr(module, "_MOST_PATCHES", 1000)
    made = analogy(stripes(60, 120), stripes(40, 40), READING)
    assert size_of(made)[0] * size_of(made)[1] == pytest.approx(1000, rel=0.1)


def test_beside_the_neighbours_patches_are_found_as_well(monkeypatch):
    """Where there are too many patches to compare all, what was found at a smaller size is carried on."""
    picture, carried = discs(64, 64, [(20, 20), (44, 40)], 9), []
    monkeypatch.setattr(module, "_MOST_PAIRS", 200_000)
    search = module._continued
    monkeypatch.setattr(module, "_continued", lambda *told: carried.append(1) or search(*told))
    assert (analogy(picture, picture, READING) - picture).abs().mean() < 0.06
    assert carried


def test_the_same_pictures_give_the_same_analogy():
    a, b = discs(50, 50, [(20, 20)], 8), discs(50, 50, [(30, 30)], 12)
    assert torch.equal(analogy(a, b, READING), analogy(a, b, READING))


def test_completeness_brings_in_what_nothing_resembles():
    """Ground that grows lighter, a target of two greys: without it the nearer one serves everywhere."""
    ground = torch.linspace(0, 0.14, 32).expand(1, 3, 32, 32)
    target = torch.cat([torch.full((1, 3, 32, 32), 0.1), torch.full((1, 3, 32, 32), 0.2)], dim=3)
    nearest, complete = (analogy(ground, target, Reading(32, c, 5.0)) for c in (1e3, 1e-3))
    assert nearest.max() < 0.12
    assert complete.max() > 0.18


def test_a_large_target_is_not_looked_through_at_its_own_size(monkeypatch):
    """The way back from a small picture to a large frame."""
    monkeypatch.setattr(module, "_MOST_PATCHES", 1000)
    made = analogy(stripes(30, 30), stripes(90, 120), READING)
    assert size_of(made)[0] * size_of(made)[1] < 200

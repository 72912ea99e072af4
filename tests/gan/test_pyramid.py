import pytest
import torch

from vidgan.gan.pyramid import Ladder, blended, faded, nothing_shown, shown_levels, size_of


def test_convention_level_0_is_the_coarsest_and_the_last_is_the_picture():
    picture = torch.rand(1, 3, 50, 80) * 2 - 1
    levels = Ladder.between([(50, 80)], 20, 2.0).pyramid(picture)
    heights = [level.shape[-2] for level in levels]
    assert heights == sorted(heights)
    assert levels[-1] is picture


@pytest.mark.parametrize(
    ("finest", "stages"),
    [([(220, 220)], 4), ([(720, 1280), (220, 220)], 4), ([(720, 1280)], 6), ([(20, 300)], 1)],
)
def test_as_few_stages_as_reach_the_coarsest_size(finest, stages):
    ladder = Ladder.between(finest, 27, 2.1)
    assert ladder.stages == stages
    assert ladder.factor >= 1 / 2.1


def test_the_shortest_side_of_all_is_brought_down_to_the_coarsest_size():
    ladder = Ladder.between([(720, 1280), (180, 240)], 27, 2.1)
    assert ladder.sizes((180, 240))[0] == (27, 36)
    assert ladder.sizes((720, 1280))[0] == (108, 192)


def test_every_clip_climbs_the_same_ladder_whatever_its_size():
    ladder = Ladder.between([(220, 220)], 27, 2.1)
    assert [len(ladder.sizes(size)) for size in [(100, 100), (2160, 3840)]] == [4, 4]


def test_a_picture_of_odd_shape_keeps_its_constant_colour():
    levels = Ladder(4, 0.5).pyramid(torch.full((1, 3, 37, 91), 0.3))
    for level in levels:
        assert torch.allclose(level, torch.tensor(0.3), atol=1e-5)


def test_convention_shown_levels_are_in_the_order_of_the_pyramid():
    """The coarsest stands first, and is shown longest."""
    assert shown_levels(3, 1.0)[0] == 1
    assert shown_levels(3, 0.5) == sorted(shown_levels(3, 0.5), reverse=True)


def test_strength_0_shows_every_level_and_1_the_coarsest_alone():
    assert shown_levels(3, 0.0) == [1, 1, 1]
    assert shown_levels(3, 1.0) == [1, 1, 0]
    assert shown_levels(4, 1.0) == [1, 1, 0, 0]


def test_between_them_the_finest_level_fades_first():
    assert shown_levels(4, 0.25) == [1, 1, 1, 0.5]
    assert shown_levels(4, 0.75) == [1, 1, 0.5, 0]


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_a_single_level_is_always_shown(strength):
    assert shown_levels(1, strength) == [1]


def test_every_level_is_faded_as_much_as_it_is_shown():
    levels = [torch.ones(1, 3, n, n) for n in (4, 8, 16)]
    assert [float(level.mean()) for level in faded(levels, [1.0, 0.5, 0.0])] == [1, 0.5, 0]


def climbed(height: int = 40, width: int = 52) -> list[torch.Tensor]:
    picture = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return Ladder(3, 0.5).pyramid(picture)


@pytest.mark.parametrize("size", [(40, 52), (37, 91)])
def test_all_levels_shown_add_up_to_the_picture(size):
    levels = climbed(*size)
    assert torch.allclose(blended(levels, shown_levels(3, 0.0)), levels[-1], atol=1e-5)


def test_full_strength_leaves_the_two_coarsest_levels_enlarged():
    levels = climbed()
    assert torch.equal(
        blended(levels, shown_levels(3, 1.0)),
        torch.nn.functional.interpolate(
            blended(levels[:2], [1.0, 1.0]), size_of(levels[2]), mode="bilinear", align_corners=False
        ),
    )


def test_nothing_shown_is_a_picture_of_nothing():
    levels = climbed()
    blank = blended(levels, nothing_shown(3))
    assert blank.shape == levels[-1].shape
    assert blank.abs().max() == 0


def test_the_stronger_the_softer():
    """Each hidden band takes contrast between neighbours away."""
    levels = climbed()
    pictures = [blended(levels, shown_levels(3, strength)) for strength in (0.0, 0.25, 0.5, 0.75, 1.0)]
    contrast = [float((p[..., 1:] - p[..., :-1]).abs().mean()) for p in pictures]
    assert contrast == sorted(contrast, reverse=True)
    assert contrast[0] > 2 * contrast[-1]


def test_a_constant_picture_is_the_same_at_every_strength():
    levels = Ladder(3, 0.5).pyramid(torch.full((1, 3, 40, 52), 0.3))
    for strength in (0.0, 0.4, 1.0):
        assert torch.allclose(blended(levels, shown_levels(3, strength)), torch.tensor(0.3), atol=1e-5)

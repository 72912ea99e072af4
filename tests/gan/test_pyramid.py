import pytest
import torch

from vidgan.gan.pyramid import Ladder, blank_levels, fade_fine_levels


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


def test_strength_0_shows_every_level_and_1_the_coarsest_alone():
    levels = [torch.ones(1, 3, n, n) for n in (4, 8, 16)]
    assert [float(level.mean()) for level in fade_fine_levels(levels, 0.0)] == [1, 1, 1]
    assert [float(level.mean()) for level in fade_fine_levels(levels, 1.0)] == [1, 0, 0]


def test_between_them_the_finest_level_fades_first():
    levels = [torch.ones(1, 3, n, n) for n in (4, 8, 16)]
    shown = [float(level.mean()) for level in fade_fine_levels(levels, 0.25)]
    assert shown == [1, 1, 0.5]


def test_blank_levels_keep_the_first():
    levels = [torch.ones(1, 3, n, n) for n in (4, 8)]
    assert [float(level.mean()) for level in blank_levels(levels, keep=1)] == [1, 0]

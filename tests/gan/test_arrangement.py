"""The arrangement: textures go, edges and colours stay."""

import pytest
import torch

from vidgan.gan.arrangement import arrangement

SIDE = 96


def tiles(width_px: int, joint: float, tile: float) -> torch.Tensor:
    """Tiles with a joint of one pixel between them, (1, 3, SIDE, SIDE)."""
    on_joint = torch.arange(SIDE) % width_px == 0
    return torch.where(on_joint[:, None] | on_joint, joint, tile).expand(1, 3, SIDE, SIDE).contiguous()


def grain() -> torch.Tensor:
    return torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 0.3


def inner(picture: torch.Tensor) -> torch.Tensor:
    return picture[..., 12:-12, 12:-12]


@pytest.mark.parametrize("picture", [tiles(6, -0.2, 0.2), tiles(4, 0.1, -0.1), grain()])
def test_texture_is_evened_out(picture):
    assert inner(arrangement(picture)).std() < 0.4 * inner(picture).std()


@pytest.mark.xfail(
    strict=True, reason="a median of an odd window leaves what is half one colour and half another"
)
def test_a_fine_checkerboard_of_two_close_colours_is_evened_out():
    place = torch.arange(SIDE)
    checks = ((place[:, None] + place) % 2 * 0.2 - 0.1).expand(1, 3, SIDE, SIDE).contiguous()
    assert inner(arrangement(checks)).std() < 0.4 * inner(checks).std()


@pytest.mark.parametrize("picture", [tiles(6, -0.2, 0.2), grain()])
def test_mean_colours_are_kept(picture):
    coloured = picture * torch.tensor([1.0, 0.5, -1.0]).view(1, 3, 1, 1)
    assert torch.allclose(arrangement(coloured).mean((2, 3)), coloured.mean((2, 3)), atol=0.02)


def test_an_edge_between_two_areas_stays_where_it_is():
    areas = torch.full((1, 3, SIDE, SIDE), -0.5)
    areas[..., 40:] = 0.6
    even = arrangement(areas)
    assert even[..., :40].max() < -0.4
    assert even[..., 40:].min() > 0.5


def test_an_edge_between_two_textures_stays_and_the_textures_go():
    left, right = tiles(6, -0.7, -0.4), tiles(6, 0.3, 0.6)
    areas = left.clone()
    areas[..., 42:] = right[..., 42:]
    even = arrangement(areas)
    assert float(even[..., :41].mean()) == pytest.approx(float(areas[..., :41].mean()), abs=0.05)
    across = even[0, 0, SIDE // 2]
    assert across[:41].max() < 0 < across[43:].min()
    assert across[:38].std() < 0.05


@pytest.mark.parametrize("size", [(14, 14), (20, 90), (37, 61)])
def test_pictures_of_any_size_keep_it_and_their_range(size):
    picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    even = arrangement(picture)
    assert even.shape == picture.shape
    assert even.abs().max() <= 1

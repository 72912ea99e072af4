"""Noise keeps its variance wherever it is taken from, and moves with what it lies on."""

from dataclasses import dataclass

import pytest
import torch

from vidgan.gan.noise import between_pixels, draw_noise, moved_noise

SIZES = [(45, 80), (90, 160), (192, 332)]
MARGIN = 6
FRAME = (180, 320)


@dataclass(frozen=True)
class Origin:
    share: float
    offset: torch.Tensor


def drawn(softness: float = 1.0, seed: int = 0) -> list[torch.Tensor]:
    return draw_noise(SIZES, torch.Generator().manual_seed(seed), softness)


def moved(
    noises: list[torch.Tensor], origins: list[Origin], margin: int, softness: float
) -> list[torch.Tensor]:
    return moved_noise([between_pixels(noise) for noise in noises], origins, margin, softness)


def shift(x: float, y: float = 0.0, share: float = 1.0) -> Origin:
    offset = torch.zeros(1, 2, *FRAME)
    offset[:, 0], offset[:, 1] = x, y
    return Origin(share, offset)


@pytest.mark.parametrize("softness", [0.0, 0.6, 1.0, 2.0])
def test_its_variance_is_one_and_the_finest_is_hardest(softness: float) -> None:
    alike = []
    for noise in drawn(softness):
        assert noise.mean() == pytest.approx(0, abs=0.15)
        assert float(noise.var()) == pytest.approx(1, abs=0.15)
        alike.append(float((noise[..., 1:] * noise[..., :-1]).mean()))
    if softness:
        assert alike[-1] < 0.95 * min(alike[:-1])
    else:
        assert max(map(abs, alike)) < 0.05


def test_opposite_edges_fit_together() -> None:
    noise = drawn(2.0)[0]
    across, within = noise[..., 0] - noise[..., -1], noise[..., 40] - noise[..., 39]
    assert float(across.abs().mean()) < 2 * float(within.abs().mean())


def test_at_rest_nothing_changes() -> None:
    noises = drawn()
    for origins in ([shift(0)], [shift(0, share=0.6), shift(0, share=0.8)]):
        for before, after in zip(noises, moved(noises, origins, MARGIN, 1.0), strict=True):
            torch.testing.assert_close(after, before, atol=2e-3, rtol=0)


def test_it_moves_by_whole_pixels_of_the_frame() -> None:
    """What shows at p stood 8 px to the right: that is 2 px at a quarter of the size, around the edges."""
    noises = draw_noise([(48, 83), (192, 332)], torch.Generator().manual_seed(0), 1.0)
    coarse, fine = moved(noises, [shift(8)], MARGIN, 1.0)
    torch.testing.assert_close(coarse, noises[0].roll(-2, -1), atol=1e-3, rtol=0)
    torch.testing.assert_close(fine, noises[1].roll(-8, -1), atol=1e-3, rtol=0)


@pytest.mark.parametrize("size", [(6, 8), (7, 9)])
def test_what_lies_between_pixels_is_exact(size: tuple[int, int]) -> None:
    """A wave that fits into the field is the same wave, read at twice as many places."""
    height, width = size
    rows, columns = torch.arange(2 * height)[:, None] / 2, torch.arange(2 * width) / 2
    turns = 2 * torch.pi * (2 * columns / width + rows / height)
    fine = torch.cos(turns + 0.4)[None, None]
    found = between_pixels(fine[..., ::2, ::2].contiguous())
    torch.testing.assert_close(found[..., 2:-2, 2:-2], fine, atol=1e-5, rtol=0)
    torch.testing.assert_close(found[..., :2, 2:-2], fine[..., -2:, :], atol=1e-5, rtol=0)


@pytest.mark.parametrize("softness", [0.0, 1.0])
@pytest.mark.parametrize("by", [(0.5, 0.5), (3.25, -1.5), (700.3, 41.8)])
def test_between_pixels_the_variance_stays(by: tuple[float, float], softness: float) -> None:
    noises = drawn(softness)
    for before, after in zip(noises, moved(noises, [shift(*by)], MARGIN, softness), strict=True):
        assert float(after.var() / before.var()) == pytest.approx(1, abs=0.04)


@pytest.mark.parametrize("apart", [0.0, 0.5, 1.0, 2.0, 9.0, 40.0])
def test_two_origins_keep_the_variance_however_far_apart(apart: float) -> None:
    noises = drawn()
    pair = [shift(0, share=0.6), shift(apart, share=0.8)]
    for before, after in zip(noises, moved(noises, pair, MARGIN, 1.0), strict=True):
        assert float(after.var() / before.var()) == pytest.approx(1, abs=0.12)


def test_pictures_smaller_than_the_blur() -> None:
    noises = draw_noise([(1, 2), (2, 3)], torch.Generator().manual_seed(0), 2.0)
    origin = Origin(1.0, torch.ones(1, 2, 2, 3))
    taken = moved(noises, [origin], 0, 2.0)
    assert [tuple(noise.shape) for noise in taken] == [(1, 1, 1, 2), (1, 1, 2, 3)]
    assert all(noise.isfinite().all() for noise in taken)

import pytest
import torch

from vidgan.gan.engine import Engine
from vidgan.gan.generator import Generator
from vidgan.gan.noise import draw_noise
from vidgan.gan.tiles import enlarged, spans, tiles

CPU = torch.device("cpu")
SIZES = [(41, 57), (82, 113)]


def told(batch: int = 1, stages: int = 2) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    rng = torch.Generator().manual_seed(0)
    levels = [torch.rand(batch, 3, h, w, generator=rng) * 2 - 1 for h, w in SIZES[-stages:]]
    return levels, draw_noise(SIZES[-stages:], rng)


def engine(stages: int = 2) -> Engine:
    laid_out = Generator(8, 3, stages).to(memory_format=torch.channels_last)  # as for rendering
    return Engine(laid_out, "torch", "fp32", CPU)


@pytest.mark.parametrize("length", [1, 30, 100, 101])
def test_spans_cover_a_length_once(length: int) -> None:
    found = list(spans(length, 32, 5))
    assert [place for begin, _, end in found for place in range(begin, end)] == list(range(length))
    assert all(window <= begin for begin, window, _ in found)


def test_windows_see_their_reach_and_are_of_one_size() -> None:
    found = list(tiles((100, 90), 32, 5))
    for (rows, columns), place, _ in found:
        assert (rows.stop - rows.start, columns.stop - columns.start) == (42, 42)
        for window, kept, length in zip((rows, columns), place, (100, 90), strict=True):
            assert window.start <= max(0, kept.start - 5)
            assert window.stop >= min(length, kept.stop + 5)


@torch.inference_mode()
def test_one_stage_in_tiles_has_the_bits_of_one_piece() -> None:
    alone, (levels, noises) = engine(1), told(stages=1)
    assert torch.equal(alone.draw(levels, noises), alone.draw(levels, noises, tile_px=32))


@torch.inference_mode()
def test_tiles_of_any_size_have_the_same_bits() -> None:
    both, (levels, noises) = engine(), told(batch=2)
    tiled = [both.draw(levels, noises, tile_px) for tile_px in (24, 40, 64)]
    assert torch.equal(tiled[0], tiled[1])
    assert torch.equal(tiled[0], tiled[2])


@torch.inference_mode()
def test_tiles_differ_from_one_piece_by_the_rounding_of_what_is_enlarged_alone() -> None:
    both, (levels, noises) = engine(), told()
    difference = both.draw(levels, noises) - both.draw(levels, noises, tile_px=32)
    assert float(difference.abs().max()) < 1e-4  # a hundredth of a level of 255


def test_convention_enlarged_as_interpolate_does() -> None:
    """Bilinear, corners not aligned, rows before columns in a window's name."""
    features = torch.rand(2, 4, 20, 31)
    whole = torch.nn.functional.interpolate(features, (43, 60), mode="bilinear", align_corners=False)
    window = slice(7, 43), slice(0, 33)
    assert torch.allclose(enlarged(features, (43, 60), window), whole[..., *window], atol=1e-4)


@torch.inference_mode()
def test_tiles_are_too_small_for_no_generator() -> None:
    """A seam would show where a tile sees less than its generator reaches."""
    alone, (levels, noises) = engine(1), told(stages=1)
    changed = [level.clone() for level in levels]
    changed[0][..., 40, 40] += 1
    moved = (alone.draw(changed, noises) != alone.draw(levels, noises)).any(1)[0].nonzero()
    reach = alone.generator.reach
    assert (moved.amin(0) >= 40 - reach).all()
    assert (moved.amax(0) <= 40 + reach).all()

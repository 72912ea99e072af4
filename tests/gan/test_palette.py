"""The palette map: which colours become which, and when light is to become dark."""

import pytest
import torch

from vidgan.gan import palette as module
from vidgan.gan.palette import PaletteMap, fit_palette_maps, has_layout

TABLE_SIDE = module._TABLE_SIDE  # as it is before conftest.py makes it smaller


@pytest.fixture(autouse=True)
def full_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TABLE_SIDE", TABLE_SIDE)


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def shades(values: list[float]) -> torch.Tensor:
    """A grey picture with equal areas of these values."""
    return torch.tensor(values).repeat_interleave(64).view(1, 1, -1, 8).expand(1, 3, -1, -1).contiguous()


def areas(*colours: tuple[float, float, float]) -> torch.Tensor:
    """Equal areas of these colours, one above the other."""
    return torch.tensor(colours).T.repeat_interleave(64, 1).view(1, 3, -1, 8).contiguous()


def fitted(a: torch.Tensor, b: torch.Tensor) -> tuple[PaletteMap, PaletteMap]:
    """The maps of a's colours to b's and back, of pictures that have no texture and one size."""
    return fit_palette_maps([a], [b], a, b, rng())


def noise(*size: int) -> torch.Tensor:
    return torch.rand(1, 3, *size, generator=rng()) * 2 - 1


@pytest.mark.parametrize(("thing", "told"), [(0.0, False), (0.3, False), (0.6, True), (1.0, True)])
def test_a_thing_that_shows_through_the_texture_is_a_layout(thing, told):
    """Stripes with a lighter half: the more it stands out, the less is texture alone."""
    stripes = 0.5 * (torch.arange(64) % 2 * 2.0 - 1).expand(1, 3, 64, 64)
    half = (thing * (torch.arange(64) < 32).float()).expand(1, 3, 64, 64)
    assert has_layout(half, stripes + half) is told


FLAME = shades([-1, -0.95, -0.9, -0.85, 1])
MOSAIC = shades([1, 0.95, 0.9, 0.85, -1])


def test_a_little_light_in_the_dark_becomes_a_little_dark_in_the_light():
    to_mosaic, to_flame = fitted(FLAME, MOSAIC)
    assert to_mosaic(FLAME)[..., -8:, :].max() < -0.9
    assert to_mosaic(FLAME)[..., :-8, :].min() > 0.7
    assert to_flame(MOSAIC)[..., -8:, :].min() > 0.9


def test_two_alike_pictures_keep_their_tones():
    for picture in (FLAME, MOSAIC, shades([-1, -0.5, 0, 0.5, 1])):
        there, back = fitted(picture, picture)
        assert torch.allclose(there(picture), picture, atol=0.1)
        assert torch.allclose(back(picture), picture, atol=0.1)


GREY, RED = (0.0, 0.0, 0.0), (0.6, -0.3056, 0.0)  # equally light


def test_a_little_red_on_grey_becomes_a_little_grey_on_red():
    on_grey, on_red = areas(GREY, GREY, GREY, GREY, RED), areas(RED, RED, RED, RED, GREY)
    to_red, to_grey = fitted(on_grey, on_red)
    assert torch.allclose(to_red(on_grey), on_red, atol=0.1)
    assert torch.allclose(to_grey(on_red), on_grey, atol=0.1)


def test_light_stays_light_and_takes_the_targets_colour():
    source = areas((-0.9, -0.9, -0.9), (0.9, 0.9, 0.9))
    target = areas((-0.8, -0.6, 0.2), (0.9, 0.8, 0.1))  # dark blue and yellow
    to_target, to_source = fitted(source, target)
    assert torch.allclose(to_target(source), target, atol=0.05)
    assert torch.allclose(to_source(target), source, atol=0.05)


def test_a_flat_target_leaves_one_colour():
    source, target = noise(12, 12), torch.full((1, 3, 12, 12), 0.25)
    mapped = fitted(source, target)[0](source)
    assert torch.allclose(mapped, torch.full_like(mapped, 0.25), atol=1e-3)


def test_pictures_of_two_sizes_and_several_frames_are_fitted():
    frames, target = torch.cat([noise(20, 30), -noise(20, 30)]), noise(26, 14)
    to_target, to_frames = fit_palette_maps([frames], [target], frames, target, rng())
    assert to_target(frames).shape == frames.shape
    assert to_frames(target).shape == target.shape
    assert torch.allclose(to_target(frames).mean((0, 2, 3)), target.mean((0, 2, 3)), atol=0.1)


RED_TO_BLUE = PaletteMap(
    torch.tensor([[1.0, -1.0, -1.0], [-1.0, -1.0, -1.0]]), torch.tensor([[-1.0, -1.0, 1.0], [0.0, 0.0, 0.0]])
)


def test_convention_colours_are_red_green_and_blue_in_this_order():
    red = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1)
    assert RED_TO_BLUE(red).flatten().tolist() == [-1, -1, 1]


def test_pictures_of_a_batch_are_mapped_each_in_its_place():
    picture = torch.cat([noise(5, 7), -noise(5, 7)])
    mapped = RED_TO_BLUE(picture)
    assert mapped.shape == picture.shape
    for number in range(2):
        assert torch.allclose(mapped[number], RED_TO_BLUE(picture[number : number + 1])[0])


def test_the_table_gives_what_a_lookup_among_all_colours_gives():
    a, b = noise(40, 40) * 0.6, noise(40, 40) * 0.4 + 0.3
    palette, picture = fitted(a, b)[0], noise(30, 20)
    exact = palette._of(picture.permute(0, 2, 3, 1).reshape(-1, 3)).view(1, 30, 20, 3).permute(0, 3, 1, 2)
    difference = (palette(picture) - exact).abs()
    assert difference.mean() < 0.01
    assert difference.quantile(0.99) < 0.05


def test_colours_out_of_range_are_taken_as_the_nearest_in_it():
    far = torch.full((1, 3, 2, 2), 1.7)
    assert torch.equal(RED_TO_BLUE(far), RED_TO_BLUE(far.clamp(-1, 1)))


def test_a_mapped_picture_is_differentiable_in_the_picture():
    greys = PaletteMap(*(torch.linspace(-1, 1, 64)[:, None].expand(64, 3) * gain for gain in (1.0, -0.5)))
    picture = (noise(4, 4) * 0.5).mean(1, keepdim=True).expand(-1, 3, -1, -1).clone().requires_grad_()
    greys(picture).sum().backward()
    slope = picture.grad.sum(1)  # of the mapped grey's three channels along grey: -0.5 each
    assert torch.allclose(slope, torch.full_like(slope, -1.5), atol=0.15)

import numpy as np
import pytest
import torch

from vidgan.resample import bilateral, blur, resize, to_field, to_pixels, to_tensor, warp, warp_array


def ramp(height: int, width: int) -> torch.Tensor:
    """Two channels: x and y of each pixel's centre, counted from the middle of the picture."""
    y = torch.arange(height) + 0.5 - height / 2
    x = torch.arange(width) + 0.5 - width / 2
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)])[None].float()


@pytest.mark.parametrize("size", [(7, 9), (20, 24), (41, 33), (1, 1)])
def test_a_constant_stays_constant_at_any_size(size: tuple[int, int]) -> None:
    out = resize(torch.full((2, 3, 20, 24), 0.25), size)
    assert out.shape == (2, 3, *size)
    torch.testing.assert_close(out, torch.full_like(out, 0.25))


@pytest.mark.parametrize("size", [(12, 15), (25, 31), (81, 99)])
def test_convention_resize_keeps_the_picture_centred(size: tuple[int, int]) -> None:
    height, width = 40, 50
    out = resize(ramp(height, width), size)
    expected = ramp(*size) * torch.tensor([width / size[1], height / size[0]])[None, :, None, None]
    inner = (..., slice(4, -4), slice(4, -4))
    # Half a pixel aside would be 0.25 or more.
    torch.testing.assert_close(out[inner], expected[inner], atol=0.02, rtol=0)


def test_shrinking_does_not_alias() -> None:
    stripes = (torch.arange(64) % 2).float().expand(1, 1, 64, 64)
    assert resize(stripes, (16, 16))[..., 2:-2, 2:-2].sub(0.5).abs().max() < 0.02


def test_resizing_is_differentiable() -> None:
    x = torch.rand(1, 3, 16, 16, requires_grad=True)
    resize(x, (9, 9)).sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize("needs_gradient", [False, True], ids=["opencv", "torch"])
def test_convention_warp_is_backward_and_x_comes_first(needs_gradient: bool) -> None:
    x = torch.arange(30.0).view(1, 1, 5, 6).requires_grad_(needs_gradient)
    flow = torch.zeros(1, 2, 5, 6)
    flow[:, 0], flow[:, 1] = 2, -1
    out = warp(x, flow)
    torch.testing.assert_close(out[..., 1:, :-2], x[..., :-1, 2:], atol=1e-4, rtol=0)
    # Beyond the border its last pixel goes on.
    torch.testing.assert_close(out[0, 0, 3, 4:], x[0, 0, 2, 5].expand(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(out[0, 0, 0, :4], x[0, 0, 0, 2:], atol=1e-4, rtol=0)


def test_whole_pixel_warps_are_exact_on_the_cpu() -> None:
    x = torch.rand(1, 3, 40, 50)
    flow = torch.zeros(1, 2, 40, 50)
    assert torch.equal(warp(x, flow), x)
    flow[:, 0] = 7
    assert torch.equal(warp(x, flow)[..., :-7], x[..., 7:])


def test_the_two_ways_to_warp_agree() -> None:
    random = torch.Generator().manual_seed(0)
    x = torch.rand(1, 3, 60, 80, generator=random)
    flow = 9 * torch.randn(1, 2, 60, 80, generator=random)
    by_opencv = warp(x, flow)
    by_torch = warp(torch.cat([x, x]), flow)
    # OpenCV 4 places samples on a grid of 1/32 pixel.
    torch.testing.assert_close(by_torch, by_opencv.expand(2, -1, -1, -1), atol=0.05, rtol=0)
    by_array = warp_array(x[0].permute(1, 2, 0).numpy(), flow[0].permute(1, 2, 0).numpy())
    np.testing.assert_allclose(by_array, by_opencv[0].permute(1, 2, 0).numpy(), atol=1e-5)


def test_warping_a_single_pixel() -> None:
    x = torch.full((2, 1, 1, 1), 0.5)
    assert torch.equal(warp(x, torch.full((2, 2, 1, 1), 3.0)), x)


def test_the_two_ways_to_blur_agree_and_keep_a_constant() -> None:
    x = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(blur(torch.cat([x, x]), 2.0)[:1], blur(x, 2.0), atol=1e-5, rtol=0)
    torch.testing.assert_close(blur(torch.ones(1, 1, 3, 4), 2.0), torch.ones(1, 1, 3, 4))


def test_the_two_ways_to_smooth_within_edges_agree_and_keep_the_edge() -> None:
    rng = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, 24, 32, generator=rng) * 0.1
    picture[..., 16:] += 1.0
    quick = bilateral(picture, 3, 0.3)
    plain = bilateral(picture.clone().requires_grad_(), 3, 0.3).detach()
    torch.testing.assert_close(quick[..., 4:-4, 4:-4], plain[..., 4:-4, 4:-4], atol=2e-3, rtol=0)
    assert quick[..., :16].std() < 0.6 * picture[..., :16].std()
    assert (quick[..., 16] - quick[..., 15]).mean() > 0.9


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_pixel_value_survives_the_way_to_a_tensor_and_back(dtype: type) -> None:
    largest = np.iinfo(dtype).max
    pixels = np.arange(largest + 1).repeat(3).reshape(256, -1, 3).astype(dtype)
    x = to_tensor(pixels)
    assert x.shape == (1, 3, *pixels.shape[:2])
    assert x.dtype == torch.float32
    assert (x.min(), x.max()) == (-1, 1)
    np.testing.assert_array_equal(to_pixels(x, dtype), pixels)


def test_convention_pixels_are_rounded_and_clamped() -> None:
    values = torch.tensor([-9.0, -1.0, 100.4 / 127.5 - 1, 100.6 / 127.5 - 1, 1.0, 9.0])
    pixels = to_pixels(values.view(1, 1, 1, 6).expand(1, 3, 1, 6))
    assert pixels.dtype == np.uint8
    assert pixels[0, :, 0].tolist() == [0, 0, 100, 101, 255, 255]


def test_read_only_pixels_become_a_tensor_of_their_own() -> None:
    pixels = np.zeros((4, 5, 3), np.uint8)
    pixels.flags.writeable = False
    to_tensor(pixels).add_(1)
    assert pixels.max() == 0


def test_pixels_of_another_type_are_refused() -> None:
    with pytest.raises(ValueError, match="uint8 or uint16"):
        to_tensor(np.zeros((4, 4, 3), np.float64))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_does_not_become_black(value: float) -> None:
    picture = torch.zeros(1, 3, 4, 4)
    picture[0, 1, 2, 3] = value
    with pytest.raises(FloatingPointError, match="not finite"):
        to_pixels(picture)


def test_a_flow_becomes_a_field_with_x_first() -> None:
    flow = np.zeros((4, 5, 2), np.float32)
    flow[..., 0] = 3
    field = to_field(flow)
    assert field.shape == (1, 2, 4, 5)
    assert (field[:, 0] == 3).all()

"""Resizing, warping and the way between pixels and tensors. Everything else builds on these.

Conventions, each held by a test: pixel centres lie at whole coordinates + 0.5 when sizes change
(align_corners=False); a flow is in pixels, channel 0 along x; warping is backward.
"""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import DTypeLike, NDArray
from torch import Tensor


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resample (B, C, H, W) to size = (height, width), keeping the picture centred.

    Keys' bicubic (a = -0.5), widened by the factor when shrinking so that nothing aliases: the
    kernel of Pillow. Sharp edges overshoot a little; clamp where a range must hold.
    """
    if x.shape[-2:] == torch.Size(size):
        return x
    return F.interpolate(x, size=size, mode="bicubic", align_corners=False, antialias=True)


def warp(x: Tensor, flow: Tensor, sharp: bool = False) -> Tensor:
    """Backward warp: out(p) = x(p + flow(p)), bilinear, the border repeated outwards.

    x: (B, C, H, W) of any range. flow: (B, 2, H, W) or (1, 2, H, W) in pixels, channel 0 along x. sharp:
    bicubic (a = -0.75), which keeps fine detail and overshoots a little at edges. Differentiable in both. One
    picture on the CPU that needs no gradient goes through OpenCV, which is several times faster.
    """
    height, width = x.shape[-2:]
    columns = torch.arange(width, dtype=flow.dtype, device=flow.device)
    rows = torch.arange(height, dtype=flow.dtype, device=flow.device)[:, None]
    return sample(x, columns + flow[:, :1], rows + flow[:, 1:], sharp)


def sample(x: Tensor, columns: Tensor, rows: Tensor, sharp: bool = False) -> Tensor:
    """x at points between its pixels, as warp takes it: (B, C, H, W) -> (B, C, h, w).

    columns, rows: (B, 1, h, w) or (1, 1, h, w); pixel (0, 0) has its centre at (0, 0).
    """
    if _is_plain(x) and _is_plain(columns) and _is_plain(rows):
        return _sample_planes(x, columns, rows, cv2.INTER_CUBIC if sharp else cv2.INTER_LINEAR)
    height, width = x.shape[-2:]
    # align_corners=True puts -1 and 1 on the centres of the outermost pixels.
    grid_x = columns[:, 0] * (2 / max(width - 1, 1)) - 1
    grid_y = rows[:, 0] * (2 / max(height - 1, 1)) - 1
    grid = torch.stack([grid_x, grid_y], dim=-1).to(x.dtype)  # (B, h, w, 2)
    mode = "bicubic" if sharp else "bilinear"
    return F.grid_sample(
        x, grid.expand(len(x), -1, -1, -1), mode=mode, padding_mode="border", align_corners=True
    )


def blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (B, C, H, W), sigma in pixels, the border repeated outwards."""
    taps = gaussian(sigma)
    if _is_plain(x):
        return _blur_planes(x, taps)
    kernel, radius = torch.from_numpy(taps).to(x), len(taps) // 2
    channels = x.shape[1]
    padded = F.pad(x, (radius, radius, radius, radius), mode="replicate")
    rows = F.conv2d(padded, kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    return F.conv2d(rows, kernel.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)


def gaussian(sigma: float) -> NDArray[np.float32]:
    """The taps that blur takes, an odd number of them, which sum to 1."""
    radius = max(1, round(3 * sigma))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return (taps / taps.sum()).astype(np.float32)


def surroundings(x: Tensor, reach: int) -> Tensor:
    """The mean of the (2 reach + 1)^2 pixels around each of (B, C, H, W), the border repeated outwards."""
    side = 2 * reach + 1
    if _is_plain(x):
        planes = x[0].detach().contiguous().numpy()
        means = [cv2.blur(plane, (side, side), borderType=cv2.BORDER_REPLICATE) for plane in planes]
        return torch.from_numpy(np.stack(means))[None]
    return F.avg_pool2d(F.pad(x, [reach] * 4, mode="replicate"), side, 1)


def bilateral(x: Tensor, reach: int, tolerance: float) -> Tensor:
    """Smooth (B, 3, H, W) within its edges (Tomasi & Manduchi 1998): a mean over a disc of colours alike.

    reach: the disc's radius in pixels, also the spread of its weights. tolerance: the spread of weights over
    the sum of three colours' differences, in x's own units. The border is mirrored.
    """
    if _is_plain(x):
        pixels = np.ascontiguousarray(x[0].permute(1, 2, 0).detach().numpy())
        smoothed = cv2.bilateralFilter(pixels, 2 * reach + 1, tolerance, 2 * reach + 1)
        return torch.from_numpy(np.ascontiguousarray(smoothed.transpose(2, 0, 1)))[None]
    height, width = x.shape[-2:]
    mirrored = F.pad(x, [reach] * 4, mode="reflect")
    total, weights = torch.zeros_like(x), torch.zeros_like(x[:, :1])
    for down, right in _disc(reach):
        other = mirrored[..., reach + down : reach + down + height, reach + right : reach + right + width]
        apart = (x - other).abs().sum(1, keepdim=True)
        near = (down * down + right * right) / (2 * reach + 1) ** 2
        weight = torch.exp(-0.5 * ((apart / tolerance) ** 2 + near))
        total += weight * other
        weights += weight
    return total / weights


def warp_array(image: NDArray, flow_px: NDArray[np.float32]) -> NDArray:
    """The same warp for arrays, by OpenCV: several times faster on a CPU.

    image: (H, W) or (H, W, C), uint8, uint16 or float32; flow_px: (H, W, 2). Returns image's type.
    """
    height, width = flow_px.shape[:2]
    map_x = flow_px[..., 0] + np.arange(width, dtype=np.float32)
    map_y = flow_px[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return cv2.remap(image, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def eight_bit(pixels: NDArray) -> NDArray[np.uint8]:
    """(H, W, 3) as uint8, rounded: float32 from -1 to 1, uint16 with 65535 = 255 x 257; uint8 as it is."""
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))  # most are planes already
    small = [cv2.addWeighted(plane, 127.5, plane, 0, 127.5, dtype=cv2.CV_8U) for plane in planes]
    return np.asarray(cv2.merge(small), np.uint8)


def to_field(flow_px: NDArray[np.float32], device: torch.device | str = "cpu") -> Tensor:
    """A flow (H, W, 2) as warp takes it: (1, 2, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(flow_px.transpose(2, 0, 1)))[None].to(device)


def to_tensor(pixels: NDArray, device: torch.device | str = "cpu") -> Tensor:
    """Pixels (H, W, 3), float32, uint8 or uint16, to (1, 3, H, W) float32, held in [-1, 1]."""
    signal = to_signal(pixels, device)
    return signal.clamp(-1, 1) if pixels.dtype == np.float32 else signal


def to_signal(pixels: NDArray, device: torch.device | str = "cpu") -> Tensor:
    """As to_tensor, but what is brighter than white or darker than black stays so.

    Floats that are planes already are shared with their tensor.
    """
    if pixels.dtype == np.float32:
        return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]).to(device)
    half = _largest(pixels.dtype) / 2
    scaled = torch.from_numpy(pixels.astype(np.float32)).to(device)
    return (scaled / half - 1).permute(2, 0, 1)[None].contiguous()


def to_pixels(x: Tensor, dtype: DTypeLike = np.uint8) -> NDArray:
    """(1, 3, H, W) or (3, H, W) in [-1, 1] to pixels (H, W, 3): clamped and rounded, never cut off.

    Raises FloatingPointError for what is not a number: cast to pixels, it would silently be black.
    """
    require_finite(x)
    half = _largest(np.dtype(dtype)) / 2
    picture = x.detach().reshape(x.shape[-3:]).permute(1, 2, 0).float()
    return np.ascontiguousarray(((picture + 1) * half).round().clamp(0, 2 * half).cpu().numpy().astype(dtype))


def from_signal(x: Tensor) -> NDArray[np.float32]:
    """(1, 3, H, W) to float32 pixels (H, W, 3), neither clamped nor rounded; no copy on a CPU."""
    return x.detach()[0].permute(1, 2, 0).float().cpu().numpy()


def require_finite(x: Tensor) -> Tensor:
    """The tensor itself. Raises FloatingPointError where it holds what is not a number."""
    if not torch.isfinite(x.detach().float().sum()):
        raise FloatingPointError("a picture holds values that are not finite")
    return x


def _disc(radius: int) -> list[tuple[int, int]]:
    steps = range(-radius, radius + 1)
    return [(y, x) for y in steps for x in steps if y * y + x * x <= radius * radius]


def _sample_planes(x: Tensor, columns: Tensor, rows: Tensor, interpolation: int) -> Tensor:
    map_x, map_y = columns[0, 0].numpy(), rows[0, 0].numpy()
    planes = x[0].detach().contiguous().numpy()
    out = np.empty((len(planes), *map_x.shape), np.float32)
    for plane, sampled in zip(planes, out, strict=True):
        cv2.remap(plane, map_x, map_y, interpolation, dst=sampled, borderMode=cv2.BORDER_REPLICATE)
    return torch.from_numpy(out)[None]


def _blur_planes(x: Tensor, taps: NDArray[np.float32]) -> Tensor:
    planes = x[0].detach().contiguous().numpy()
    out = np.empty_like(planes)
    for plane, blurred in zip(planes, out, strict=True):
        cv2.sepFilter2D(plane, -1, taps, taps, dst=blurred, borderType=cv2.BORDER_REPLICATE)
    return torch.from_numpy(out)[None]


def _is_plain(x: Tensor) -> bool:
    needs_gradient = x.requires_grad and torch.is_grad_enabled()
    return len(x) == 1 and x.device.type == "cpu" and x.dtype == torch.float32 and not needs_gradient


def _largest(dtype: np.dtype) -> int:
    if dtype not in (np.uint8, np.uint16):
        raise ValueError(f"pixels are float32, uint8 or uint16, not {dtype}")
    return int(np.iinfo(dtype).max)

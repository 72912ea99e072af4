"""The noise that texture is drawn from: how soft it is at each level, and how it moves with a picture.

A generator answers noise that moves by whole pixels of a level with texture that moves. Noise that moves by
less it would answer with another texture: what is as fine as the grid cannot move between its points (Karras
et al. 2021, "Alias-free GANs"). So noise is soft: what is finer than that is for the next level.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.gan.pyramid import Size, size_of
from vidgan.resample import gaussian, sample

_SHARPNESS = -0.75  # of the cubic that sample uses
_PHASES = 64
_EXTRA = 2
_FINEST = 0.6  # nothing finer is to come: as hard as can be taken from between pixels nearly as it is


class Origin(Protocol):
    """Where what a frame shows stood at an anchor; motion.Origin is one."""

    @property
    def share(self) -> float: ...
    @property
    def offset(self) -> Tensor: ...


@dataclass(frozen=True)
class Moved:
    """The Origin of a frame whose noise is all another's."""

    offset: Tensor
    share: float = 1.0


def draw_noise(
    sizes: Sequence[Size], rng: torch.Generator, softness: float = 0.0, batch: int = 1
) -> list[Tensor]:
    """One (batch, 1, h, w) of unit normal noise per size, coarsest first, drawn on the generator's device.

    softness: the sigma that noise is blurred by, in pixels of its own level, six tenths of it at the last;
    its variance stays 1. Opposite edges fit together.
    """
    noises = [torch.randn(batch, 1, h, w, generator=rng, device=rng.device) for h, w in sizes]
    return [_soft(noise, soft) for noise, soft in zip(noises, _each(softness, noises), strict=True)]


def moved_noise(
    fields: Sequence[Tensor], origins: Sequence[Origin], margin: int, softness: float
) -> list[Tensor]:
    """Each pixel's noise, (1, 1, h, w) a level, taken from where it stood; variance 1 is kept.

    fields: between_pixels of draw_noise's levels. origins: of the frame that lies within the finest level,
    `margin` pixels from its edges; of two, the noises are mixed by their shares, and where both come from
    the same place nothing changes.
    """
    framed = [(origin.share, F.pad(origin.offset, [margin] * 4, mode="replicate")) for origin in origins]
    each = _each(softness, fields)
    return [_moved(field, framed, soft) for field, soft in zip(fields, each, strict=True)]


def between_pixels(noise: Tensor) -> Tensor:
    """(1, 1, h, w) -> (1, 1, 2 h + 4, 2 w + 4): and what lies between the pixels of an endless field.

    Of a field twice as fine, cubic interpolation takes what lies anywhere between nearly as it is. It needs
    two points more on every side: those of the opposite edges.
    """
    for axis in (-2, -1):
        side = noise.shape[axis]
        spectrum = torch.fft.rfft(noise, dim=axis)
        if side % 2 == 0:
            spectrum.select(axis, side // 2).mul_(0.5)  # that frequency is its own mirror image
        noise = 2 * torch.fft.irfft(spectrum, n=2 * side, dim=axis)
    return _around(noise, _EXTRA).contiguous()


def _each(softness: float, noises: Sequence[Tensor]) -> list[float]:
    return [softness] * (len(noises) - 1) + [_FINEST * softness]


def _moved(field: Tensor, origins: Sequence[tuple[float, Tensor]], softness: float) -> Tensor:
    size = field.shape[-2] // 2 - _EXTRA, field.shape[-1] // 2 - _EXTRA
    offsets = [_at_size(offset.to(field.device), size) for _, offset in origins]
    taken = [
        share * _taken(field, offset, softness) for (share, _), offset in zip(origins, offsets, strict=True)
    ]
    if len(taken) == 1:
        return taken[0]
    alike = 2 * origins[0][0] * origins[1][0] * _likeness(offsets[0] - offsets[1], softness)
    return (taken[0] + taken[1]) / (1 + alike).sqrt()


def _taken(field: Tensor, offset: Tensor, softness: float) -> Tensor:
    """The field at p + offset(p), around its edges, its variance raised by what interpolation takes."""
    height, width = size_of(offset)
    columns = torch.arange(width, dtype=torch.float32, device=field.device)
    rows = torch.arange(height, dtype=torch.float32, device=field.device)[:, None]
    x, y = 2 * (columns + offset[:, :1]), 2 * (rows + offset[:, 1:])
    inside = x.remainder(2 * width) + _EXTRA, y.remainder(2 * height) + _EXTRA
    taken = sample(field, *inside, sharp=True)
    kept = _variances(softness).to(field.device)
    phase_x, phase_y = (((p - p.floor()) * _PHASES).round().long() for p in (x, y))
    return taken / (kept[phase_x] * kept[phase_y]).sqrt()


def _at_size(offset: Tensor, size: Size) -> Tensor:
    """(1, 2, H, W) in pixels -> (1, 2, h, w) in pixels of that size."""
    height, width = size_of(offset)
    if (height, width) != size:
        offset = F.interpolate(offset, size, mode="bilinear", align_corners=False, antialias=True)
    return offset * torch.tensor([size[1] / width, size[0] / height], device=offset.device)[:, None, None]


def _likeness(apart: Tensor, softness: float) -> Tensor:
    """How alike noise is to itself so many pixels away: (1, 2, h, w) -> (1, 1, h, w)."""
    # Interpolated white noise is nearly as like itself as if it had been blurred by 0.35 pixels.
    return torch.exp(apart.square().sum(1, keepdim=True) / (-4 * (softness**2 + 0.35**2)))


@cache
def _variances(softness: float) -> Tensor:
    """What cubic interpolation leaves of the variance, from a field's point to the next: (_PHASES + 1,)."""
    taps = _unit_taps(softness)
    lags = torch.arange(1 - len(taps), len(taps))
    whole = torch.stack([(taps[abs(lag) :] * taps[: len(taps) - abs(lag)]).sum() for lag in lags.tolist()])
    halves = torch.arange(4)[:, None] / 2
    alike = (whole * torch.sinc(halves - lags)).sum(1)  # of points so many half pixels apart
    lags = (torch.arange(4)[:, None] - torch.arange(4)).abs()
    weights = _cubic(torch.arange(_PHASES + 1) / _PHASES)  # (_PHASES + 1, 4)
    return torch.einsum("pi,ij,pj->p", weights, alike[lags], weights)


def _cubic(phase: Tensor) -> Tensor:
    """Weights of the four points around, (P,) -> (P, 4)."""
    a = _SHARPNESS
    apart = (phase[:, None] + torch.tensor([1.0, 0.0, -1.0, -2.0])).abs()
    near = ((a + 2) * apart - (a + 3)) * apart**2 + 1
    far = a * (((apart - 5) * apart + 8) * apart - 4)
    return torch.where(apart <= 1, near, far)


def _soft(noise: Tensor, softness: float) -> Tensor:
    if not softness:
        return noise
    taps = _unit_taps(softness).to(noise.device)
    x = _around(noise, len(taps) // 2)
    with torch.autocast(noise.device.type, enabled=False):
        return F.conv2d(F.conv2d(x, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))


def _around(x: Tensor, reach: int) -> Tensor:
    """The opposite edges' pixels put around it."""
    rows, columns = (torch.arange(-reach, side + reach, device=x.device) % side for side in size_of(x))
    return x[..., rows, :][..., columns]


def _unit_taps(softness: float) -> Tensor:
    """A blur that leaves white noise's variance as it is."""
    if not softness:
        return torch.tensor([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    taps = torch.from_numpy(gaussian(softness))
    return taps / math.sqrt(float((taps * taps).sum()))

"""Small keyframes, and looks that are known."""

from dataclasses import replace

import torch
from torch import Tensor

from vidgan.config import Recipe, load_recipe
from vidgan.gan.painted.anchor import Anchor, Keyframe


def scene(height: int = 64, width: int = 96, seed: int = 0) -> Tensor:
    """(1, 3, H, W) in [-1, 1]: blobs of many colours and a little texture, on whole 8-bit levels."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 6, 9, generator=rng) * 1.8 - 0.9
    fine = torch.randn(1, 3, height, width, generator=rng) * 0.05
    grown = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    return (((grown + fine).clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1


def warmer(frame: Tensor) -> Tensor:
    """A look of colours alone."""
    red, green, blue = frame.split(1, 1)
    return torch.cat([0.8 * red + 0.2, 0.9 * green + 0.05 * red, 0.6 * blue - 0.2], 1)


def striped(frame: Tensor) -> Tensor:
    """Strokes that no colour explains."""
    rows = torch.arange(frame.shape[-2])[:, None] % 6 < 3
    return (warmer(frame) + 0.3 * rows).clamp(-1, 1)


def key(frame: Tensor, painting: Tensor, number: int = 0, mask: Tensor | None = None) -> Keyframe:
    return Keyframe(number, frame, painting, torch.ones_like(frame[:, :1]) if mask is None else mask)


def anchor(frame: Tensor, painting: Tensor, number: int = 0, mask: Tensor | None = None) -> Anchor:
    return Anchor.fitted(key(frame, painting, number, mask))


def recipe(steps: int = 12, **train: object) -> Recipe:
    known = load_recipe("keyframe")
    settings = {"steps": steps, "channels": 8, "window_px": 32, "windows": 2, "precision": "fp32", **train}
    return replace(known, train=replace(known.train, **settings))

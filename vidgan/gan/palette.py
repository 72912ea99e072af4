"""The palette map: which of one picture's colours take the place of which of another's.

Fitted in closed form before training, so that no iteration is spent on finding out what is to become
light and what dark, what warm and what cool. It guides the coarse picture alone; detail is the GAN's.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
_SAMPLES = 1024
_REMEMBERED = 256  # of them: a lookup's cost, in every iteration
_ROUNDS = 40
_SPREAD = 0.08  # of the colours that a lookup averages over, in the range [-1, 1]
# Light and dark make an arrangement more than hue does, and are matched first.
_CHROMA_WEIGHT = 0.5
# Inverting is a strong reading of a pair: tones must fit four times as well that way round.
_INVERT_BELOW = 0.25


@dataclass(frozen=True)
class PaletteMap:
    """Pairs of colours, (n, 3) each, RGB in [-1, 1]: the source's, and what becomes of them."""

    source: Tensor
    mapped: Tensor

    def __call__(self, picture: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> the same shape: the mapped colours of the nearest source colours."""
        colours = picture.permute(0, 2, 3, 1).reshape(-1, 3)
        nearness = torch.softmax(-torch.cdist(colours, self.source).square() / (2 * _SPREAD**2), dim=1)
        mapped = (nearness @ self.mapped).view(len(picture), *picture.shape[-2:], 3)
        return mapped.permute(0, 3, 1, 2)


def fit_palette_map(source: Tensor, target: Tensor, invert: bool, rng: torch.Generator) -> PaletteMap:
    """Iterated sliced optimal transport of the source's colours onto the target's (Pitié et al. 2007).

    source, target: (1, 3, h, w) in [-1, 1], of any two sizes. invert: the source's light parts are to
    become the target's dark ones.
    """
    colours, goal = _sample(source), _sample(target)
    to_opponent = _opponent_axes(colours)
    moving, goal_axes = colours @ to_opponent, goal @ to_opponent
    if invert:
        moving = moving * moving.new_tensor([-1.0, 1.0, 1.0])
    moving = _standardised_like(moving, goal_axes)
    for _ in range(_ROUNDS):
        moving = _match_along(moving, goal_axes, _random_rotation(rng, colours.device))
    mapped = (moving @ torch.linalg.inv(to_opponent)).clamp(-1, 1)
    every = _SAMPLES // _REMEMBERED
    return PaletteMap(colours[::every], mapped[::every])


def tones_invert(a: Tensor, b: Tensor) -> bool:
    """Whether b's tones are spread like a's turned round: a little light in the dark against the reverse.

    a, b: (1, 3, H, W). Compares standardised luminance quantiles, which 1-D optimal transport would
    match, upright and inverted.
    """
    p, q = _standard_quantiles(a), _standard_quantiles(b)
    upright = (p - q).abs().mean()
    inverted = (p + q.flip(0)).abs().mean()
    return bool(inverted < _INVERT_BELOW * upright)


def _sample(picture: Tensor) -> Tensor:
    """_SAMPLES of the picture's colours, (n, 3), evenly over its pixels."""
    pixels = picture[0].flatten(1).T
    return pixels[torch.linspace(0, len(pixels) - 1, _SAMPLES, device=pixels.device).round().long()]


def _opponent_axes(like: Tensor) -> Tensor:
    """(3, 3): RGB @ it is luminance, blue-yellow, red-green, hue weighed less than light."""
    axes = [LUMA, (-0.25, -0.25, 0.5), (0.5, -0.5, 0.0)]
    weights = [1.0, _CHROMA_WEIGHT, _CHROMA_WEIGHT]
    return like.new_tensor([[w * x for x in axis] for w, axis in zip(weights, axes, strict=True)]).T


def _standardised_like(moving: Tensor, goal: Tensor) -> Tensor:
    centred = (moving - moving.mean(0)) / (moving.std(0) + 1e-3)
    return centred * goal.std(0) + goal.mean(0)


def _match_along(moving: Tensor, goal: Tensor, axes: Tensor) -> Tensor:
    """Move the points so that along each of the three axes they are spread as the goal's are."""
    a, b = moving @ axes, goal @ axes
    order = a.argsort(0)
    matched = torch.empty_like(a).scatter_(0, order, b.sort(0).values)
    return matched @ axes.T


def _random_rotation(rng: torch.Generator, device: torch.device) -> Tensor:
    return torch.linalg.qr(torch.randn(3, 3, generator=rng, device=device)).Q


def _standard_quantiles(picture: Tensor, count: int = 512) -> Tensor:
    luminance = (picture * picture.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1)
    ordered = luminance.flatten().sort().values
    picks = torch.linspace(0, len(ordered) - 1, count, device=ordered.device).round().long()
    quantiles = ordered[picks]
    return (quantiles - quantiles.mean()) / (quantiles.std() + 1e-4)

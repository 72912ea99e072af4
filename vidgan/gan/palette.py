"""The palette map: which of one picture's colours take the place of which of another's.

Fitted in closed form before training, so that no iteration is spent on finding out what is to become
light and what dark, what warm and what cool. What it makes of a source is what the generator is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.gan.losses import patch_distribution, patch_projections, patch_whitening
from vidgan.gan.pyramid import size_of
from vidgan.resample import resize

LUMA = (0.299, 0.587, 0.114)
_SAMPLES = 1024
_REMEMBERED = 256  # of them: a lookup's cost
_ROUNDS = 40
_SPREAD = 0.08  # of the colours that a lookup averages over, in the range [-1, 1]
_TABLE_SIDE = 33  # of the cube in which a map is tabulated, as in editors' .cube files
# Light and dark make an arrangement more than hue does, and are matched first.
_CHROMA_WEIGHT = 0.5
# Inverting is a strong reading of a pair: tones must fit four times as well that way round.
_INVERT_BELOW = 0.25
# Turning hues round less so, and it must bring the mapped pictures nearer by a tenth.
_TURN_BELOW = 0.9
_RELIEF = 0.5
_LAYOUT = 0.35  # of a picture's spread of tones, that its arrangement still has
_PATCH_PX = 7
_COMPARED = 128  # directions in which patches are compared to tell whether hues are to be turned round


@dataclass(frozen=True)
class PaletteMap:
    """Pairs of colours, (n, 3) each, RGB in [-1, 1]: the source's, and what becomes of them."""

    source: Tensor
    mapped: Tensor

    def __call__(self, picture: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> the same shape: a lookup in the table, differentiable in the picture."""
        batch, _, height, width = picture.shape
        colours = picture.permute(0, 2, 3, 1).reshape(1, 1, -1, 1, 3).flip(-1)  # grid_sample's x is blue
        mapped = F.grid_sample(self.table, colours, align_corners=True, padding_mode="border")
        return mapped.view(3, batch, height, width).transpose(0, 1)

    @cached_property
    def table(self) -> Tensor:
        """(1, 3, n, n, n): what becomes of evenly spaced reds, greens and blues."""
        axis = torch.linspace(-1, 1, _TABLE_SIDE, device=self.source.device)
        cube = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1)  # (n, n, n, 3)
        return self._of(cube.view(-1, 3)).view(cube.shape).permute(3, 0, 1, 2)[None].contiguous()

    def to(self, device: torch.device) -> "PaletteMap":
        return PaletteMap(self.source.to(device), self.mapped.to(device))

    def _of(self, colours: Tensor) -> Tensor:
        """(N, 3) -> (N, 3): a mean of what becomes of the nearest of the source's colours."""
        nearness = torch.softmax(-torch.cdist(colours, self.source).square() / (2 * _SPREAD**2), dim=1)
        return nearness @ self.mapped


def fit_palette_maps(
    a: Sequence[Tensor], b: Sequence[Tensor], even_a: Tensor, even_b: Tensor, rng: torch.Generator
) -> tuple[PaletteMap, PaletteMap]:
    """The maps of a's colours to b's and of b's to a's.

    a, b: the pictures' pyramids, coarsest first; even_a, even_b: (B, 3, h, w), their arrangements, between
    whose colours the maps are fitted. Light becomes dark where tones are spread the other way round, and
    a hue axis is turned round where that brings the mapped pictures, patch by patch, clearly nearer to
    the other domain's: an orange thing on grey is to become the black thing on green.
    """
    goal_a, goal_b = _with_relief(even_a, a[-1]), _with_relief(even_b, b[-1])
    light = -1.0 if tones_invert(a[0][:1], b[0][:1]) else 1.0
    fits = []
    for blue_yellow, red_green in ((1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)):
        signs = (light, blue_yellow, red_green)
        to_b = fit_palette_map(even_a, goal_b, signs, rng)
        to_a = fit_palette_map(even_b, goal_a, signs, rng)
        fits.append((_unlikeness(to_b, a, b) + _unlikeness(to_a, b, a), to_b, to_a))
    plain, best = fits[0], min(fits, key=lambda fit: fit[0])
    return (best if best[0] < _TURN_BELOW * plain[0] else plain)[1:]


def _with_relief(even: Tensor, picture: Tensor) -> Tensor:
    """The arrangement, its tones spread to at least _RELIEF of the picture's own.

    A field of tiles is one even tone once its texture is gone: mapped to that, every source would vanish.
    """
    tone = luminance(even)
    centred = tone - tone.mean()
    spread = _RELIEF * luminance(picture).std() / (centred.std() + 1e-4)
    return (even + centred * (spread - 1).clamp_min(0)).clamp(-1, 1)


def has_layout(even: Tensor, picture: Tensor) -> bool:
    """Whether a picture shows more than texture: tiles 0.28, cracks 0.56, a goose 0.61, a mountain 0.99."""
    return bool(luminance(even).std() > _LAYOUT * luminance(picture).std())


def tones_invert(a: Tensor, b: Tensor) -> bool:
    """Whether b's tones are spread like a's turned round: a little light in the dark against the reverse.

    a, b: (1, 3, H, W). Compares standardised luminance quantiles, which 1-D optimal transport would
    match, upright and inverted.
    """
    p, q = _standard_quantiles(a), _standard_quantiles(b)
    upright = (p - q).abs().mean()
    inverted = (p + q.flip(0)).abs().mean()
    return bool(inverted < _INVERT_BELOW * upright)


def _unlikeness(palette: PaletteMap, source: Sequence[Tensor], target: Sequence[Tensor]) -> float:
    """How far the mapped source is from the target, patch by patch, where both are coarsest.

    Always along the same directions: what is compared differs by little.
    """
    mapped, coarse = resize(palette(source[-1][:1]), size_of(source[0])), target[0][:1]
    patch_px = min(_PATCH_PX, *size_of(mapped), *size_of(coarse))
    rng = torch.Generator(coarse.device).manual_seed(0)
    axes = patch_projections(_COMPARED, patch_whitening(coarse, patch_px, 0.5), rng)
    return float(patch_distribution(mapped, coarse, axes))


def fit_palette_map(
    source: Tensor, target: Tensor, signs: tuple[float, float, float], rng: torch.Generator
) -> PaletteMap:
    """Iterated sliced optimal transport of the source's colours onto the target's (Pitié et al. 2007).

    source, target: (B, 3, h, w) in [-1, 1], of any two sizes. signs: 1 or -1 for luminance, blue-yellow
    and red-green; -1 turns that axis of the source round, its light parts becoming dark.
    """
    colours, goal = _sample(source), _sample(target)
    to_opponent = _opponent_axes(colours)
    moving, goal_axes = (colours @ to_opponent) * colours.new_tensor(signs), goal @ to_opponent
    moving = _standardised_like(moving, goal_axes)
    for _ in range(_ROUNDS):
        moving = _match_along(moving, goal_axes, _random_rotation(rng, colours.device))
    mapped = (moving @ torch.linalg.inv(to_opponent)).clamp(-1, 1)
    every = _SAMPLES // _REMEMBERED
    return PaletteMap(colours[::every].contiguous(), mapped[::every].contiguous())


def _sample(pictures: Tensor) -> Tensor:
    """_SAMPLES of the pictures' colours, (n, 3), evenly over their pixels."""
    pixels = pictures.permute(0, 2, 3, 1).reshape(-1, 3)
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
    ordered = luminance(picture).flatten().sort().values
    picks = torch.linspace(0, len(ordered) - 1, count, device=ordered.device).round().long()
    quantiles = ordered[picks]
    return (quantiles - quantiles.mean()) / (quantiles.std() + 1e-4)


def luminance(picture: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 1, H, W)."""
    return (picture * picture.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)

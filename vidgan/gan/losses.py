"""Every loss is a pure function of pictures or scores, and is reported under its name."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def hinge_critic(real: Tensor, fake: Tensor) -> Tensor:
    """The critic's hinge loss (Lim & Ye 2017, eq. 4). real, fake: scores of any shape. Scalar >= 0."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    """The generator's side of the hinge game: raise the critic's score of the fake."""
    return -fake.mean()


def cycle(picture: Tensor, returned: Tensor) -> Tensor:
    """Mean squared difference between a picture and itself after both translations (thesis, L_cyc)."""
    return F.mse_loss(returned, picture)


def reconstruction(picture: Tensor, rebuilt: Tensor) -> Tensor:
    """Mean absolute difference between a domain's picture and its rebuilding.

    The thesis squares it (L_rec); absolute differences blur what they cannot foretell less.
    """
    return F.l1_loss(rebuilt, picture)


def palette(fake: Tensor, mapped: Tensor) -> Tensor:
    """Mean absolute difference between a coarse fake and its source's mapped colours (palette.py)."""
    return F.l1_loss(fake, mapped)


def patch_projections(count: int, shaping: Tensor, rng: torch.Generator) -> Tensor:
    """(count, 3, k, k) random directions of unit length in the space of patches.

    shaping: (3kk, 3kk), applied to isotropic directions; see patch_whitening.
    """
    directions = torch.randn(count, len(shaping), generator=rng, device=rng.device) @ shaping
    side = round((len(shaping) / 3) ** 0.5)
    return (directions / directions.norm(dim=1, keepdim=True)).view(count, 3, side, side)


def patch_whitening(picture: Tensor, patch_px: int, power: float) -> Tensor:
    """What shapes isotropic directions so that they see texture: C^(-power/2), C the patches' covariance.

    Nearly all of a patch's variance is its mean colour, and so nearly all that a random direction sees.
    power 0 leaves directions as they are, 1 shows every principal component at equal strength.
    picture: (1, 3, H, W). Returns (3kk, 3kk), symmetric.
    """
    patches = F.unfold(picture, patch_px)[0]  # (3kk, n)
    patches = patches - patches.mean(1, keepdim=True)
    variances, axes = torch.linalg.eigh(patches @ patches.T / patches.shape[1])
    floor = variances.max() * 1e-3  # below it lies the sensor's or the codec's noise
    return (axes * variances.clamp_min(floor) ** (-power / 2)) @ axes.T


def patch_distribution(
    fake: Tensor, real: Tensor, projections: Tensor, offset: Sequence[int] = (0, 0), stride: int = 1
) -> Tensor:
    """Sliced-Wasserstein-1 distance between the patches of two pictures (Rabin et al. 2011).

    fake, real: (B, 3, H, W), of any two sizes that hold a patch; projections: (P, 3, k, k).
    Every direction's projected patches, taken every `stride` pixels from `offset`, are sorted and
    compared quantile by quantile. Scalar >= 0.
    """
    top, left = offset
    a, b = (
        _sorted_projections(x[..., top:, left:], projections, stride) for x in (fake, real)
    )  # (P, n), (P, m)
    n = min(a.shape[1], b.shape[1])
    return (_quantiles(a, n) - _quantiles(b, n)).abs().mean()


def _sorted_projections(picture: Tensor, projections: Tensor, stride: int) -> Tensor:
    return F.conv2d(picture, projections, stride=stride).transpose(0, 1).flatten(1).sort(dim=1).values


def _quantiles(ordered: Tensor, n: int) -> Tensor:
    """n of the m >= n sorted values in every row, evenly spaced."""
    if ordered.shape[1] == n:
        return ordered
    picks = torch.linspace(0, ordered.shape[1] - 1, n, device=ordered.device).round().long()
    return ordered[:, picks]

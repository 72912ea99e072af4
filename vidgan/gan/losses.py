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
    """Mean squared difference between a domain's picture and its rebuilding (thesis, L_rec)."""
    return F.mse_loss(rebuilt, picture)


def palette(fake: Tensor, mapped: Tensor) -> Tensor:
    """Mean absolute difference between a coarse fake and its source's mapped colours (palette.py)."""
    return F.l1_loss(fake, mapped)


def patch_projections(count: int, patch_px: int, rng: torch.Generator) -> Tensor:
    """(count, 3, patch_px, patch_px) random directions of unit length in the space of patches."""
    directions = torch.randn(count, 3, patch_px, patch_px, generator=rng, device=rng.device)
    return directions / directions.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


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

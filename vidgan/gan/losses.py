"""Every loss is a pure function of pictures or scores, and is reported under its name."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.gan.order import sort_rows
from vidgan.resample import surroundings, warp

_ENOUGH_DETAIL = 1.05  # of a painting's, where little of it is foretold: a warp and smoothing take some again
_MOST_DETAIL = 0.7  # foretold, of a painting's: more texture would only be wrong
_DETAIL_PX, _DETAIL_STEP = 9, 4  # the places over which it is averaged, and how far apart they are
_NO_DETAIL = 1e-5  # keeps the root's slope finite


def hinge_critic(real: Tensor, fake: Tensor) -> Tensor:
    """The critic's hinge loss (Lim & Ye 2017, eq. 4). real, fake: scores of any shape. Scalar >= 0."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """The critic's Wasserstein loss (Arjovsky et al. 2017): how far it tells the fakes from the real."""
    return fake.mean() - real.mean()


def raise_score(fake: Tensor) -> Tensor:
    """The generator's side of the hinge and Wasserstein games: raise the critic's score of the fake."""
    return -fake.mean()


def logistic_critic(real: Tensor, fake: Tensor) -> Tensor:
    """The critic's side of the original game, scores being logits (Goodfellow et al. 2014, eq. 1)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def non_saturating(fake: Tensor) -> Tensor:
    """The generator's side of it: -log D(fake), which does not fade while it loses (ibid., sec. 3)."""
    return F.softplus(-fake).mean()


def gradient_penalty(slopes: Tensor) -> Tensor:
    """Two-sided WGAN-GP penalty (Gulrajani et al. 2017, eq. 3): how far slopes are from length 1.

    slopes: (B, 3, H, W), the critic's gradient at pictures between real and fake, taken pixel by pixel
    as SinGAN does for patch critics. Scalar >= 0.
    """
    return (slopes.norm(dim=1) - 1).square().mean()


def cycle(picture: Tensor, returned: Tensor) -> Tensor:
    """Mean squared difference between a picture and itself after both translations (thesis, L_cyc)."""
    return F.mse_loss(returned, picture)


def reconstruction(picture: Tensor, rebuilt: Tensor) -> Tensor:
    """Mean absolute difference between a domain's picture and its rebuilding.

    The thesis squares it (L_rec); absolute differences blur what they cannot foretell less.
    """
    return F.l1_loss(rebuilt, picture)


def unsteadiness(here: Tensor, there: Tensor, flow: Tensor, counts: Tensor) -> Tensor:
    """Mean absolute difference between a picture and the next one brought to it along the motion.

    here, there: (1, 3, h, w). flow: (1, 2, h, w) in pixels, from here to there. counts: (1, 1, h, w), 1
    where it is known; 0 where that is nowhere. Brought there sharply: else what is crisp would differ.
    """
    apart = (here - warp(there, flow, sharp=True)).abs().mean(1, keepdim=True)
    return (counts * apart).sum() / counts.sum().clamp(min=1)


def detail_apart(result: Tensor, painting: Tensor, foretold: Tensor) -> Tensor:
    """How far a picture is from standing out from its surroundings nearly as much as its counterpart does.

    result, painting: (B, 3, H, W). foretold: the same, the result without any texture added: where that has
    most of the detail already, it is to have no more. Place by place, at two scales: the local root mean
    square of what stands out of 3x3 pixels, in lightness. Scalar >= 0.
    """
    total = result.new_zeros(())
    for scale in (1, 2):
        ours, theirs, before = (
            _local_detail(F.avg_pool2d(picture, scale)) for picture in (result, painting, foretold)
        )
        wanted = torch.where(before < _MOST_DETAIL * theirs, _ENOUGH_DETAIL * theirs, before)
        total = total + (wanted - ours).abs().mean() / 2
    return total


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

    fake, real: (B, 3, H, W), compared one by one, of any two sizes that hold a patch; projections:
    (P, 3, k, k). Every direction's projected patches, taken every `stride` pixels from `offset`, are
    sorted and compared quantile by quantile. Scalar >= 0.
    """
    top, left = offset
    ours = _sorted_projections(fake[..., top:, left:], projections, stride)  # (B * P, n)
    theirs = _sorted_projections(real[..., top:, left:], projections, stride)  # (B * P, m)
    n = min(ours.shape[1], theirs.shape[1])
    return (_quantiles(ours, n) - _quantiles(theirs, n)).abs().mean()


def _sorted_projections(picture: Tensor, projections: Tensor, stride: int) -> Tensor:
    return sort_rows(F.conv2d(picture, projections, stride=stride).flatten(0, 1).flatten(1))


def _quantiles(ordered: Tensor, n: int) -> Tensor:
    """n of the m >= n sorted values in every row, evenly spaced."""
    if ordered.shape[1] == n:
        return ordered
    picks = torch.linspace(0, ordered.shape[1] - 1, n, device=ordered.device).round().long()
    return ordered[:, picks]


def _local_detail(picture: Tensor) -> Tensor:
    lightness = picture.mean(1, keepdim=True)
    stands_out = (lightness - surroundings(lightness, 1)).square()
    side = min(_DETAIL_PX, *picture.shape[-2:])
    return (F.avg_pool2d(stands_out, side, _DETAIL_STEP) + _NO_DETAIL).sqrt()

"""Where training stands: have both domains settled, and has either result collapsed?"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vidgan.config import TrainSettings
from vidgan.gan.device import autocast
from vidgan.gan.direction import Direction
from vidgan.gan.losses import patch_distribution, patch_projections
from vidgan.gan.palette import luminance
from vidgan.gan.pyramid import size_of
from vidgan.resample import blur, resize

_COMPARED = 48  # directions, always the same ones, so that looks can be compared
_STEADY = 0.02  # a domain whose patches come nearer by less than this has settled
_OVER = 24  # readings: the mean of as many is compared with that of as many before
_LARGEST_PX = 160  # of the part of a level that is looked at

_LOST_STRUCTURE, _LOST_TEXTURE = 0.6, 0.9
_LEAST_BLUR_PX = 1.5  # at coarse stages a tile is a pixel: what is left after this is layout
_STEP, _MOST = 1.5, 4.0
_STRUCTURE_KEPT, _STRUCTURE_WEIGHT = 0.9, 2.0


class Settling:
    """Follows one domain's patch distance and tells when it no longer falls."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def add(self, value: float) -> None:
        self.values.append(value)

    def settled(self) -> bool:
        if len(self.values) < 2 * _OVER:
            return False
        before, now = self.values[-2 * _OVER : -_OVER], self.values[-_OVER:]
        return sum(now) >= (1 - _STEADY) * sum(before)


@dataclass(frozen=True)
class Health:
    """How a direction does on frames that training does not see.

    structure: correlation of the result's blurred luminance with its source's mapped colours', 1 at best:
    near 0 it has collapsed to the target. distance: from the target, patch by patch, as a share of what
    the mapped source has without texture: near 1 it has collapsed to the source.
    """

    structure: float
    distance: float

    def penalty(self) -> float:
        """What the best weights have least of."""
        return self.distance + _STRUCTURE_WEIGHT * max(0.0, _STRUCTURE_KEPT - self.structure)


class Examiner:
    """Measures a direction on held-out frames, always with the same noise and the same directions."""

    def __init__(self, direction: Direction, frames: Sequence[Tensor], settings: TrainSettings) -> None:
        """frames: (1, 3, H, W) in [-1, 1] each, of the direction's source domain."""
        self.direction, self.settings = direction, settings
        self.frames = frames

    @torch.no_grad()
    def examine(self, stage: int) -> Health:
        healths = [self._one(frame, stage) for frame in self.frames]
        count = len(healths)
        return Health(
            sum(health.structure for health in healths) / count,
            sum(health.distance for health in healths) / count,
        )

    def _one(self, frame: Tensor, stage: int) -> Health:
        d = self.direction
        source = _centre(d.ladder.pyramid(frame)[stage])
        rng = torch.Generator(d.device).manual_seed(self.settings.seed)
        with autocast(d.device, d.precision):
            result = d.translate(source, stage, 0.0, rng).clamp(-1, 1)
        mapped = d.target.palette(source)
        bare, drawn = (self._distance(picture, stage) for picture in (mapped, result))
        return Health(layout_kept(result, mapped), drawn / max(bare, 1e-6))

    def _distance(self, picture: Tensor, stage: int) -> float:
        rng = torch.Generator(picture.device).manual_seed(self.settings.seed)
        shaping = self.direction.target.patch_shaping(stage, self.settings)
        axes = patch_projections(_COMPARED, shaping, rng)
        real = _centre(self.direction.target.levels[stage][:1], 2 * _LARGEST_PX)
        least = self.settings.patch_px
        terms = []
        for _ in range(2):
            if min(*size_of(picture), *size_of(real)) >= least:
                terms.append(float(patch_distribution(picture, real, axes, stride=2)))
            picture, real = (resize(x, (x.shape[-2] // 2, x.shape[-1] // 2)) for x in (picture, real))
        return sum(terms) / len(terms) if terms else 0.0  # too small for a patch: nothing to compare


def counter_collapse(direction: Direction, health: Health) -> str | None:
    """Weigh what has been lost more, and less again once it is back. Returns what was found, in words."""
    lost_structure, lost_texture = health.structure < _LOST_STRUCTURE, health.distance > _LOST_TEXTURE
    direction.hold = _weighed(direction.hold, lost_structure)
    direction.push = _weighed(direction.push, lost_texture and not lost_structure)
    if lost_structure:
        return "collapses to the target"
    return "keeps to the source" if lost_texture else None


def _weighed(factor: float, lost: bool) -> float:
    return min(_MOST, factor * _STEP) if lost else max(1.0, factor / _STEP)


def layout_kept(result: Tensor, mapped: Tensor) -> float:
    """Correlation of the blurred luminances of a source, in the target's colours or its own, and its result.

    (1, 3, H, W) each. 1 at best; also where the source is even and has no layout to lose.
    """
    sigma = max(_LEAST_BLUR_PX, 0.04 * min(size_of(result)))
    ours, theirs = (blur(luminance(x), sigma).flatten() for x in (result, mapped))
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    spread = float(ours.norm() * theirs.norm())
    return float(ours @ theirs) / spread if spread > 1e-6 else 1.0


def _centre(level: Tensor, largest_px: int = _LARGEST_PX) -> Tensor:
    height, width = size_of(level)
    top, left = max(0, height - largest_px) // 2, max(0, width - largest_px) // 2
    return level[..., top : top + largest_px, left : left + largest_px]

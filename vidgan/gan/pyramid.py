"""The ladder of picture sizes that the generators climb. Level 0 is the coarsest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from vidgan.resample import resize

Size = tuple[int, int]
"""(height, width) in pixels."""


@dataclass(frozen=True)
class Ladder:
    """How many stages there are, and the factor (<= 1) from each to the next coarser one.

    Both domains, and every clip that a look is applied to, climb the same ladder: a texture keeps
    its size in pixels.
    """

    stages: int
    factor: float

    @classmethod
    def between(cls, finest: Sequence[Size], coarsest_px: int, scale_factor: float) -> "Ladder":
        """As few stages as bring the shortest side of all `finest` down to coarsest_px.

        No step is larger than scale_factor (> 1); a picture already that small has one stage.
        """
        shortest = min(min(size) for size in finest)
        if shortest <= coarsest_px:
            return cls(1, 1.0)
        steps = math.ceil(math.log(shortest / coarsest_px) / math.log(scale_factor) - 1e-9)
        return cls(steps + 1, (coarsest_px / shortest) ** (1 / steps))

    def sizes(self, finest: Size, stages: int | None = None) -> list[Size]:
        """Sizes of the levels below and at `finest`, coarsest first, rounded to whole pixels."""
        height, width = finest
        factors = [self.factor**up for up in range((stages or self.stages) - 1, -1, -1)]
        return [(max(1, round(height * f)), max(1, round(width * f))) for f in factors]

    def pyramid(self, picture: Tensor, stages: int | None = None) -> list[Tensor]:
        """picture: (B, 3, H, W). Every level is resampled from the picture itself, the last one is it."""
        sizes = self.sizes((picture.shape[-2], picture.shape[-1]), stages)
        return [*(resize(picture, size).clamp(-1, 1) for size in sizes[:-1]), picture]


def shown_levels(stages: int, strength: float) -> list[float]:
    """How much of each source level the generator is shown, 0..1: the less, the more it re-draws.

    strength 0 shows every level, 1 the two coarsest alone, where things have a shape but no texture;
    between, levels fade out one after another, finest first.
    """
    hidden = strength * max(0, stages - 2)
    return [min(1.0, max(0.0, stages - index - hidden)) for index in range(stages)]


def nothing_shown(stages: int) -> list[float]:
    """Nothing to translate: the generator makes a picture of noise alone."""
    return [0.0] * stages


def faded(levels: Sequence[Tensor], shown: Sequence[float]) -> list[Tensor]:
    """Every level as much as it is shown."""
    return [level if share == 1 else level * share for level, share in zip(levels, shown, strict=True)]


def blended(levels: Sequence[Tensor], shown: Sequence[float]) -> Tensor:
    """What the shown levels add up to: a Laplacian pyramid (Burt & Adelson 1983), collapsed.

    Bands that are not shown are left out, so the picture is the source itself, or the softer the less
    is shown. Returns (B, 3, H, W) of the last level's size.
    """
    picture = levels[0] * shown[0]
    for coarse, level, share in zip(levels[:-1], levels[1:], shown[1:], strict=True):
        picture = _enlarged(picture, level)
        if share > 0:
            picture = picture + share * (level - _enlarged(coarse, level))
    return picture


def _enlarged(coarse: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(coarse, like.shape[-2:], mode="bilinear", align_corners=False)


def size_of(picture: Tensor) -> Size:
    return picture.shape[-2], picture.shape[-1]

"""The ladder of picture sizes that the generators climb. Level 0 is the coarsest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
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


def fade_fine_levels(levels: Sequence[Tensor], strength: float) -> list[Tensor]:
    """Hide the source's fine levels from the generator: the freer it is, the more it re-draws.

    strength 0 shows every level, 1 the coarsest alone; between, levels fade out one after another,
    finest first.
    """
    hidden = strength * (len(levels) - 1)
    shown = [min(1.0, max(0.0, len(levels) - index - hidden)) for index in range(len(levels))]
    return [level if k == 1 else level * k for level, k in zip(levels, shown, strict=True)]


def blank_levels(levels: Sequence[Tensor], keep: int = 0) -> list[Tensor]:
    """The same pyramid with zeros above its first `keep` levels: nothing to translate, only noise."""
    return [level if index < keep else torch.zeros_like(level) for index, level in enumerate(levels)]

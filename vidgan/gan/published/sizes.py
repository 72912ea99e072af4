"""How the published methods divide the way from the coarsest size to the picture's own."""

import math
from collections.abc import Sequence

from vidgan.config import Recipe
from vidgan.errors import MediaError
from vidgan.gan.pyramid import Size


def stage_sizes(pictures: Sequence[Size], recipe: Recipe) -> list[list[Size]]:
    """Every picture's sizes, coarsest first: as many for each, as all climb together."""
    train, parts = recipe.train, recipe.parts
    coarsest = min(train.coarsest_px, *(side for size in pictures for side in size))
    least = 2 * (train.blocks + 2) + 1
    if coarsest < least:
        raise MediaError(
            f"a picture with a side of {coarsest} pixels is too small for critics of {train.blocks + 2} "
            f"convolutions: give one of {least} or more."
        )
    if parts.ladder == "logarithmic":
        return [logarithmic_sizes(size, coarsest, parts.stages) for size in pictures]
    steps = constant_steps(min(min(size) for size in pictures), coarsest, 1 / train.scale_factor)
    return [constant_sizes(size, coarsest, steps) for size in pictures]


def logarithmic_sizes(finest: Size, coarsest_px: int, stages: int) -> list[Size]:
    """ConSinGAN's (Hinz et al. 2021): more stages where pictures are small, coarsest first.

    Level n of 0..N is r^(((N-1)/log N) log(N-n) + 1) of the finest, r^N bringing its short side to
    coarsest_px; rounded up.
    """
    last = stages - 1
    factor = (coarsest_px / min(finest)) ** (1 / last)
    slope = (last - 1) / math.log(last) if last > 1 else 0.0
    exponents = [slope * math.log(last - n) + 1 for n in range(last)]
    return [*(_shrunk(finest, factor**exponent) for exponent in exponents), finest]


def constant_steps(shortest: int, coarsest_px: int, factor: float) -> int:
    """SinGAN's (Shaham et al. 2019, its code): one step more than a factor (< 1) of that size needs."""
    if shortest <= coarsest_px:
        return 0
    return math.ceil(math.log(coarsest_px / shortest) / math.log(factor)) + 1


def constant_sizes(finest: Size, coarsest_px: int, steps: int) -> list[Size]:
    """So many steps of one factor, the coarsest's short side coarsest_px; rounded up, as in SinGAN's code."""
    factor = (coarsest_px / min(finest)) ** (1 / max(1, steps))
    return [*(_shrunk(finest, factor ** (steps - n)) for n in range(steps)), finest]


def _shrunk(size: Size, factor: float) -> Size:
    return math.ceil(size[0] * factor), math.ceil(size[1] * factor)

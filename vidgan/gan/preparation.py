"""What is found out before the first iteration: which colours become which, and what becomes of things."""

from collections.abc import Callable

import torch
from torch import Tensor

from vidgan.config import TrainSettings
from vidgan.gan.analogy import Reading, analogy
from vidgan.gan.direction import Direction
from vidgan.gan.domain import Domain
from vidgan.gan.palette import fit_palette_maps, has_layout
from vidgan.gan.pyramid import Ladder, size_of
from vidgan.gan.redraw import (
    Redrawer,
    Redrawing,
    at_redrawn_size,
    fit_redrawer,
    go_on_unless,
    what_is_added,
)
from vidgan.resample import resize

_PALETTE_PX = 110  # short side at which palettes are fitted: arrangements are even, and more shows no more


def fit_palettes(a: Domain, b: Domain, rng: torch.Generator) -> None:
    """Give both domains their palettes."""
    even_a, even_b = (_at_palette_size(domain.even[-1]) for domain in (a, b))
    b.palette, a.palette = fit_palette_maps(a.levels, b.levels, even_a, even_b, rng)


def new_redrawer(target: Domain, settings: TrainSettings) -> Redrawer | None:
    """None where nothing is to be redrawn: in texture alone every layout would vanish."""
    if not settings.redraw_steps or not has_layout(target.even[-1][:1], target.levels[-1][:1]):
        return None
    return Redrawer().to(target.levels[-1].device)


def redraw(way: Direction, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Find out what is to become of the source's things, and teach it to the target's redrawer.

    A redrawer that has learnt already, in the run that this one goes on with, stays as it is.
    Raises Interrupted where should_stop, asked now and then, says so: there is nothing to keep yet.
    """
    source, target, ladder = way.source, way.target, way.ladder
    if target.redrawer is None or source.redrawing is not None:
        return
    small, goals = _analogies(way, should_stop)
    if not target.redrawer.is_taught:
        near, far = (resize(goal, size_of(small)).clamp(-1, 1) for goal in goals)
        rng = torch.Generator(way.device).manual_seed(way.settings.seed)
        fit_redrawer(
            target.redrawer, small, (near, far), _steps(way.settings), rng, way.precision, should_stop
        )
    sizes = ladder.sizes(size_of(source.levels[-1]))
    source.redrawing = Redrawing(what_is_added(target.redrawer, small), goals, sizes)


def _analogies(way: Direction, should_stop: Callable[[], bool]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """The source's pictures in the target's colours at the redrawn size, and what is made of them."""
    target, readings = way.target.levels[-1][:1], _readings(way.settings, way.ladder)
    small: list[Tensor] = []
    goals: tuple[list[Tensor], list[Tensor]] = [], []
    for picture in way.source.levels[-1].split(1):
        mapped = way.target.palette(picture)
        small.append(at_redrawn_size(mapped, way.ladder))
        for made, reading in zip(goals, readings, strict=True):
            go_on_unless(should_stop)
            made.append(analogy(mapped, target, reading))
    return torch.cat(small), (torch.cat(goals[0]), torch.cat(goals[1]))


def _readings(settings: TrainSettings, ladder: Ladder) -> tuple[Reading, Reading]:
    """Near to the layout and far from it: read at the second stage's size, and at the first's."""
    second = round(settings.coarsest_px / ladder.factor)
    return Reading(second, 0.03, 1.5), Reading(settings.coarsest_px, 0.005, 1.0)


def _steps(settings: TrainSettings) -> int:
    return min(settings.redraw_steps, settings.steps) if settings.steps else settings.redraw_steps


def _at_palette_size(picture: Tensor) -> Tensor:
    height, width = size_of(picture)
    scale = min(1.0, _PALETTE_PX / min(height, width))
    return resize(picture, (max(1, round(height * scale)), max(1, round(width * scale)))).clamp(-1, 1)

"""Which training a recipe asks for, by what its generators are told of a source."""

from collections.abc import Callable
from typing import Protocol

from vidgan.config import Recipe
from vidgan.gan.checkpoint import Resumable
from vidgan.gan.pair import Pair
from vidgan.gan.published.training import PublishedTrainer
from vidgan.gan.schedule import Record
from vidgan.gan.training import Trained, Trainer, TrainProgress


class Training(Resumable, Protocol):
    """Whichever it is."""

    def run(
        self,
        on_progress: Callable[[TrainProgress], None],
        on_stage: Callable[[Trained], None],
        should_stop: Callable[[], bool],
        between: Callable[[], None],
    ) -> Trained: ...


def new_training(pair: Pair, recipe: Recipe, record: Record | None = None) -> Training:
    """On a pair. record: another run's schedule, to repeat it."""
    return TRAININGS[recipe.parts.conditioning](pair, recipe, record)


def _told_every_level(pair: Pair, recipe: Recipe, record: Record | None) -> Training:
    return Trainer(pair, recipe.train, record)


def _told_the_start(pair: Pair, recipe: Recipe, record: Record | None) -> Training:
    return PublishedTrainer([pair.a[:1], pair.b], recipe, record)


TRAININGS: dict[str, Callable[[Pair, Recipe, Record | None], Training]] = {
    "pyramid": _told_every_level,
    "start": _told_the_start,
}
"""Told nothing ("none"), a generator learns one picture: PublishedTrainer([picture], recipe)."""

"""How a training run's time is shared out between its stages."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vidgan.config import TrainSettings


@dataclass(frozen=True)
class Tick:
    """One iteration: its number within the stage, and how much of the stage and run is behind it (0..1)."""

    step: int
    stage_progress: float
    run_progress: float


class Schedule:
    """Shares seconds, or a fixed number of steps, between stages; later ones get more.

    With train.steps set, counts alone decide, and a run repeats exactly; train.seconds then counts nothing.
    """

    def __init__(
        self, settings: TrainSettings, stages: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        weights = [settings.stage_growth**stage for stage in range(stages)]
        self.shares = [weight / sum(weights) for weight in weights]
        self.seconds, self.steps = settings.seconds, settings.steps
        self.decay = settings.decay
        self.steps_taken = [0] * stages
        self._clock = clock
        self.begin()

    def begin(self) -> None:
        """Start the clock (again)."""
        self._began = self._clock()

    def ticks(self, stage: int) -> Iterator[Tick]:
        """Iterations of one stage until its share is used up; at least one."""
        before = sum(self.shares[:stage])
        while True:
            progress = self._stage_progress(stage, before)
            if progress >= 1 and self.steps_taken[stage]:
                return
            progress = min(progress, 1.0)
            yield Tick(self.steps_taken[stage], progress, before + progress * self.shares[stage])
            self.steps_taken[stage] += 1

    def rate(self, tick: Tick) -> float:
        """The learning rate's factor: 1, then straight down to a fiftieth over the stage's last part."""
        return max(0.02, min(1.0, (1 - tick.stage_progress) / self.decay))

    def elapsed(self) -> float:
        return self._clock() - self._began

    def _stage_progress(self, stage: int, before: float) -> float:
        if self.steps:
            return self.steps_taken[stage] / max(1, round(self.steps * self.shares[stage]))
        return (self.elapsed() / self.seconds - before) / self.shares[stage]

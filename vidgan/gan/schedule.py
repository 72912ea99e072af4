"""How a training run's time is shared out between its stages, and what was made of it."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from vidgan.config import TrainSettings

_LEAST_RATE = 0.02
_LEAST_SHARE = 0.5  # of what a stage may take at full rate: sooner it does not go on, however settled


@dataclass(frozen=True)
class Tick:
    """One iteration: its number within the stage, its learning rate, how much of the run is done (0..1)."""

    step: int
    rate: float
    run_progress: float


class Schedule:
    """Shares seconds, or a fixed number of steps, between stages; later ones get more.

    A stage learns at full rate until both domains have settled, but neither shorter than a minimum nor
    longer than its share allows; then the rate falls in a straight line, or at once to train.decay_to.
    Time that it leaves over goes to the stages after it. With train.steps set, counts alone decide, and a
    run repeats exactly; train.seconds then counts nothing. Preparation counts up to half of the seconds:
    what it takes beyond that comes on top.

    rates: every learning rate that was used, stage by stage: the record that Replay repeats.
    """

    def __init__(
        self, settings: TrainSettings, stages: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings, self.clock = settings, clock
        self.weights = [settings.stage_growth**stage for stage in range(stages)]
        self.budget = float(settings.steps or settings.seconds)
        self.rates: list[list[float]] = [[] for _ in range(stages)]
        self.seconds = [0.0] * stages  # spent in each stage
        self.preparation = 0.0  # seconds spent before the first
        # Where in each stage the rate's fall began, and where it ends.
        self.fall: list[tuple[float, float] | None] = [None] * stages
        self._shares: dict[int, float] = {}
        self._settled = False
        self.resume()

    @property
    def steps_taken(self) -> tuple[int, ...]:
        return tuple(map(len, self.rates))

    def resume(self) -> None:
        """Let the clock run from here, after a pause."""
        self._seen = self.clock()

    def prepared(self) -> None:
        """Count what has passed since the clock began to run as spent before the first stage."""
        now = self.clock()
        self.preparation += now - self._seen
        self._seen = now

    def settle(self, stage: int) -> None:
        """Both domains have settled in that stage. The last one has nobody to leave its time to."""
        self._settled = stage < len(self.rates) - 1

    def ticks(self, stage: int) -> Iterator[Tick]:
        """Iterations of one stage, or what an interruption left of them, until its share is used up."""
        if not self.rates[stage]:
            self._settled = False
        while True:
            progress = self._progress(stage)
            if self.rates[stage] and progress >= self._end(stage):
                return
            rate = self.settings.learning_rate * self._rate(stage, progress)
            tick = Tick(len(self.rates[stage]), rate, self.run_progress())
            self.rates[stage].append(rate)
            yield tick

    def elapsed(self) -> float:
        return self.preparation + sum(self.seconds)

    def run_progress(self) -> float:
        """How much of the budget is used, 0..1."""
        return min(1.0, (self.elapsed() if not self.settings.steps else sum(self.steps_taken)) / self.budget)

    def state(self) -> dict[str, Any]:
        """Where the schedule stands, besides its rates, as plain values."""
        shares = [self._shares.get(stage, 0.0) for stage in range(len(self.rates))]
        return {
            "preparation": self.preparation,
            "seconds": self.seconds,
            "fall": self.fall,
            "shares": shares,
            "settled": self._settled,
        }

    def load(self, state: dict[str, Any], rates: Sequence[Sequence[float]]) -> None:
        """Go on from a state() and the rates of the same run."""
        self.rates = [list(stage) for stage in rates]
        self.preparation = float(state["preparation"])
        self.seconds = list(state["seconds"])
        self.fall = [None if fall is None else (fall[0], fall[1]) for fall in state["fall"]]
        self._shares = {stage: share for stage, share in enumerate(state["shares"]) if share}
        self._settled = bool(state["settled"])

    def _progress(self, stage: int) -> float:
        """How much of its share a stage has used; 1 is the most that it may."""
        now = self.clock()
        self.seconds[stage] += now - self._seen
        self._seen = now
        return self._spent(stage) / self._share(stage)

    def _spent(self, stage: int) -> float:
        return float(len(self.rates[stage])) if self.settings.steps else self.seconds[stage]

    def _share(self, stage: int) -> float:
        """A stage's part of what the stages before it have left; fixed when it begins."""
        if stage not in self._shares:
            before = 0.0 if self.settings.steps else min(self.preparation, self.budget / 2)
            left = self.budget - before - sum(self._spent(earlier) for earlier in range(stage))
            share = left * self.weights[stage] / sum(self.weights[stage:])
            self._shares[stage] = max(1.0, round(share)) if self.settings.steps else max(1e-3, share)
        return self._shares[stage]

    def _rate(self, stage: int, progress: float) -> float:
        most = 1 - self.settings.decay
        enough = progress >= _LEAST_SHARE * most
        if self.fall[stage] is None and progress >= most:
            self.fall[stage] = progress, max(1.0, progress + 1e-6)
        elif self.fall[stage] is None and self._settled and enough:
            self.fall[stage] = progress, progress / most
        fall = self.fall[stage]
        if fall is None:
            return 1.0
        if self.settings.decay_to:
            return self.settings.decay_to
        begin, end = fall
        return max(_LEAST_RATE, min(1.0, (end - progress) / (end - begin)))

    def _end(self, stage: int) -> float:
        fall = self.fall[stage]
        return 1.0 if fall is None else fall[1]


@dataclass(frozen=True)
class Record:
    """A run's whole schedule: every iteration's learning rate, stage by stage, and each way's threads."""

    rates: Sequence[Sequence[float]]
    threads: int


class Replay(Schedule):
    """Repeats the recorded rates of another run, iteration by iteration, whatever the clock says."""

    def __init__(self, settings: TrainSettings, record: Record) -> None:
        super().__init__(settings, len(record.rates))
        self.record = record.rates

    def ticks(self, stage: int) -> Iterator[Tick]:
        total = sum(map(len, self.record))
        for rate in self.record[stage][len(self.rates[stage]) :]:
            self._progress(stage)
            tick = Tick(len(self.rates[stage]), rate, sum(self.steps_taken) / total)
            self.rates[stage].append(rate)
            yield tick

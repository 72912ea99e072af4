"""Training on one representative pair: sample, update critics, update generators, measure, advance."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vidgan.config import TrainSettings
from vidgan.errors import LookError
from vidgan.gan.adam import Adam
from vidgan.gan.adversarial import GAMES
from vidgan.gan.best import Best
from vidgan.gan.conditioned import Conditioned
from vidgan.gan.critic import Critic
from vidgan.gan.crossing import Crossing
from vidgan.gan.direction import Direction, Turn
from vidgan.gan.domain import Domain
from vidgan.gan.generator import Generator
from vidgan.gan.model import Model
from vidgan.gan.neighbour import Neighbours, NextFrame
from vidgan.gan.pair import Pair
from vidgan.gan.preparation import fit_palettes, new_redrawer, redraw
from vidgan.gan.pyramid import Ladder, size_of
from vidgan.gan.schedule import Record, Replay, Schedule, Tick
from vidgan.gan.state import header_of, restore, tensors_of
from vidgan.gan.threads import working_with
from vidgan.gan.tones import tone_quantiles
from vidgan.gan.watch import Examiner, Health, Settling, counter_collapse

_REPORT_EVERY = 5  # iterations: reading losses off a GPU makes it wait
_EXAMINE_EVERY = 75

_ALL_TEXTURE = (
    "the target is all texture: it has nothing that the clip's things could become, so --strength only sets "
    "how much of their detail is shown"
)

State = dict[str, Tensor]
BothWays = Callable[[Callable[[Direction], Any]], list[Any]]
"""Does the same for both ways, to the target's domain first."""


@dataclass(frozen=True)
class TrainProgress:
    """What the callback is told: where training stands, and each loss by name (a running mean).

    stage: -1 while analogies are made and redrawers learn them, before the first iteration.
    """

    stage: int
    stages: int
    step: int
    fraction: float
    seconds: float
    losses: dict[str, float]


@dataclass(frozen=True)
class Trained:
    """What training leaves: the model, and its record.

    rates: the learning rate of every iteration, stage by stage; seconds: spent in each stage. With the
    same recipe, pictures and thread count, a run of that record on a CPU repeats the weights. health: how
    each direction did on held-out frames, to B first, where it was measured. interrupted: the run was
    stopped before its end. findings: collapses that were seen and countered, remarks: what
    the user should know of the pair; in words.
    """

    model: Model
    rates: tuple[tuple[float, ...], ...]
    seconds: tuple[float, ...]
    threads: int = 1
    health: tuple[Health, ...] = ()
    interrupted: bool = False
    findings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[int, ...]:
        return tuple(map(len, self.rates))


def train_pair(
    pair: Pair,
    settings: TrainSettings,
    *,
    record: Record | None = None,
    on_progress: Callable[[TrainProgress], None] = lambda progress: None,
    on_stage: Callable[[Trained], None] = lambda trained: None,
) -> Trained:
    """Train G_A and G_B on the pair, coarse to fine.

    record: another run's schedule, to repeat it. on_stage is called after every stage with what
    stands so far.
    """
    return Trainer(pair, settings, record).run(on_progress, on_stage)


class Trainer:
    """The state of one run: two domains, both ways between them, their optimisers, the schedule."""

    def __init__(self, pair: Pair, settings: TrainSettings, record: Record | None = None) -> None:
        self.settings = settings
        self.device = pair.b.device
        sizes = [size_of(pair.a), size_of(pair.b)]
        self.ladder = Ladder.between(sizes, settings.coarsest_px, settings.scale_factor)
        pair = pair.in_its_tones()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)  # initial weights; the caller's random state stays its own
            self.a, self.b = self._new_domain(pair.a), self._new_domain(pair.b)
            # Drawn last: with and without them all else begins with the same weights.
            self.a.redrawer, self.b.redrawer = (new_redrawer(x, settings) for x in (self.a, self.b))
        self.rng = torch.Generator(self.device).manual_seed(settings.seed)
        self.schedule = self._new_schedule(record)  # its clock runs from here
        with working_with(1, same=1, timed=False):  # the same bits however busy the machine is
            fit_palettes(self.a, self.b, self.rng)
        if settings.lambda_steady:
            beside = pair.beside or NextFrame.at_rest(pair.a[:1])
            self.a.neighbours = Neighbours(pair.a[:1], beside, self.ladder)
            self.b.neighbours = Neighbours(pair.b, NextFrame.at_rest(pair.b), self.ladder)
        self.ways = (self._new_direction(self.a, self.b, 1), self._new_direction(self.b, self.a, 2))
        held_out = pair.held_out or [pair.a[:1]]
        self.examiners = (
            Examiner(self.ways[0], held_out, settings),
            Examiner(self.ways[1], [pair.b], settings),
        )
        self.stage, self.best, self.findings = -1, Best(), Counter[str]()
        self.settling = (Settling(), Settling())
        self.record = record
        self.threads = torch.get_num_threads()
        self.threads_before = 0  # of a run that this one goes on with

    def run(
        self,
        on_progress: Callable[[TrainProgress], None] = lambda progress: None,
        on_stage: Callable[[Trained], None] = lambda trained: None,
        should_stop: Callable[[], bool] = lambda: False,
        between: Callable[[], None] = lambda: None,
    ) -> Trained:
        """Train, or go on training, to the end; or until should_stop, asked between iterations.

        between: called there, too, where state() is whole.

        Raises Interrupted where it says so before the first.
        """
        if self.stage >= 0:
            self.schedule.resume()  # else preparation began with the palettes
        on_progress(self._progress(-1, Tick(0, 0.0, self.schedule.run_progress())))
        with self._workers() as both:
            both(lambda way: redraw(way, should_stop))
            if self.stage < 0:
                self.schedule.prepared()
            else:
                self.schedule.resume()  # the run that this one goes on with has counted it
            for stage in range(max(0, self.stage), self.ladder.stages):
                if stage > self.stage:
                    self.enter(stage)
                for tick in self.schedule.ticks(stage):
                    self._iterate(stage, tick, both)
                    if tick.step % _REPORT_EVERY == 0:
                        on_progress(self._progress(stage, tick))
                    if tick.step % _EXAMINE_EVERY == _EXAMINE_EVERY - 1:
                        self._examine(stage)
                    between()
                    if should_stop():
                        return self.trained(interrupted=True)
                if stage < self.ladder.stages - 1:
                    on_stage(self.trained())
            self._keep_the_best(self._measure(self.stage))
        on_stage(self.trained())
        return self.trained()

    def trained(self, interrupted: bool = False) -> Trained:
        """What stands so far, the best weights where any were kept; its generators are its own."""
        with torch.random.fork_rng(devices=[]):
            to_b, to_a = self._crossing("b", self.a, self.b), self._crossing("a", self.b, self.a)
        rates = tuple(tuple(stage) for stage in self.schedule.rates)
        return Trained(
            Conditioned(to_b, to_a, self.ladder),
            rates,
            tuple(self.schedule.seconds),
            self.threads,
            self.best.health,
            interrupted,
            tuple(f"{finding} ({times} times)" for finding, times in self.findings.items()),
            (_ALL_TEXTURE,) if self.settings.redraw_steps and self.b.redrawer is None else (),
        )

    def _new_schedule(self, record: Record | None) -> Schedule:
        if record is None:
            return Schedule(self.settings, self.ladder.stages)
        if len(record.rates) != self.ladder.stages:
            raise LookError(
                f"the training to repeat has {len(record.rates)} stages, this pair {self.ladder.stages}: "
                "give the pair that it was made with"
            )
        return Replay(self.settings, record)

    def _new_domain(self, pictures: Tensor) -> Domain:
        s = self.settings
        critic = Critic(s.critic_channels, GAMES[s.objective].spectral)
        return Domain(pictures, self.ladder, Generator(s.channels, s.blocks), critic)

    def _new_direction(self, source: Domain, target: Domain, number: int) -> Direction:
        return Direction(source, target, self.settings, self.ladder, self.settings.seed + number * 2**32)

    def enter(self, stage: int) -> None:
        """Begin a stage: both generators grow, optimisers start afresh."""
        self.stage = stage
        if stage:
            self.a.generator.grow()
            self.b.generator.grow()
        self._new_optimisers()
        self.settling = (Settling(), Settling())

    def _new_optimisers(self) -> None:
        generators = (self.a.generator, self.b.generator)
        parameters = [p for generator in generators for p in generator.parameters()]
        self.optimise_generators = Adam(parameters, self.settings.learning_rate)
        for way in self.ways:
            way.enter_stage()

    def _iterate(self, stage: int, tick: Tick, both: BothWays) -> None:
        turn = Turn(stage, tick.step, self._draw_strength(), tick.rate)
        parameters = self.optimise_generators.parameters
        there, back = both(lambda way: way.gradients(turn, parameters))
        self.optimise_generators.rate = tick.rate
        self.optimise_generators.follow([_sum(x, y) for x, y in zip(there, back, strict=True)])
        if tick.step % _REPORT_EVERY == 0:
            self._watch_settling(stage)

    def _watch_settling(self, stage: int) -> None:
        for way, settling in zip(self.ways, self.settling, strict=True):
            settling.add(float(way.running["patch"]))
        if all(settling.settled() for settling in self.settling):
            self.schedule.settle(stage)

    def _examine(self, stage: int) -> None:
        """Measure both ways on held-out frames, act on collapse, keep the best of the last stage's end."""
        health = self._measure(stage)
        if stage >= self.ladder.stages // 2:  # coarser there is hardly any texture to have or to lack
            self._counter_collapse(stage, health)
        is_falling = self.schedule.rates[stage][-1] < self.settings.learning_rate
        if stage == self.ladder.stages - 1 and is_falling:
            self._keep_the_best(health)

    def _measure(self, stage: int) -> tuple[Health, ...]:
        return tuple(examiner.examine(stage) for examiner in self.examiners)

    def _keep_the_best(self, health: tuple[Health, ...]) -> None:
        there, back = health
        penalty = there.penalty() + 0.5 * back.penalty()
        if penalty < self.best.penalty:
            self.best = Best(penalty, self.weights(), health)

    def _counter_collapse(self, stage: int, health: Sequence[Health]) -> None:
        for way, found, name in zip(self.ways, health, ("to the target", "back"), strict=True):
            finding = counter_collapse(way, found)
            if finding:
                self.findings[f"stage {stage + 1}: the way {name} {finding}"] += 1

    def state(self) -> tuple[State, dict[str, Any]]:
        """The run's whole state between two iterations, as tensors and plain values."""
        return tensors_of(self), header_of(self)

    def load(self, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
        """Go on from a state() of the same pair and settings."""
        restore(self, tensors, header)

    def weights(self) -> State:
        """Both generators' weights, as they stand."""
        named = (("generator_a", self.a.generator), ("generator_b", self.b.generator))
        return {f"{name}.{k}": v.detach().clone() for name, g in named for k, v in g.state_dict().items()}

    def load_weights(self, weights: State) -> None:
        """Take over weights() of generators with as many stages."""
        for prefix, generator in (("generator_a.", self.a.generator), ("generator_b.", self.b.generator)):
            own = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
            generator.load_state_dict(own)

    def _crossing(self, name: str, source: Domain, target: Domain) -> Crossing:
        tones = tone_quantiles(source.levels[-1][:1])
        return Crossing(tones, target.palette, target.redrawer, self._standing(name, target))

    def _standing(self, name: str, domain: Domain) -> Generator:
        s = self.settings
        generator = Generator(s.channels, s.blocks, len(domain.generator.stages)).to(self.device)
        weights = self.best.weights or self.weights()
        prefix = f"generator_{name}."
        own = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
        generator.load_state_dict(own)
        return generator.to(memory_format=torch.channels_last)

    def _draw_strength(self) -> float:
        """Some iterations show the generators everything, the others any strength hides and redraws."""
        chance, how_far = torch.rand(2, generator=self.rng, device=self.device).tolist()
        return how_far if chance < self.settings.free_share else 0.0

    @contextmanager
    def _workers(self) -> Iterator[BothWays]:
        """Both ways at once, each in a thread with its share of the cores; on a GPU one after the other."""
        if self.device.type != "cpu":
            yield lambda play: [play(way) for way in self.ways]
            return
        same = self.record.threads if self.record is not None else self.threads_before
        with (
            working_with(len(self.ways), same, timed=not self.settings.steps) as self.threads,
            ThreadPoolExecutor(len(self.ways), "train", torch.set_num_threads, (self.threads,)) as pool,
        ):
            yield lambda play: list(pool.map(play, self.ways))

    def _progress(self, stage: int, tick: Tick) -> TrainProgress:
        names = dict.fromkeys(name for way in self.ways for name in way.running)
        means = {name: self._both_ways(name) for name in names}
        seconds = self.schedule.elapsed()
        return TrainProgress(stage, self.ladder.stages, tick.step, tick.run_progress, seconds, means)

    def _both_ways(self, name: str) -> float:
        return sum(float(way.running[name]) for way in self.ways if name in way.running)


def _sum(x: Tensor | None, y: Tensor | None) -> Tensor | None:
    if x is None or y is None:
        return y if x is None else x
    return x + y

"""Training on one representative pair: sample, update critics, update generators, advance."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vidgan.config import TrainSettings
from vidgan.gan.adam import Adam
from vidgan.gan.critic import Critic
from vidgan.gan.domain import Domain
from vidgan.gan.generator import Generator
from vidgan.gan.objective import Objective
from vidgan.gan.play import Player, Side
from vidgan.gan.pyramid import Ladder
from vidgan.gan.schedule import Schedule, Tick
from vidgan.gan.threads import use_fastest_thread_count

_MEMORY = 0.05  # how much of a reported loss is the last iteration's
_REPORT_EVERY = 5  # iterations: reading losses off a GPU makes it wait


@dataclass(frozen=True)
class TrainProgress:
    """What the callback is told: where training stands, and each loss by name (a running mean)."""

    stage: int
    stages: int
    step: int
    fraction: float
    seconds: float
    losses: dict[str, float]


@dataclass(frozen=True)
class Trained:
    """What training leaves: both generators, the ladder they climb, how many steps each stage took."""

    generator_a: Generator
    generator_b: Generator
    ladder: Ladder
    steps: tuple[int, ...]
    seconds: float


def train_pair(
    picture_a: Tensor,
    picture_b: Tensor,
    settings: TrainSettings,
    *,
    on_progress: Callable[[TrainProgress], None] = lambda progress: None,
    on_stage: Callable[[Trained], None] = lambda trained: None,
) -> Trained:
    """Train G_A and G_B on the pair, coarse to fine.

    picture_a, picture_b: (1, 3, H, W) in [-1, 1] on one device, of any two sizes; the target is
    already at its texture scale. on_stage is called after every stage with what stands so far.
    """
    return Trainer(picture_a, picture_b, settings).run(on_progress, on_stage)


class Trainer:
    """The state of one run: two domains, their optimisers, the player, the objective, the schedule."""

    def __init__(self, picture_a: Tensor, picture_b: Tensor, settings: TrainSettings) -> None:
        self.settings = settings
        sizes = [(p.shape[-2], p.shape[-1]) for p in (picture_a, picture_b)]
        self.ladder = Ladder.between(sizes, settings.coarsest_px, settings.scale_factor)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)  # initial weights; the caller's random state stays its own
            self.a, self.b = self._new_domain(picture_a), self._new_domain(picture_b)
        self.player = Player(settings, self.ladder, picture_a.device)
        self.objective = Objective(settings, self.player, self.a, self.b)
        self.schedule = Schedule(settings, self.ladder.stages)
        self.running: dict[str, Tensor] = {}  # means of the last losses, left on the device

    def run(
        self, on_progress: Callable[[TrainProgress], None], on_stage: Callable[[Trained], None]
    ) -> Trained:
        self.schedule.begin()
        for stage in range(self.ladder.stages):
            self._enter(stage)
            if not self.settings.steps:
                use_fastest_thread_count(self.a.levels[0].device)
            for tick in self.schedule.ticks(stage):
                self._set_rate(self.settings.learning_rate * self.schedule.rate(tick))
                sides = self.player.play(self.a, self.b, stage, tick.step)
                self._update_critics(sides)
                self._update_generators(sides, stage, tick.step)
                if tick.step % _REPORT_EVERY == 0:
                    on_progress(self._progress(stage, tick))
            on_stage(self._trained())
        return self._trained()

    def _new_domain(self, picture: Tensor) -> Domain:
        generator = Generator(self.settings.channels, self.settings.blocks)
        return Domain(picture, self.ladder, generator, Critic(self.settings.critic_channels))

    def _enter(self, stage: int) -> None:
        if stage:
            self.a.generator.grow()
            self.b.generator.grow()
        self.optimise_generators = self._adam(self.a.generator, self.b.generator)
        self.optimise_critics = self._adam(self.a.critic, self.b.critic)

    def _adam(self, *networks: nn.Module) -> Adam:
        return Adam((p for network in networks for p in network.parameters()), self.settings.learning_rate)

    def _set_rate(self, rate: float) -> None:
        self.optimise_generators.rate = self.optimise_critics.rate = rate

    def _update_critics(self, sides: tuple[Side, Side]) -> None:
        loss = self.objective.critic_loss(sides)
        self.optimise_critics.zero_grad()
        loss.backward()
        self.optimise_critics.step()
        self._remember("critic", loss)

    def _update_generators(self, sides: tuple[Side, Side], stage: int, step: int) -> None:
        weights = self.settings.weights()
        terms = self.objective.generator_losses(sides, stage, step)
        total = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        self.optimise_generators.zero_grad()
        total.backward()
        self.optimise_generators.step()
        for name, term in terms.items():
            self._remember(name, term)

    def _remember(self, name: str, loss: Tensor) -> None:
        value = loss.detach()
        self.running[name] = torch.lerp(self.running.get(name, value), value, _MEMORY)

    def _progress(self, stage: int, tick: Tick) -> TrainProgress:
        means = {name: float(mean) for name, mean in self.running.items()}
        seconds = self.schedule.elapsed()
        return TrainProgress(stage, self.ladder.stages, tick.step, tick.run_progress, seconds, means)

    def _trained(self) -> Trained:
        steps, seconds = tuple(self.schedule.steps_taken), self.schedule.elapsed()
        return Trained(self.a.generator, self.b.generator, self.ladder, steps, seconds)

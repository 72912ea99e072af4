"""Training on one representative pair: sample, update critics, update generators, advance."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.config import TrainSettings
from vidgan.gan import losses
from vidgan.gan.adam import Adam
from vidgan.gan.critic import Critic
from vidgan.gan.device import autocast, choose_precision
from vidgan.gan.domain import Domain
from vidgan.gan.generator import Generator, draw_noise
from vidgan.gan.palette import PaletteMap, fit_palette_map, tones_invert
from vidgan.gan.pyramid import Ladder, blank_levels, fade_fine_levels
from vidgan.gan.schedule import Schedule, Tick
from vidgan.resample import resize


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
    """What training leaves: both generators, the ladder they climb, and how many steps each stage took."""

    generator_a: Generator
    generator_b: Generator
    ladder: Ladder
    steps: tuple[int, ...]
    seconds: float


@dataclass
class Side:
    """One domain's half of an iteration. `source` is translated away from it and comes back as `returned`."""

    domain: Domain
    real: Tensor  # a window of the domain's picture, (1, 3, h, w)
    source: Tensor  # that window, or one that the domain's generator made of noise alone
    fakes: list[Tensor] = field(default_factory=list)  # what its generator made, for its critic to judge
    translation: Tensor | None = None  # the other side's source, made into this domain
    returned: Tensor | None = None  # its own source after both translations


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
    """The state of one run: two domains, their optimisers, the random numbers, the schedule."""

    def __init__(self, picture_a: Tensor, picture_b: Tensor, settings: TrainSettings) -> None:
        self.settings = settings
        self.device = picture_a.device
        self.precision = choose_precision(settings.precision, self.device)
        self.rng = torch.Generator(self.device).manual_seed(settings.seed)
        sizes = [(p.shape[-2], p.shape[-1]) for p in (picture_a, picture_b)]
        self.ladder = Ladder.between(sizes, settings.coarsest_px, settings.scale_factor)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)  # initial weights; the caller's random state stays its own
            self.a, self.b = (self._new_domain(p) for p in (picture_a, picture_b))
        invert = tones_invert(self.a.levels[0], self.b.levels[0])
        self.palette_to_a = fit_palette_map(self.b.levels[0], self.a.levels[0], invert, self.rng)
        self.palette_to_b = fit_palette_map(self.a.levels[0], self.b.levels[0], invert, self.rng)
        self.running: dict[str, Tensor] = {}  # means of the last losses, left on the device

    def run(
        self, on_progress: Callable[[TrainProgress], None], on_stage: Callable[[Trained], None]
    ) -> Trained:
        self.schedule = Schedule(self.settings, self.ladder.stages)
        for stage in range(self.ladder.stages):
            self._enter(stage)
            for tick in self.schedule.ticks(stage):
                self._set_rate(self.settings.learning_rate * self.schedule.rate(tick))
                sides = self._play(stage, tick)
                self._update_critics(sides)
                self._update_generators(sides, stage, tick)
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

    def _adam(self, *networks: torch.nn.Module) -> Adam:
        return Adam((p for network in networks for p in network.parameters()), self.settings.learning_rate)

    def _set_rate(self, rate: float) -> None:
        self.optimise_generators.rate = self.optimise_critics.rate = rate

    def _play(self, stage: int, tick: Tick) -> tuple[Side, Side]:
        """Cut a window of each picture, translate both across, and (as often as asked) back again."""
        every = self.settings.generated_every
        from_noise = every > 0 and tick.step % every == every - 1
        self.strength = self._draw_strength()
        sides = self._side(self.a, stage, from_noise), self._side(self.b, stage, from_noise)
        for here, there in (sides, sides[::-1]):
            here.translation = self._translate(here.domain, there.source)
            here.fakes.append(here.translation)
        if tick.step % self.settings.cycle_every == 0:
            for here, there in (sides, sides[::-1]):
                here.returned = self._translate(here.domain, there.translation)
        return sides

    def _side(self, domain: Domain, stage: int, from_noise: bool) -> Side:
        real = domain.window(stage, self.settings.window_px, self.rng)
        if not from_noise:
            return Side(domain, real, real)
        fake = self._generate(domain, blank_levels(self._levels(real, stage)))
        return Side(domain, real, fake, [fake])

    def _draw_strength(self) -> float:
        """Half the iterations show everything; the other half hide fine levels, down to any of them."""
        free, how_far = torch.rand(2, generator=self.rng, device=self.device).tolist()
        return how_far if free < self.settings.free_share else 0.0

    def _translate(self, domain: Domain, source: Tensor) -> Tensor:
        return self._generate(domain, fade_fine_levels(self._levels(source), self.strength))

    def _levels(self, picture: Tensor, stage: int | None = None) -> list[Tensor]:
        return self.ladder.pyramid(picture, len(self.a.generator.stages) if stage is None else stage + 1)

    def _generate(self, domain: Domain, levels: list[Tensor]) -> Tensor:
        noises = draw_noise([(x.shape[-2], x.shape[-1]) for x in levels], self.rng, len(levels[0]))
        with autocast(self.device, self.precision):
            return domain.generator(levels, noises).float()

    def _update_critics(self, sides: tuple[Side, Side]) -> None:
        loss = sum((self._critic_loss(side) for side in sides), start=torch.zeros((), device=self.device))
        self.optimise_critics.zero_grad()
        loss.backward()
        self.optimise_critics.step()
        self._remember({"critic": loss.detach()})

    def _critic_loss(self, side: Side) -> Tensor:
        with autocast(self.device, self.precision):
            real = side.domain.critic(side.real).float()
            fakes = [side.domain.critic(fake.detach()).float() for fake in side.fakes]
        return torch.stack([losses.hinge_critic(real, fake) for fake in fakes]).sum()

    def _update_generators(self, sides: tuple[Side, Side], stage: int, tick: Tick) -> None:
        weights = self.settings.weights()
        terms = self._generator_losses(sides, stage, tick)
        total = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        self.optimise_generators.zero_grad()
        total.backward()
        self.optimise_generators.step()
        self._remember({name: term.detach() for name, term in terms.items()})

    def _generator_losses(self, sides: tuple[Side, Side], stage: int, tick: Tick) -> dict[str, Tensor]:
        """Every term by name, unweighted, summed over both domains."""
        terms = {
            "adversarial": sum_of(self._adversarial(side) for side in sides),
            "patch": sum_of(self._patch(side, stage) for side in sides),
            "palette": self._palette(sides[0], sides[1].source, self.palette_to_a)
            + self._palette(sides[1], sides[0].source, self.palette_to_b),
        }
        if sides[0].returned is not None:
            terms["cycle"] = sum_of(self._cycle(side) for side in sides)
        if tick.step % self.settings.reconstruct_every == 0 and self._is_small(stage):
            terms["reconstruction"] = sum_of(self._reconstruction(side.domain, stage) for side in sides)
        return terms

    def _adversarial(self, side: Side) -> Tensor:
        side.domain.critic.requires_grad_(False)
        with autocast(self.device, self.precision):
            scores = [side.domain.critic(fake).float() for fake in side.fakes]
        side.domain.critic.requires_grad_(True)
        return sum_of(losses.hinge_generator(score) for score in scores)

    def _patch(self, side: Side, stage: int) -> Tensor:
        s = self.settings
        projections = losses.patch_projections(s.projections, s.patch_px, self.rng)
        terms = []
        for fake in side.fakes:
            real = side.domain.window_like(fake, stage, s.window_px, self.rng, s.window_tries)
            terms.append(self._patch_at_two_sizes(fake, real, projections))
        return sum_of(terms)

    def _patch_at_two_sizes(self, fake: Tensor, real: Tensor, projections: Tensor) -> Tensor:
        terms = [self._patch_once(fake, real, projections)]
        fake, real = F.avg_pool2d(fake, 2), F.avg_pool2d(real, 2)
        if min(*fake.shape[-2:], *real.shape[-2:]) > self.settings.patch_px:
            terms.append(self._patch_once(fake, real, projections))
        return torch.stack(terms).mean()

    def _patch_once(self, fake: Tensor, real: Tensor, projections: Tensor) -> Tensor:
        """Large windows hold far more patches than a distribution needs: every second one is taken."""
        stride = 2 if min(*fake.shape[-2:], *real.shape[-2:]) > 48 else 1
        offset = torch.randint(0, stride, (2,), generator=self.rng, device=self.device).tolist()
        return losses.patch_distribution(fake, real, projections, offset, stride)

    def _palette(self, side: Side, source: Tensor, palette: PaletteMap) -> Tensor:
        """Both compared at the coarsest level's size, where there are colours but no texture."""
        coarse = self._levels(source)[0]
        size = (coarse.shape[-2], coarse.shape[-1])
        return losses.palette(resize(side.translation, size), palette(coarse.detach()))

    def _cycle(self, side: Side) -> Tensor:
        """What strength hid from the generators cannot come back: compare what was shown."""
        pyramid = self._levels(side.source)
        source = pyramid[int((len(pyramid) - 1) * (1 - self.strength))]
        return losses.cycle(source, resize(side.returned, (source.shape[-2], source.shape[-1])))

    def _reconstruction(self, domain: Domain, stage: int) -> Tensor:
        levels = domain.levels[: stage + 1]
        silence = [torch.zeros_like(level[:, :1]) for level in levels]
        with autocast(self.device, self.precision):
            rebuilt = domain.generator(blank_levels(levels, keep=1), silence).float()
        return losses.reconstruction(levels[-1], rebuilt)

    def _is_small(self, stage: int) -> bool:
        largest = max(*self.a.levels[stage].shape[-2:], *self.b.levels[stage].shape[-2:])
        return largest <= 1.5 * self.settings.window_px

    def _remember(self, values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            self.running[name] = torch.lerp(self.running.get(name, value), value, 0.05)

    def _progress(self, stage: int, tick: Tick) -> TrainProgress:
        return TrainProgress(
            stage,
            self.ladder.stages,
            tick.step,
            tick.run_progress,
            self.schedule.elapsed(),
            dict(self.running),
        )

    def _trained(self) -> Trained:
        return Trained(
            self.a.generator,
            self.b.generator,
            self.ladder,
            tuple(self.schedule.steps_taken),
            self.schedule.elapsed(),
        )


def sum_of(terms) -> Tensor:
    return torch.stack(list(terms)).sum()

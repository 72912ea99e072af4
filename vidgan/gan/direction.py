"""One way across: windows of one domain made into the other's, judged, and sent back again.

Everything that one way needs is its own: random numbers, critic, running means. So both ways run at
the same time, each in a thread, and meet where the generators' gradients are added up. On two cores
that is 1.4 times as fast as sharing every operation between them.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.config import TrainSettings
from vidgan.gan import losses
from vidgan.gan.adam import Adam
from vidgan.gan.adversarial import GAMES, cut_alike, slopes_between
from vidgan.gan.critic import Weights
from vidgan.gan.device import autocast, choose_precision
from vidgan.gan.domain import Domain
from vidgan.gan.neighbour import Neighbours
from vidgan.gan.noise import Moved, between_pixels, draw_noise, moved_noise
from vidgan.gan.pyramid import Ladder, nothing_shown, shown_levels, size_of
from vidgan.gan.redraw import how_redrawn
from vidgan.resample import resize

_PATCH_SIZES = 3  # patches are compared at full, half and quarter size: from grout to the lie of the tiles
_AMPLE_PX = 40  # a window this wide holds more patches than a distribution needs: every other is taken
_LIKE_ANALOGY_FROM = 0.25  # below, the layout is more the source's than the analogy's
_MEMORY = 0.05  # how much of a running mean is the last iteration's
_EVEN_LEAD, _LEAST_RATE = 0.85, 0.1  # a critic that is right this often still learns at full rate


@dataclass(frozen=True)
class Turn:
    """What both ways have in common in one iteration. rate: the learning rate."""

    stage: int
    step: int
    strength: float
    rate: float


@dataclass(frozen=True)
class Told:
    """Windows of the source, what the generator is told of them, and what it is held to.

    goal: what the result is to be where it is small. like: what its patches are to be spread like, where
    there is an analogy; elsewhere any part of the target serves that has the same tones.
    """

    source: Tensor
    picture: Tensor
    goal: Tensor
    like: Tensor | None = None


@dataclass
class Material:
    """One iteration's pictures, (B, 3, h, w) in [-1, 1] each.

    real: windows of the domain that is drawn; told: of the other one. fakes: what the generator made of
    it, and of noise or of an arrangement where this turn asks for them.
    """

    real: Tensor
    told: Told
    fakes: list[Tensor] = field(default_factory=list)


class Direction:
    """From `source` to `target`, both domains; the target's generator draws, its critic judges."""

    def __init__(
        self, source: Domain, target: Domain, settings: TrainSettings, ladder: Ladder, seed: int
    ) -> None:
        self.source, self.target, self.settings, self.ladder = source, target, settings, ladder
        self.device = target.levels[0].device
        self.precision = choose_precision(settings.precision, self.device)
        self.rng = torch.Generator(self.device).manual_seed(seed)
        self.game = GAMES[settings.objective]
        self.running: dict[str, Tensor] = {}  # means of the last losses, left on the device
        self.lead = torch.tensor(0.5, device=self.device)  # how often the critic tells real from fake
        # Set against collapse: on what keeps the source, on what shows the target.
        self.hold, self.push = 1.0, 1.0

    def enter_stage(self) -> None:
        self.optimise_critic = Adam(self.target.critic.parameters(), self.settings.learning_rate)

    def gradients(self, turn: Turn, parameters: Sequence[Tensor]) -> Sequence[Tensor | None]:
        """Play one turn: update the critic, and return what the generators' parameters should follow."""
        material = self._play(turn)
        self._update_critic(material, turn)
        terms = self._terms(material, turn)
        for name, term in terms.items():
            self._remember(name, term)
        weights = self._weights()
        total = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        return torch.autograd.grad(total, parameters, allow_unused=True)

    def translate(self, source: Tensor, stage: int, strength: float, rng: torch.Generator) -> Tensor:
        """(B, 3, h, w) of the source domain -> the target's, not redrawn, at a size of the given stage."""
        return self._across(self.target, self.target.palette(source), stage, strength, rng)

    def _play(self, turn: Turn) -> Material:
        s, count = self.settings, self.settings.windows
        real = self.target.window(turn.stage, s.window_px, self.rng, count)
        material = Material(real, self._tell(turn.stage, turn.strength))
        with self._arithmetic():
            told = material.told.picture
            material.fakes.append(self._across(self.target, told, turn.stage, turn.strength, self.rng))
            if _is_due(turn.step, s.generated_every):
                blank = self.ladder.pyramid(torch.zeros_like(real), turn.stage + 1)
                material.fakes.append(self._draw(self.target, blank, nothing_shown(turn.stage + 1)))
            if _is_due(turn.step, s.arranged_every):
                own, even = self.target.window_and_even(turn.stage, s.window_px, self.rng, count)
                even = torch.lerp(even, own, self._redrawn_far(turn.strength))
                material.fakes.append(self._across(self.target, even, turn.stage, turn.strength, self.rng))
        return material

    def _tell(self, stage: int, strength: float) -> Told:
        """A window of the source, mapped and redrawn as far as the strength asks for it."""
        s = self.settings
        source, added, goals = self.source.window_and_redrawing(stage, s.window_px, self.rng, s.windows)
        mapped = self.target.palette(source)
        share, far = how_redrawn(strength)
        told = mapped
        if added:
            told = (mapped + share * torch.lerp(added[0], added[1], far)).clamp(-1, 1)
        if not goals:
            return Told(source, told, told)
        goal = torch.lerp(mapped, torch.lerp(goals[0], goals[1], far), share)
        like = goals[1] if far > 0.5 else goals[0]
        return Told(source, told, goal, like if strength >= _LIKE_ANALOGY_FROM else None)

    def _update_critic(self, material: Material, turn: Turn) -> None:
        critic, fakes = self.target.critic, [fake.detach() for fake in material.fakes]
        critic.prepare()
        real, *fake = self._judge([material.real, *fakes])
        made = [torch.cat(scores) for scores in zip(*fake, strict=True)]  # all fakes' scores, size by size
        loss = _total(self.game.critic_loss(r, f) for r, f in zip(real, made, strict=True))
        self._remember("critic", loss)
        if self.game.penalised:
            slopes = slopes_between(critic, *cut_alike(material.real, fakes[0]), self.rng)
            loss = loss + self.settings.lambda_penalty * _total(map(losses.gradient_penalty, slopes))
        self.lead = torch.lerp(self.lead, _how_often_above(real, fake[0]), _MEMORY)
        self.optimise_critic.rate = turn.rate * self._critic_share()
        self.optimise_critic.follow(torch.autograd.grad(loss, self.optimise_critic.parameters))

    def _judge(
        self, pictures: Sequence[Tensor], weights: Sequence[Weights] | None = None
    ) -> list[list[Tensor]]:
        """The critic's scores of each picture, (n,) at each of its sizes; alike pictures in one pass."""
        with self._arithmetic():
            if len({picture.shape for picture in pictures}) == 1:
                by_size = self.target.critic(torch.cat(list(pictures)), weights)
                parts = [scores.split([len(picture) for picture in pictures]) for scores in by_size]
                judged = [list(scores) for scores in zip(*parts, strict=True)]
            else:
                judged = [self.target.critic(picture, weights) for picture in pictures]
        return [[scores.flatten() for scores in sizes] for sizes in judged]

    def _critic_share(self) -> float:
        """A critic that always wins teaches nothing: the further it leads, the slower it learns."""
        if self.game.penalised:
            return 1.0
        return max(_LEAST_RATE, min(1.0, (1 - float(self.lead)) / (1 - _EVEN_LEAD)))

    def _terms(self, material: Material, turn: Turn) -> dict[str, Tensor]:
        s, stage = self.settings, turn.stage
        terms = {
            "adversarial": self._adversarial(material.fakes),
            "patch": self._patches(material, stage),
            "palette": self._palette(material, stage),
        }
        if _is_due(turn.step, s.cycle_every) and not self._redrawn_far(turn.strength):
            terms["cycle"] = self._cycle(material, turn)
        if _is_due(turn.step, s.reconstruct_every):
            terms["reconstruction"] = self._reconstruction(stage)
        if _is_due(turn.step + s.imitated_every // 2, s.imitated_every):
            terms |= self._imitation(stage)
        if self.source.neighbours is not None and _is_due(turn.step + 1, s.steady_every):
            terms["unsteadiness"] = self._unsteadiness(self.source.neighbours, turn)
        return terms

    def _adversarial(self, fakes: Sequence[Tensor]) -> Tensor:
        with torch.no_grad(), self._arithmetic():
            weights = self.target.critic.weights()
        judged = self._judge(fakes, weights)
        made = [torch.cat(scores) for scores in zip(*judged, strict=True)]
        return _total(self.game.generator_loss(scores) for scores in made)

    def _patches(self, material: Material, stage: int) -> Tensor:
        first, *others = material.fakes
        terms = [self._patch(first, stage, material.told.like)]
        return _total(terms + [self._patch(fake, stage) for fake in others])

    def _patch(self, fake: Tensor, stage: int, real: Tensor | None = None) -> Tensor:
        s = self.settings
        axes = losses.patch_projections(s.projections, self.target.patch_shaping(stage, s), self.rng)
        if real is None:
            real = self.target.window_like(fake, stage, s.window_px, self.rng, s.window_tries)
        terms = []
        for _ in range(_PATCH_SIZES):
            if min(*fake.shape[-2:], *real.shape[-2:]) >= s.patch_px:
                terms.append(self._patch_once(fake, real, axes))
            fake, real = F.avg_pool2d(fake, 2, ceil_mode=True), F.avg_pool2d(real, 2, ceil_mode=True)
        return torch.stack(terms).mean()

    def _patch_once(self, fake: Tensor, real: Tensor, axes: Tensor) -> Tensor:
        stride = 2 if min(*fake.shape[-2:], *real.shape[-2:]) > _AMPLE_PX else 1
        offset = torch.randint(0, stride, (2,), generator=self.rng, device=self.device).tolist()
        return losses.patch_distribution(fake, real, axes, offset, stride)

    def _palette(self, material: Material, stage: int) -> Tensor:
        """Compared at the coarsest level's size, where there are colours but no texture."""
        goal = self.ladder.pyramid(material.told.goal, stage + 1)[0]
        return losses.palette(resize(material.fakes[0], size_of(goal)), goal)

    def _cycle(self, material: Material, turn: Turn) -> Tensor:
        """What strength hid from the generators cannot come back: compare at the finest level shown."""
        with self._arithmetic():
            mapped = self.source.palette(material.fakes[0])
            returned = self._across(self.source, mapped, turn.stage, turn.strength, self.rng)
        pyramid = self.ladder.pyramid(material.told.source, turn.stage + 1)
        shares = shown_levels(len(pyramid), turn.strength)
        shown = next(p for p, share in zip(pyramid[::-1], shares[::-1], strict=True) if share)
        return losses.cycle(shown, resize(returned, size_of(shown)))

    def _reconstruction(self, stage: int) -> Tensor:
        """Draw a window of the domain's own picture from its arrangement, or part of it, without noise."""
        s = self.settings
        window, even = self.target.window_and_even(stage, s.window_px, self.rng, s.windows)
        strength = float(torch.rand(1, generator=self.rng, device=self.device))
        levels = self.ladder.pyramid(torch.lerp(even, window, self._redrawn_far(strength)), stage + 1)
        with self._arithmetic():
            rebuilt = self._draw(self.target, levels, shown_levels(stage + 1, strength), silent=True)
        return losses.reconstruction(window, rebuilt)

    def _redrawn_far(self, strength: float) -> float:
        """How far things become others: a layout so redrawn shows what an arrangement does not."""
        return 0.0 if self.source.redrawing is None else how_redrawn(strength)[1]

    def _imitation(self, stage: int) -> dict[str, Tensor]:
        """Draw what the far analogy makes of a window, told its redrawn layout."""
        if self.source.redrawing is None or not self.source.redrawing.at(stage)[1]:
            return {}
        told = self._tell(stage, 1.0)
        with self._arithmetic():
            fake = self._across(self.target, told.picture, stage, 1.0, self.rng)
        return {
            "analogy": losses.reconstruction(told.goal, fake),
            "analogous patches": self._patch(fake, stage, told.like),
        }

    def _unsteadiness(self, neighbours: Neighbours, turn: Turn) -> Tensor:
        """How much a window and the next frame's differ, drawn with noise that moves as they do.

        At strength 0, where nothing is redrawn: only the pair's own pictures have a redrawing.
        """
        s = self.settings
        seen = neighbours.glimpse(turn.stage, s.window_px, self.rng)
        told = [self.target.palette(window) for window in (seen.here, seen.there)]
        levels = [self.ladder.pyramid(picture, turn.stage + 1) for picture in told]
        there = draw_noise([size_of(level) for level in levels[1]], self.rng, s.noise_softness)
        fields = [between_pixels(noise) for noise in there]
        here = moved_noise(fields, [Moved(seen.flow)], 0, s.noise_softness)
        shown = shown_levels(turn.stage + 1, 0.0)
        with self._arithmetic():
            drawn, beside = (
                self._from_noise(self.target, level, shown, noise)
                for level, noise in zip(levels, (here, there), strict=True)
            )
        return losses.unsteadiness(drawn, beside, seen.flow, seen.counts)

    def _across(
        self, domain: Domain, told: Tensor, stage: int, strength: float, rng: torch.Generator
    ) -> Tensor:
        """What the domain's generator makes of a picture in its own colours."""
        levels = self.ladder.pyramid(told, stage + 1)
        return self._draw(domain, levels, shown_levels(stage + 1, strength), rng=rng)

    def _draw(
        self,
        domain: Domain,
        levels: list[Tensor],
        shown: Sequence[float],
        silent: bool = False,
        rng: torch.Generator | None = None,
    ) -> Tensor:
        """One pass of the domain's generator, float32; silent: with zeros in place of noise."""
        sizes = [size_of(level) for level in levels]
        noises = draw_noise(sizes, rng or self.rng, self.settings.noise_softness, len(levels[0]))
        if silent:
            noises = [torch.zeros_like(noise) for noise in noises]
        return self._from_noise(domain, levels, shown, noises)

    def _from_noise(
        self, domain: Domain, levels: Sequence[Tensor], shown: Sequence[float], noises: Sequence[Tensor]
    ) -> Tensor:
        levels = [level.contiguous(memory_format=torch.channels_last) for level in levels]
        return domain.generator(levels, shown, noises)

    def _weights(self) -> dict[str, float]:
        kept, shown = ("cycle", "palette"), ("patch", "adversarial")
        factors = {**dict.fromkeys(kept, self.hold), **dict.fromkeys(shown, self.push)}
        return {name: weight * factors.get(name, 1.0) for name, weight in self.settings.weights().items()}

    def _remember(self, name: str, loss: Tensor) -> None:
        """Keep the running mean; what is not finite is left out, as Adam leaves it out."""
        value = loss.detach()
        before = self.running.get(name, value.nan_to_num())
        self.running[name] = torch.where(value.isfinite(), torch.lerp(before, value, _MEMORY), before)

    def _arithmetic(self) -> AbstractContextManager[object]:
        return autocast(self.device, self.precision)


def _is_due(step: int, every: int) -> bool:
    return every > 0 and step % every == every - 1


def _total(terms: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(terms)).sum()


def _how_often_above(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """How often the real window scores more than a fake, place by place."""
    pairs = [(r, f, min(len(r), len(f))) for r, f in zip(real, fake, strict=True)]
    return torch.stack([(r[:n] > f[:n]).float().mean() for r, f, n in pairs]).mean().detach()

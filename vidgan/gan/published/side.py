"""One domain of a published method: its picture at every size, a generator that grows, a critic a stage.

Whichever way its generator hands on, a side can imagine a picture out of noise, tell another domain's
picture in its own way, and rebuild its own, all at the newest stage; and be sampled once it is done.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from vidgan.config import Recipe
from vidgan.gan.model import named, prefixed
from vidgan.gan.published.networks import GrownGenerator, PlainCritic, StackedGenerator, widened
from vidgan.gan.pyramid import Size, size_of
from vidgan.resample import resize


class Side(ABC):
    """levels: (1, 3, h, w) in [-1, 1], coarsest first. amps: how strong each stage's noise is."""

    critic: PlainCritic
    generator: nn.Module

    def __init__(self, levels: Sequence[Tensor], recipe: Recipe) -> None:
        self.levels, self.recipe = levels, recipe
        self.train, self.parts = recipe.train, recipe.parts
        self.device = levels[0].device
        self.amps: list[float] = []

    @property
    def newest(self) -> int:
        return len(self.amps) - 1

    @property
    def real(self) -> Tensor:
        return self.levels[self.newest]

    def enter(self, stage: int, rng: torch.Generator) -> None:
        """Begin a stage: the generator grows, and noise is as strong as the error that is left.

        A critic that is as wide as the last one starts with its weights.
        """
        if stage:
            self._grow()
        self.amps.append(1.0)
        self._new_critic(stage)
        self._keep_noise(rng)
        if stage:
            with torch.no_grad():
                self.amps[-1] = self.parts.noise_rmse * float(self._error_so_far())

    @abstractmethod
    def imagine(self, rng: torch.Generator) -> Tensor:
        """A picture of this domain out of noise, at the newest stage's size."""

    @abstractmethod
    def retell(self, picture: Tensor, rng: torch.Generator, amp: float = 1.0) -> Tensor:
        """What this domain makes of another one's picture, which is of the newest stage's size."""

    @abstractmethod
    def rebuild(self) -> Tensor:
        """Its own picture, out of what is kept for that."""

    @abstractmethod
    def sample(self, size: Size, start: int, rng: torch.Generator) -> Tensor:
        """A picture of this domain of any size; stages before `start` show its own, those after imagine."""

    @abstractmethod
    def trained(self, count: int) -> list[list[nn.Parameter]]:
        """Parameters of the newest `count` stages (0: of all), newest first."""

    @abstractmethod
    def kept(self) -> dict[str, Tensor]:
        """The noise of the rebuilding, by name."""

    @abstractmethod
    def _keep(self, noise: Mapping[str, Tensor]) -> None: ...

    @abstractmethod
    def _keep_noise(self, rng: torch.Generator) -> None:
        """Draw what the newest stage rebuilds with."""

    @abstractmethod
    def _grow(self) -> None: ...

    @abstractmethod
    def _error_so_far(self) -> Tensor:
        """Root mean squared error of the rebuilding before the newest stage has learnt anything."""

    def tensors(self) -> dict[str, Tensor]:
        """All that tells it from another side of the same pictures."""
        return {
            **prefixed("generator", self.generator.state_dict()),
            **prefixed("kept", self.kept()),
            "amps": torch.tensor(self.amps, dtype=torch.float64),
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over the tensors() of a side with the same pictures and recipe."""
        amps = tensors["amps"].tolist()
        for stage in range(len(amps)):
            if stage:
                self._grow()
            self.amps.append(amps[stage])
        self._keep(named("kept", tensors))
        self.generator.load_state_dict(named("generator", tensors))
        with torch.random.fork_rng(devices=[]):  # its first weights are drawn, only to be replaced
            self._new_critic(self.newest)

    def sizes(self, newest: Size) -> list[Size]:
        """Of all stages up to the newest, where that one has this size."""
        height, width = newest
        ours = [size_of(level) for level in self.levels[: self.newest + 1]]
        return [
            (max(1, round(height * h / ours[-1][0])), max(1, round(width * w / ours[-1][1]))) for h, w in ours
        ]

    def _new_critic(self, stage: int) -> None:
        width = widened(self.train.critic_channels, stage, self.parts.widen_every)
        before = getattr(self, "critic", None)
        self.critic = PlainCritic(width, self.train.blocks, self.parts.batch_norm).to(self.device)
        if before is not None and width == before.tail.in_channels:
            self.critic.load_state_dict(before.state_dict())

    def _noise(self, channels: int, size: Size, rng: torch.Generator) -> Tensor:
        return torch.randn(1, channels, *size, generator=rng, device=rng.device).to(self.device)


class GrownSide(Side):
    """Features are handed on. It starts from a picture of the coarsest size, its own or another's."""

    generator: GrownGenerator

    def __init__(self, levels: Sequence[Tensor], recipe: Recipe) -> None:
        super().__init__(levels, recipe)
        self.generator = GrownGenerator(self.train.channels, self.train.blocks, self.parts.batch_norm)
        self.generator.to(self.device)
        self._noises_kept: list[Tensor] = []  # from the second stage on

    def imagine(self, rng: torch.Generator) -> Tensor:
        return self.sample(size_of(self.real), 0, rng)

    def retell(self, picture: Tensor, rng: torch.Generator, amp: float = 1.0) -> Tensor:
        sizes = self.sizes(size_of(picture))
        start = resize(picture, sizes[0]).clamp(-1, 1)
        return self.generator(start, [amp * noise for noise in self._noises(sizes, rng)])

    def rebuild(self) -> Tensor:
        pairs = zip(self.amps[1:], self._noises_kept, strict=True)
        return self.generator(self.levels[0], [amp * noise for amp, noise in pairs])

    def sample(self, size: Size, start: int, rng: torch.Generator) -> Tensor:
        sizes = self.sizes(size)
        first = resize(self.levels[0], sizes[0]) if start else self._noise(3, sizes[0], rng)
        noises = self._noises(sizes, rng)
        for stage in range(1, start):
            noises[stage - 1] = self.amps[stage] * resize(self._noises_kept[stage - 1], sizes[stage])
        return self.generator(first, noises)

    def trained(self, count: int) -> list[list[nn.Parameter]]:
        """The head belongs to the first stage, the tail to the newest."""
        stages = [list(stage.parameters()) for stage in self.generator.stages]
        stages[0] = [*self.generator.head.parameters(), *stages[0]]
        stages[-1] = [*stages[-1], *self.generator.tail.parameters()]
        return stages[::-1][: count or None]

    def kept(self) -> dict[str, Tensor]:
        return {str(number): noise for number, noise in enumerate(self._noises_kept)}

    def _keep(self, noise: Mapping[str, Tensor]) -> None:
        self._noises_kept = [noise[str(number)].to(self.device) for number in range(self.newest)]

    def _keep_noise(self, rng: torch.Generator) -> None:
        if self.newest:
            self._noises_kept.append(self._noise(self.generator.channels, size_of(self.real), rng))

    def _noises(self, sizes: Sequence[Size], rng: torch.Generator) -> list[Tensor]:
        pairs = zip(self.amps[1:], sizes[1:], strict=True)
        return [amp * self._noise(self.generator.channels, size, rng) for amp, size in pairs]

    def _grow(self) -> None:
        self.generator.grow()

    def _error_so_far(self) -> Tensor:
        return (self.rebuild() - self.real).square().mean().sqrt()


class StackedSide(Side):
    """Pictures are handed on; scales below the newest are done and stay as they are."""

    generator: StackedGenerator

    def __init__(self, levels: Sequence[Tensor], recipe: Recipe) -> None:
        super().__init__(levels, recipe)
        train, parts = self.train, self.parts
        plain = len(levels) - parts.plain_stages
        self.generator = StackedGenerator(
            train.channels, train.blocks, parts.batch_norm, parts.widen_every, plain
        ).to(self.device)
        self._noise_kept = torch.zeros_like(levels[0])  # the coarsest scale's
        self._rebuilt = torch.zeros_like(levels[0])  # what is handed on to the newest in the rebuilding

    def imagine(self, rng: torch.Generator) -> Tensor:
        with torch.no_grad():
            below = self._handed_on(self.sizes(size_of(self.real)), 0, self.newest, rng)
        return self._draw(self.newest, below, rng)

    def retell(self, picture: Tensor, rng: torch.Generator, amp: float = 1.0) -> Tensor:
        return self._draw(self.newest, picture, rng, amp)

    def rebuild(self) -> Tensor:
        noise = torch.zeros_like(self._rebuilt) if self.newest else self._noise_kept
        return self.generator.draw(self.newest, self._rebuilt, noise)

    def sample(self, size: Size, start: int, rng: torch.Generator) -> Tensor:
        return self._handed_on(self.sizes(size), start, self.newest + 1, rng)

    def inject(self, picture: Tensor, scale: int, rng: torch.Generator, amp: float = 1.0) -> Tensor:
        """(1, 3, H, W) -> the same size, drawn anew from that scale on (Benaim et al. 2020, sec. 3.3)."""
        sizes = self.sizes(size_of(picture))
        for index in range(scale, self.newest + 1):
            picture = self._draw(index, resize(picture, sizes[index]).clamp(-1, 1), rng, amp)
        return picture

    def trained(self, count: int) -> list[list[nn.Parameter]]:
        return [list(scale.parameters()) for scale in self.generator.scales][::-1][: count or None]

    def kept(self) -> dict[str, Tensor]:
        return {"coarsest": self._noise_kept, "rebuilt": self._rebuilt}

    def _keep(self, noise: Mapping[str, Tensor]) -> None:
        self._noise_kept, self._rebuilt = (noise[name].to(self.device) for name in ("coarsest", "rebuilt"))

    def _keep_noise(self, rng: torch.Generator) -> None:
        if self.newest == 0:
            self._noise_kept = self._noise(3, size_of(self.real), rng)

    def _handed_on(self, sizes: Sequence[Size], start: int, stop: int, rng: torch.Generator) -> Tensor:
        """What the scales from `start` up to `stop` make of the own picture, or of nothing."""
        sizes = [*sizes, sizes[-1]]
        below = (
            resize(self.levels[start], sizes[start]) if start else self.levels[0].new_zeros(1, 3, *sizes[0])
        )
        for index in range(start, stop):
            drawn = self._draw(index, below, rng)
            below = resize(drawn, sizes[index + 1]).clamp(-1, 1)
        return below

    def _draw(self, index: int, below: Tensor, rng: torch.Generator, amp: float = 1.0) -> Tensor:
        noise = amp * self.amps[index] * self._noise(3, size_of(below), rng)
        return self.generator.draw(index, below, noise)

    def _grow(self) -> None:
        with torch.no_grad():
            rebuilt = self.rebuild()  # by the scale that is done now
        self._rebuilt = resize(rebuilt, size_of(self.levels[self.newest + 1])).clamp(-1, 1)
        self.generator.grow()
        self.generator.to(self.device)

    def _error_so_far(self) -> Tensor:
        return (self._rebuilt - self.real).square().mean().sqrt()


SIDES: dict[str, type[Side]] = {"features": GrownSide, "pictures": StackedSide}
"""By what stages hand on."""

"""One domain of a published method: its picture at every size, a generator that grows, a critic a stage.

Whichever way its generator hands on, a side can make a fake out of noise, translate another domain's
picture into its own, and reconstruct its own, all at the newest stage; and be sampled once it is done.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from vidgan.config import Recipe
from vidgan.gan.model import named, prefixed
from vidgan.gan.published.networks import GrownGenerator, Layers, PlainCritic, StackedGenerator, widened
from vidgan.gan.pyramid import Size, size_of
from vidgan.resample import resize


class Side(ABC):
    """levels: (1, 3, h, w) in [-1, 1], coarsest first. noise_amps: how strong each stage's noise is."""

    critic: PlainCritic
    generator: nn.Module

    def __init__(self, levels: Sequence[Tensor], recipe: Recipe) -> None:
        self.levels, self.recipe = levels, recipe
        self.train, self.parts = recipe.train, recipe.parts
        self.device = levels[0].device
        self.noise_amps: list[float] = []

    @property
    def newest(self) -> int:
        return len(self.noise_amps) - 1

    @property
    def real(self) -> Tensor:
        return self.levels[self.newest]

    def enter(self, stage: int, rng: torch.Generator) -> None:
        """Begin a stage: the generator grows, and noise is as strong as the error that is left.

        A critic that is as wide as the last one starts with its weights.
        """
        if stage:
            self._grow()
        self.noise_amps.append(0.0 if stage else 1.0)
        self._new_critic(stage)
        self._keep_noise(rng)
        if stage:
            with torch.no_grad():
                self.noise_amps[-1] = self.parts.noise_rmse * float(self._error_so_far())

    @abstractmethod
    def fake(self, rng: torch.Generator) -> Tensor:
        """A picture of this domain out of noise, at the newest stage's size."""

    @abstractmethod
    def translate(self, picture: Tensor, rng: torch.Generator, amp: float = 1.0) -> Tensor:
        """What this domain makes of another one's picture, which is of the newest stage's size."""

    @abstractmethod
    def reconstruct(self) -> Tensor:
        """Its own picture, out of what is kept for that."""

    @abstractmethod
    def sample(self, size: Size, start: int, rng: torch.Generator) -> Tensor:
        """A picture of this domain of any size; stages before `start` show its own, those after imagine."""

    @abstractmethod
    def trained_parameters(self, count: int) -> list[list[nn.Parameter]]:
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
    def _grow(self) -> None:
        """Begin a further stage, and keep what it reconstructs from."""

    @abstractmethod
    def _widen(self) -> None:
        """Give the generator one stage more."""

    @abstractmethod
    def _error_so_far(self) -> Tensor:
        """Root mean squared error of the rebuilding before the newest stage has learnt anything."""

    def tensors(self) -> dict[str, Tensor]:
        """All that tells it from another side of the same pictures."""
        return {
            **prefixed("generator", self.generator.state_dict()),
            **prefixed("kept", self.kept()),
            "noise_amps": torch.tensor(self.noise_amps, dtype=torch.float64),
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over the tensors() of a side with the same pictures and recipe."""
        self.noise_amps = tensors["noise_amps"].tolist()
        with torch.random.fork_rng(devices=[]):  # first weights are drawn, only to be replaced
            for _ in range(self.newest):
                self._widen()
            self._new_critic(self.newest)
        self.generator.to(self.device).load_state_dict(named("generator", tensors))
        self._keep(named("kept", tensors))

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
        self.critic = PlainCritic(self._critic_layers(width)).to(self.device)
        if before is not None and width == before.tail.in_channels:
            self.critic.load_state_dict(before.state_dict())

    def _layers(self) -> Layers:
        parts = self.parts
        padding = int(parts.padding == "layers")
        return Layers(self.train.channels, self.train.blocks, parts.batch_norm, parts.leak, padding)

    def _critic_layers(self, width: int) -> Layers:
        """Critics are not padded: what they judge is picture to the edge (all three codes)."""
        return replace(self._layers(), channels=width, padding=0)

    def _noise(self, channels: int, size: Size, rng: torch.Generator) -> Tensor:
        return torch.randn(1, channels, *size, generator=rng, device=rng.device).to(self.device)


class GrownSide(Side):
    """Features are handed on. It starts from a picture of the coarsest size, its own or another's."""

    generator: GrownGenerator

    def __init__(self, levels: Sequence[Tensor], recipe: Recipe) -> None:
        super().__init__(levels, recipe)
        self.generator = GrownGenerator(self._layers()).to(self.device)
        self._kept_noises: list[Tensor] = []  # from the second stage on

    def fake(self, rng: torch.Generator) -> Tensor:
        return self.sample(size_of(self.real), 0, rng)

    def translate(self, picture: Tensor, rng: torch.Generator, amp: float = 1.0) -> Tensor:
        sizes = self.sizes(size_of(picture))
        start = resize(picture, sizes[0]).clamp(-1, 1)
        return self.generator(start, [amp * noise for noise in self._noises(sizes, rng)])

    def reconstruct(self) -> Tensor:
        pairs = zip(self.noise_amps[1:], self._kept_noises, strict=True)
        return self.generator(self.levels[0], [amp * noise for amp, noise in pairs])

    def sample(self, size: Size, start: int, rng: torch.Generator) -> Tensor:
        sizes = self.sizes(size)
        first = resize(self.levels[0], sizes[0]) if start else self._noise(3, sizes[0], rng)
        noises = self._noises(sizes, rng)
        for stage in range(1, start):
            kept = resize(self._kept_noises[stage - 1], size_of(noises[stage - 1]))
            noises[stage - 1] = self.noise_amps[stage] * kept
        return self.generator(first, noises)

    def _critic_layers(self, width: int) -> Layers:
        """ConSinGAN normalises generators alone."""
        return replace(super()._critic_layers(width), batch_norm=False)

    def trained_parameters(self, count: int) -> list[list[nn.Parameter]]:
        """The head belongs to the first stage, the tail to the newest."""
        stages = [list(stage.parameters()) for stage in self.generator.stages]
        stages[0] = [*self.generator.head.parameters(), *stages[0]]
        stages[-1] = [*stages[-1], *self.generator.tail.parameters()]
        return stages[::-1][: count or None]

    def kept(self) -> dict[str, Tensor]:
        return {str(number): noise for number, noise in enumerate(self._kept_noises)}

    def _keep(self, noise: Mapping[str, Tensor]) -> None:
        self._kept_noises = [noise[str(number)].to(self.device) for number in range(self.newest)]

    def _keep_noise(self, rng: torch.Generator) -> None:
        if self.newest:
            self._kept_noises.append(self._feature_noise(size_of(self.real), rng))

    def _noises(self, sizes: Sequence[Size], rng: torch.Generator) -> list[Tensor]:
        pairs = zip(self.noise_amps[1:], sizes[1:], strict=True)
        return [amp * self._feature_noise(size, rng) for amp, size in pairs]

    def _feature_noise(self, size: Size, rng: torch.Generator) -> Tensor:
        height, width = (side + 2 * self.generator.margin for side in size)
        return self._noise(self.generator.channels, (height, width), rng)

    def _grow(self) -> None:
        self._widen()

    def _widen(self) -> None:
        self.generator.grow()

    def _error_so_far(self) -> Tensor:
        return (self.reconstruct() - self.real).square().mean().sqrt()


class StackedSide(Side):
    """Pictures are handed on; scales below the newest are done and stay as they are."""

    generator: StackedGenerator

    def __init__(self, levels: Sequence[Tensor], recipe: Recipe) -> None:
        super().__init__(levels, recipe)
        plain = len(levels) - self.parts.plain_stages
        self.generator = StackedGenerator(self._layers(), self.parts.widen_every, plain).to(self.device)
        self._noise_kept = torch.zeros_like(levels[0])  # the coarsest scale's
        self._reconstructed = torch.zeros_like(levels[0])  # what is handed on to the newest in the rebuilding

    def fake(self, rng: torch.Generator) -> Tensor:
        with torch.no_grad():
            below = self._handed_on(self.sizes(size_of(self.real)), 0, self.newest, rng)
        return self._draw(self.newest, below, rng)

    def translate(self, picture: Tensor, rng: torch.Generator, amp: float = 1.0) -> Tensor:
        """Without noise, as published; see inject."""
        return self.generator.draw(self.newest, picture, torch.zeros_like(picture))

    def reconstruct(self) -> Tensor:
        noise = torch.zeros_like(self._reconstructed) if self.newest else self._noise_kept
        return self.generator.draw(self.newest, self._reconstructed, noise)

    def sample(self, size: Size, start: int, rng: torch.Generator) -> Tensor:
        return self._handed_on(self.sizes(size), start, self.newest + 1, rng)

    def inject(self, picture: Tensor, scale: int, rng: torch.Generator, amp: float = 1.0) -> Tensor:
        """(1, 3, H, W) -> the same size, drawn anew from that scale on (Benaim et al. 2020)."""
        sizes = self.sizes(size_of(picture))
        for index in range(scale, self.newest + 1):
            picture = self._draw(index, resize(picture, sizes[index]).clamp(-1, 1), rng, amp)
        return picture

    def trained_parameters(self, count: int) -> list[list[nn.Parameter]]:
        return [list(scale.parameters()) for scale in self.generator.scales][::-1][: count or None]

    def kept(self) -> dict[str, Tensor]:
        return {"coarsest": self._noise_kept, "rebuilt": self._reconstructed}

    def _keep(self, noise: Mapping[str, Tensor]) -> None:
        self._noise_kept, self._reconstructed = (
            noise[name].to(self.device) for name in ("coarsest", "rebuilt")
        )

    def _keep_noise(self, rng: torch.Generator) -> None:
        if self.newest == 0:
            self._noise_kept = self._noise(1, size_of(self.real), rng).expand(1, 3, -1, -1).clone()

    def _handed_on(self, sizes: Sequence[Size], start: int, stop: int, rng: torch.Generator) -> Tensor:
        """What the scales from `start` up to `stop` make of nothing, or of the own reconstruction."""
        sizes = [*sizes, sizes[-1]]
        below = self.levels[0].new_zeros(1, 3, *sizes[0])
        if start:
            below = resize(self._reconstructed_at(start), sizes[start]).clamp(-1, 1)
        for index in range(start, stop):
            drawn = self._draw(index, below, rng)
            below = resize(drawn, sizes[index + 1]).clamp(-1, 1)
        return below

    def _draw(self, index: int, below: Tensor, rng: torch.Generator, amp: float = 1.0) -> Tensor:
        noise = amp * self.noise_amps[index] * self._noise(3 if index else 1, size_of(below), rng)
        return self.generator.draw(index, below, noise)

    def _reconstructed_at(self, scale: int) -> Tensor:
        """What the scales before that one make of the kept noise, at its size."""
        below = torch.zeros_like(self.levels[0])
        for index in range(scale):
            noise = torch.zeros_like(below) if index else self._noise_kept
            drawn = self.generator.draw(index, below, noise)
            below = resize(drawn, size_of(self.levels[index + 1])).clamp(-1, 1)
        return below

    def _grow(self) -> None:
        with torch.no_grad():
            drawn = self.reconstruct()  # by the scale that is done now
        self._reconstructed = resize(drawn, size_of(self.levels[self.newest + 1])).clamp(-1, 1)
        self._widen()

    def _widen(self) -> None:
        self.generator.grow()
        self.generator.to(self.device)

    def _error_so_far(self) -> Tensor:
        return (self._reconstructed - self.real).square().mean().sqrt()


SIDES: dict[str, type[Side]] = {"features": GrownSide, "pictures": StackedSide}
"""By what stages hand on."""

"""One iteration's material: windows of both pictures, translated across and back."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from vidgan.config import TrainSettings
from vidgan.gan.device import autocast, choose_precision
from vidgan.gan.domain import Domain
from vidgan.gan.generator import draw_noise
from vidgan.gan.pyramid import Ladder, blank_levels, fade_fine_levels


@dataclass
class Side:
    """One domain's half of an iteration; every picture is (1, 3, h, w) in [-1, 1].

    real: a window of the domain's picture. source: what is translated away from this domain: that
    window, or one that its generator made of noise alone. fakes: what its generator made, for its
    critic to judge; the first is the translation of the other side's source. returned: this side's
    source after both translations, where this iteration closes the cycle.
    """

    domain: Domain
    real: Tensor
    source: Tensor
    fakes: list[Tensor] = field(default_factory=list)
    returned: Tensor | None = None

    @property
    def translation(self) -> Tensor:
        return self.fakes[0]


class Player:
    """Applies generators during training, with fresh noise each time."""

    def __init__(self, settings: TrainSettings, ladder: Ladder, device: torch.device) -> None:
        self.settings, self.ladder, self.device = settings, ladder, device
        self.precision = choose_precision(settings.precision, device)
        self.rng = torch.Generator(device).manual_seed(settings.seed)
        self.strength = 0.0

    def play(self, a: Domain, b: Domain, stage: int, step: int) -> tuple[Side, Side]:
        """Cut a window of each picture, translate both across and, as often as asked, back again."""
        s = self.settings
        from_noise = s.generated_every > 0 and step % s.generated_every == s.generated_every - 1
        self.strength = self._draw_strength()
        sides = self._side(a, stage, from_noise), self._side(b, stage, from_noise)
        for here, there in (sides, sides[::-1]):
            here.fakes.insert(0, self.translate(here.domain, there.source))
        if step % s.cycle_every == 0:
            for here, there in (sides, sides[::-1]):
                here.returned = self.translate(here.domain, there.translation)
        return sides

    def translate(self, domain: Domain, source: Tensor) -> Tensor:
        """The source made into the domain's, at this iteration's strength."""
        return self.generate(domain, fade_fine_levels(self.levels(source, domain), self.strength))

    def generate(self, domain: Domain, levels: list[Tensor], silent: bool = False) -> Tensor:
        """One pass of the domain's generator, float32; silent: with zeros in place of noise."""
        sizes = [(level.shape[-2], level.shape[-1]) for level in levels]
        noises = [torch.zeros_like(x[:, :1]) for x in levels] if silent else draw_noise(sizes, self.rng)
        with autocast(self.device, self.precision):
            return domain.generator(levels, noises).float()

    def judge(self, domain: Domain, picture: Tensor) -> Tensor:
        """The domain's critic on a picture: scores (1, 1, h, w), float32."""
        with autocast(self.device, self.precision):
            return domain.critic(picture).float()

    def levels(self, picture: Tensor, domain: Domain) -> list[Tensor]:
        """The picture's pyramid, as far up as the domain's generator has grown."""
        return self.ladder.pyramid(picture, len(domain.generator.stages))

    def _side(self, domain: Domain, stage: int, from_noise: bool) -> Side:
        real = domain.window(stage, self.settings.window_px, self.rng)
        if not from_noise:
            return Side(domain, real, source=real)
        fake = self.generate(domain, blank_levels(self.levels(real, domain)))
        return Side(domain, real, source=fake, fakes=[fake])

    def _draw_strength(self) -> float:
        """Some iterations show the generators everything, the others hide fine levels, any number of them."""
        chance, how_far = torch.rand(2, generator=self.rng, device=self.device).tolist()
        return how_far if chance < self.settings.free_share else 0.0

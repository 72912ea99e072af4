"""What the networks are trained for: each term by its name, unweighted, summed over both domains."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.config import TrainSettings
from vidgan.gan import losses
from vidgan.gan.domain import Domain
from vidgan.gan.palette import PaletteMap, fit_palette_map, tones_invert
from vidgan.gan.play import Player, Side
from vidgan.gan.pyramid import blank_levels
from vidgan.resample import resize

_PATCH_SIZES = 3  # patches are compared at full, half and quarter size: from grout to the lie of the tiles
_AMPLE_PX = 40  # a window this wide holds more patches than a distribution needs: every other is taken


class Objective:
    """The losses of one run, with the palette maps that they compare with."""

    def __init__(self, settings: TrainSettings, player: Player, a: Domain, b: Domain) -> None:
        self.settings, self.player = settings, player
        coarse_a, coarse_b = a.levels[0], b.levels[0]
        invert = tones_invert(coarse_a, coarse_b)
        to_a = fit_palette_map(coarse_b, coarse_a, invert, player.rng)
        to_b = fit_palette_map(coarse_a, coarse_b, invert, player.rng)
        self.palettes = {id(a): to_a, id(b): to_b}

    def critic_loss(self, sides: Iterable[Side]) -> Tensor:
        """Both critics' hinge losses over everything that the generators made."""
        return _total(
            losses.hinge_critic(
                self.player.judge(side.domain, side.real), self.player.judge(side.domain, fake.detach())
            )
            for side in sides
            for fake in side.fakes
        )

    def generator_losses(self, sides: tuple[Side, Side], stage: int, step: int) -> dict[str, Tensor]:
        """The terms that this iteration has; weights are the recipe's (TrainSettings.weights)."""
        terms = {
            "adversarial": _total(self._adversarial(side) for side in sides),
            "patch": _total(self._patch(side, stage) for side in sides),
            "palette": _total(self._palette(here, there.source) for here, there in (sides, sides[::-1])),
        }
        if all(side.returned is not None for side in sides):
            terms["cycle"] = _total(self._cycle(side) for side in sides)
        if step % self.settings.reconstruct_every == 0:
            terms["reconstruction"] = _total(self._reconstruction(side.domain, stage) for side in sides)
        return terms

    def _adversarial(self, side: Side) -> Tensor:
        side.domain.critic.requires_grad_(False)
        loss = _total(losses.hinge_generator(self.player.judge(side.domain, fake)) for fake in side.fakes)
        side.domain.critic.requires_grad_(True)
        return loss

    def _patch(self, side: Side, stage: int) -> Tensor:
        s, rng = self.settings, self.player.rng
        axes = losses.patch_projections(s.projections, side.domain.patch_shaping(stage, s), rng)
        reals = (side.domain.window_like(x, stage, s.window_px, rng, s.window_tries) for x in side.fakes)
        return _total(self._patch_at_sizes(x, real, axes) for x, real in zip(side.fakes, reals, strict=True))

    def _patch_at_sizes(self, fake: Tensor, real: Tensor, projections: Tensor) -> Tensor:
        terms = []
        for _ in range(_PATCH_SIZES):
            if min(*fake.shape[-2:], *real.shape[-2:]) >= self.settings.patch_px:
                terms.append(self._patch_once(fake, real, projections))
            fake, real = F.avg_pool2d(fake, 2, ceil_mode=True), F.avg_pool2d(real, 2, ceil_mode=True)
        return torch.stack(terms).mean()

    def _patch_once(self, fake: Tensor, real: Tensor, projections: Tensor) -> Tensor:
        rng = self.player.rng
        stride = 2 if min(*fake.shape[-2:], *real.shape[-2:]) > _AMPLE_PX else 1
        offset = torch.randint(0, stride, (2,), generator=rng, device=rng.device).tolist()
        return losses.patch_distribution(fake, real, projections, offset, stride)

    def _palette(self, here: Side, source: Tensor) -> Tensor:
        """Compared at the coarsest level's size, where there are colours but no texture."""
        palette: PaletteMap = self.palettes[id(here.domain)]
        coarse = self.player.levels(source, here.domain)[0].detach()
        return losses.palette(_resized_like(here.translation, coarse), palette(coarse))

    def _cycle(self, side: Side) -> Tensor:
        """What strength hid from the generators cannot come back: compare at the finest level shown."""
        assert side.returned is not None
        pyramid = self.player.levels(side.source, side.domain)
        source = pyramid[int((len(pyramid) - 1) * (1 - self.player.strength))]
        return losses.cycle(source, _resized_like(side.returned, source))

    def _reconstruction(self, domain: Domain, stage: int) -> Tensor:
        """Rebuild a window of the domain's own picture from some of its coarse levels, without noise."""
        rng = self.player.rng
        levels = self.player.levels(domain.window(stage, self.settings.window_px, rng), domain)
        keep = int(torch.randint(1, max(2, len(levels)), (1,), generator=rng, device=rng.device))
        rebuilt = self.player.generate(domain, blank_levels(levels, keep), silent=True)
        return losses.reconstruction(levels[-1], rebuilt)


def _total(terms: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(terms)).sum()


def _resized_like(picture: Tensor, other: Tensor) -> Tensor:
    return resize(picture, (other.shape[-2], other.shape[-1]))

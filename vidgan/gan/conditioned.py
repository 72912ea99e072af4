"""Our model: two ways across, each generator told the source at every stage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.config import Recipe, TrainSettings, TranslateSettings
from vidgan.errors import UsageError
from vidgan.gan.crossing import Crossing
from vidgan.gan.device import autocast, choose_precision
from vidgan.gan.model import LEARNT_A_PAIR, Model, Motion, Sampler, named, prefixed
from vidgan.gan.noise import Origin, between_pixels, draw_noise, moved_noise
from vidgan.gan.pyramid import Ladder, shown_levels, size_of
from vidgan.gan.tones import match_tones
from vidgan.resample import resize

# Convolutions see zeros beyond a picture's edge and draw a line along it: the edge is moved out of sight.
_MARGIN_PX = 16


@dataclass(frozen=True)
class Conditioned(Model):
    """to_b: from the clip's domain to the target's; to_a: back; the ladder that both climb."""

    to_b: Crossing
    to_a: Crossing
    ladder: Ladder

    @property
    def stages(self) -> int:
        return self.ladder.stages

    @property
    def grown(self) -> int:
        return len(self.to_b.generator.stages)

    def translation(
        self, recipe: Recipe, settings: TranslateSettings, device: torch.device, motion: Motion
    ) -> "Translator":
        crossing = self.to_a if settings.reverse else self.to_b
        return Translator(crossing.to(device), self.ladder, settings, recipe.train, device)

    def sampler(self, device: torch.device) -> Sampler:
        raise UsageError(LEARNT_A_PAIR)

    def tensors(self) -> dict[str, Tensor]:
        return prefixed("to_b", self.to_b.tensors()) | prefixed("to_a", self.to_a.tensors())

    def facts(self) -> dict[str, Any]:
        return {"stages": self.stages, "factor": self.ladder.factor, "grown": self.grown}

    @classmethod
    def rebuilt(
        cls, recipe: Recipe, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]
    ) -> "Conditioned":
        to_b, to_a = (
            Crossing.rebuilt(recipe.train, facts["grown"], named(way, tensors)) for way in ("to_b", "to_a")
        )
        return cls(to_b, to_a, Ladder(facts["stages"], facts["factor"]))


class Translator:
    """Takes frames across one by one, with the same noise at every frame, moved with what it lies on.

    A generator that is still in training has fewer stages than the ladder: what it makes at the size that
    it has reached is enlarged to the frame's.

    Noise belongs to a frame size, is drawn on the CPU and then moved: every device sees the same.
    """

    def __init__(
        self,
        crossing: Crossing,
        ladder: Ladder,
        settings: TranslateSettings,
        trained: TrainSettings,
        device: torch.device,
    ) -> None:
        self.crossing, self.ladder, self.settings, self.device = crossing, ladder, settings, device
        self.precision, self.softness = choose_precision(trained.precision, device), trained.noise_softness
        self._noises: list[Tensor] = []
        self._fields: list[Tensor] = []  # the same, to be taken from between pixels

    @property
    def anchor_every(self) -> int:
        """0 where there is no noise to be moved."""
        return self.settings.anchor_every if self.settings.noise_amp else 0

    def __call__(self, frame: Tensor, number: int | None = None) -> Tensor:
        """frame: (1, 3, H, W) in [-1, 1] -> the same shape and range, float32, in the look."""
        return self.across(frame)

    @torch.inference_mode()
    def across(self, frame: Tensor, origins: Sequence[Origin] = ()) -> Tensor:
        """The same, with the noise of these origins; with noise at rest where there are none."""
        height, width = frame.shape[-2:]
        margin = min(_MARGIN_PX, height - 1, width - 1)
        exposed = match_tones(frame.to(self.device), self.crossing.tones, self.settings.match_tones)
        framed = F.pad(exposed, [margin] * 4, mode="reflect")
        result = resize(self._translate(framed, origins, margin), size_of(framed)).clamp(-1, 1)
        return result[..., margin : margin + height, margin : margin + width].contiguous()

    def _translate(self, frame: Tensor, origins: Sequence[Origin], margin: int) -> Tensor:
        crossing, strength = self.crossing, self.settings.strength
        stages = len(crossing.generator.stages)
        told = crossing.palette(frame)
        if crossing.redrawer is not None:
            told = crossing.redrawer.redraw(told, self.ladder, strength)
        levels = self.ladder.pyramid(told)[:stages]
        shown = shown_levels(stages, strength)
        noises = self._noise_for(levels)
        if origins:
            noises = moved_noise(self._fields, origins, margin, self.softness)
        noises = [self.settings.noise_amp * noise for noise in noises]
        with autocast(self.device, self.precision):
            return crossing.generator(levels, shown, noises)

    def _noise_for(self, levels: list[Tensor]) -> list[Tensor]:
        if not self._noises or self._noises[-1].shape[-2:] != levels[-1].shape[-2:]:
            rng = torch.Generator().manual_seed(self.settings.noise_seed)
            noises = draw_noise([size_of(level) for level in levels], rng, self.softness)
            self._noises = [noise.to(self.device) for noise in noises]
            self._fields = [between_pixels(noise).to(self.device) for noise in noises]
        return self._noises

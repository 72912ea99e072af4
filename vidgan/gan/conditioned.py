"""Our model: two ways across, each generator told the source at every stage."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.config import Recipe, TrainSettings, TranslateSettings
from vidgan.errors import UsageError
from vidgan.gan.crossing import Crossing
from vidgan.gan.device import uploaded
from vidgan.gan.engine import Engine
from vidgan.gan.model import LEARNT_A_PAIR, Model, Motion, Sampler, named, prefixed
from vidgan.gan.noise import Origin, between_pixels, draw_noise, moved_noise
from vidgan.gan.pyramid import Ladder, blended, faded, shown_levels, size_of
from vidgan.gan.tones import match_tones
from vidgan.resample import resize

# Convolutions see zeros beyond a picture's edge and draw a line along it: the edge is moved out of sight.
_MARGIN_PX = 16
_BATCH = 4  # frames at a time on a GPU


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
        self,
        recipe: Recipe,
        settings: TranslateSettings,
        device: torch.device,
        motion: Motion,
        engine: str = "torch",
    ) -> "Translator":
        crossing = self.to_a if settings.reverse else self.to_b
        return Translator(crossing.to(device), self.ladder, settings, recipe.train, device, engine)

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

    batch: how many frames are best taken at a time. tile_px: side of the tiles that frames are drawn in; 0:
    in one piece, unless they are large. Whoever finds memory short lowers them.
    """

    def __init__(
        self,
        crossing: Crossing,
        ladder: Ladder,
        settings: TranslateSettings,
        trained: TrainSettings,
        device: torch.device,
        engine: str = "torch",
    ) -> None:
        self.crossing, self.ladder, self.settings, self.device = crossing, ladder, settings, device
        self.engine = Engine(crossing.generator, engine, trained.precision, device)
        self.softness = trained.noise_softness
        self.batch, self.tile_px = _BATCH if device.type == "cuda" else 1, 0
        self._drawing = threading.Lock()
        self._noises: list[Tensor] = []
        self._fields: list[Tensor] = []  # the same, to be taken from between pixels

    @property
    def anchor_every(self) -> int:
        """0 where there is no noise to be moved."""
        return self.settings.anchor_every if self.settings.noise_amp else 0

    def __call__(self, frame: Tensor, number: int | None = None) -> Tensor:
        """frame: (1, 3, H, W) in [-1, 1] -> the same shape and range, float32, in the look."""
        return self.across(frame)

    def across(self, frame: Tensor, origins: Sequence[Origin] = ()) -> Tensor:
        """The same, with the noise of these origins; with noise at rest where there are none."""
        return self.across_together([frame], [origins])

    @torch.inference_mode()
    def across_together(self, frames: Sequence[Tensor], origins: Sequence[Sequence[Origin]]) -> Tensor:
        """Frames of one size, (1, 3, H, W) each with its origins, to (B, 3, H, W).

        What each is told is made one by one, and drawn together. On a CPU with the bits of each alone; a GPU
        may choose other kernels for another batch, and round otherwise.
        """
        height, width = size_of(frames[0])
        margin = min(_MARGIN_PX, height - 1, width - 1)
        framed = [F.pad(self._exposed(frame), [margin] * 4, mode="reflect") for frame in frames]
        each = [self._levels(frame) for frame in framed]
        noises = [self._noises_of(levels, o, margin) for levels, o in zip(each, origins, strict=True)]
        drawn = self._drawn([torch.cat(x) for x in zip(*each, strict=True)], noises)
        result = resize(drawn, size_of(framed[0])).clamp(-1, 1)
        return result[..., margin : margin + height, margin : margin + width].contiguous()

    def _exposed(self, frame: Tensor) -> Tensor:
        frame = uploaded(frame, self.device)
        return match_tones(frame, self.crossing.tones, self.settings.match_tones)

    def _levels(self, frame: Tensor) -> list[Tensor]:
        """The pyramid of what the generator is told of a frame, as far as it has grown."""
        told = self.crossing.palette(frame)
        if self.crossing.redrawer is not None:
            told = self.crossing.redrawer.redraw(told, self.ladder, self.settings.strength)
        return self.ladder.pyramid(told)[: len(self.crossing.generator.stages)]

    def _drawn(self, levels: Sequence[Tensor], noises: Sequence[Sequence[Tensor]]) -> Tensor:
        """levels: (B, 3, h, w) each; noises: of each frame, a (1, 1, h, w) for every level."""
        shown = shown_levels(len(levels), self.settings.strength)
        together = [self.settings.noise_amp * torch.cat(noise) for noise in zip(*noises, strict=True)]
        return self.engine.draw(faded(levels, shown), together, self.tile_px) + blended(levels, shown)

    def _noises_of(self, levels: list[Tensor], origins: Sequence[Origin], margin: int) -> list[Tensor]:
        at_rest = self._noise_for(levels)
        return moved_noise(self._fields, origins, margin, self.softness) if origins else at_rest

    def _noise_for(self, levels: list[Tensor]) -> list[Tensor]:
        with self._drawing:
            self._draw_noise(levels)
            return self._noises

    def _draw_noise(self, levels: list[Tensor]) -> None:
        if not self._noises or self._noises[-1].shape[-2:] != levels[-1].shape[-2:]:
            rng = torch.Generator().manual_seed(self.settings.noise_seed)
            noises = draw_noise([size_of(level) for level in levels], rng, self.softness)
            self._noises = [noise.to(self.device) for noise in noises]
            self._fields = [between_pixels(noise).to(self.device) for noise in noises]

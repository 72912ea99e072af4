"""One way across, as training leaves it."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from vidgan.config import TrainSettings
from vidgan.gan.generator import Generator
from vidgan.gan.model import named, prefixed
from vidgan.gan.palette import PaletteMap
from vidgan.gan.redraw import Redrawer


@dataclass(frozen=True)
class Crossing:
    """What a frame of one domain meets on its way to the other, in that order.

    tones: of the source's half of the pair (tone_quantiles), which the frame's are matched to. palette:
    takes its colours to the target's. redrawer: redraws its layout, where training had one. generator:
    draws the target's domain, told what that has made of the frame.
    """

    tones: Tensor
    palette: PaletteMap
    redrawer: Redrawer | None
    generator: Generator

    def to(self, device: torch.device) -> "Crossing":
        for network in (self.redrawer, self.generator):
            if network is not None:
                network.to(device).to(memory_format=torch.channels_last)
        return Crossing(self.tones, self.palette.to(device), self.redrawer, self.generator)

    def tensors(self) -> dict[str, Tensor]:
        return {
            "tones": self.tones,
            **prefixed("palette", {"source": self.palette.source, "mapped": self.palette.mapped}),
            **prefixed("redrawer", {} if self.redrawer is None else self.redrawer.state_dict()),
            **prefixed("generator", self.generator.state_dict()),
        }

    @classmethod
    def rebuilt(cls, settings: TrainSettings, stages: int, tensors: Mapping[str, Tensor]) -> "Crossing":
        with torch.random.fork_rng(devices=[]):  # first weights are drawn, only to be replaced
            generator = Generator(settings.channels, settings.blocks, stages)
            redrawer = Redrawer() if named("redrawer", tensors) else None
        generator.load_state_dict(named("generator", tensors))
        if redrawer is not None:
            redrawer.load_state_dict(named("redrawer", tensors))
        palette = PaletteMap(tensors["palette.source"], tensors["palette.mapped"])
        return cls(tensors["tones"], palette, redrawer, generator)

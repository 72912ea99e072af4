"""One way across, as training leaves it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vidgan.gan.generator import Generator
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

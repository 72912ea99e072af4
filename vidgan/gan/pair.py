"""What is trained on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vidgan.gan.neighbour import NextFrame
from vidgan.gan.tones import match_tones, tone_quantiles


@dataclass(frozen=True)
class Pair:
    """A frame and its target, in [-1, 1] on one device, of any two sizes; the target is at its texture scale.

    a: (N, 3, H, W), the clip's frames, its half of the pair first. b: (1, 3, H, W), the target.
    held_out: (1, 3, H, W) each, frames that training only measures itself by; the pair's own where empty.
    beside: the frame next to the pair's own, where steadiness is trained.
    """

    a: Tensor
    b: Tensor
    held_out: Sequence[Tensor] = ()
    beside: NextFrame | None = None

    @property
    def pictures(self) -> list[Tensor]:
        """All of them, (3, H, W) each."""
        beside = [] if self.beside is None else [*self.beside.picture]
        return [*self.a, *self.b, *(frame for frames in self.held_out for frame in frames), *beside]

    def in_its_tones(self) -> "Pair":
        """The clip's other frames in the tones of the pair's, as rendering shows them by default."""
        tones = tone_quantiles(self.a[:1])
        others = [match_tones(frame[None], tones, 1.0) for frame in self.a[1:]]
        held_out = [match_tones(frame.to(self.a.device), tones, 1.0) for frame in self.held_out]
        beside = self.beside
        if beside is not None:
            beside = replace(beside, picture=match_tones(beside.picture, tones, 1.0))
        return Pair(torch.cat([self.a[:1], *others]), self.b, held_out, beside)

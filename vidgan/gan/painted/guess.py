"""What is known of a frame's look without any learning, and what the network is told of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.gan.model import Motion
from vidgan.gan.painted.anchor import Anchor, shares
from vidgan.gan.painted.borrowed import borrowed, texture
from vidgan.gan.painted.cues import CUES, cues
from vidgan.gan.painted.guide import Guidance, guidance
from vidgan.gan.pyramid import size_of
from vidgan.resample import to_field, to_pixels

_RELUCTANCE = 2.0  # an eighth of the borrowed strokes, before anything is learnt
TRUST, STROKES = 9, 10
"""The numbers of those planes: before them the frame, its mapped colours, what is carried; last, cues."""


@dataclass(frozen=True)
class Guess:
    """picture: (B, 3, H, W), the frame's colours as the look has them, and what is carried from keyframes.

    told: (B, inputs_for(K), H, W), all that it is made of, for the network.
    """

    picture: Tensor
    told: Tensor

    def foretold(self, added: Tensor) -> Tensor:
        """With the colours that the network adds, the first three of (B, 4, H, W)."""
        return self.picture + added[:, :3]

    def lent(self, added: Tensor) -> Tensor:
        """What is borrowed where nothing is carried, as much as the last of (B, 4, H, W) asks for."""
        trust = self.told[:, TRUST : TRUST + 1]
        missing = (1 - trust.square()).clamp_min(0).sqrt()  # their squares add up to 1, as energies do
        asked = F.softplus(added[:, 3:] - _RELUCTANCE) * missing
        return asked * self.told[:, STROKES : STROKES + 3]


def inputs_for(keyframes: int) -> int:
    """How many planes the network is told; several keyframes tell it which of them counts."""
    return STROKES + 3 + (keyframes if keyframes > 1 else 0) + CUES


def make_guess(
    frame: Tensor,
    mapped: Tensor,
    carried: Tensor,
    trust: Tensor,
    strokes: Tensor,
    seen: Tensor,
    counts: Tensor,
) -> Guess:
    """frame, mapped: (B, 3, H, W). carried, trust: as in Guidance. strokes: borrowed from elsewhere.

    seen: the frame's cues. counts: (B, K), how much each keyframe counts.
    """
    planes = [frame, mapped, carried * trust, trust, strokes]
    if counts.shape[1] > 1:
        planes.append(counts[:, :, None, None].expand(-1, -1, *frame.shape[-2:]).to(frame))
    planes.append(seen)
    return Guess(torch.lerp(mapped, carried, trust), torch.cat(planes, 1))


class Guesser:
    """Guesses for frames of one size, on the keyframes' device."""

    def __init__(
        self, anchors: Sequence[Anchor], likeness: float, motion: Motion, cuts: Sequence[int] = ()
    ) -> None:
        self.anchors, self.likeness, self.motion, self.cuts = anchors, likeness, motion, cuts
        self.numbers = [anchor.number for anchor in anchors]
        self.pixels = [to_pixels(anchor.frame) for anchor in anchors]
        self.worth = [anchor.worth for anchor in anchors]
        self.strokes = [anchor.strokes for anchor in anchors]

    def __call__(self, frame: Tensor, number: int | None) -> Guess:
        """frame: (1, 3, H, W) in [-1, 1], of the keyframes' size."""
        counts = shares(self.numbers, number, self.cuts)
        mapped = torch.stack([c * a.table(frame) for c, a in zip(counts, self.anchors, strict=True) if c])
        guides = {k: self._guide(frame, k) for k, c in enumerate(counts) if c}
        guide = self._joined([(counts[k], guide) for k, guide in guides.items()])
        nearest = max(guides, key=lambda k: counts[k])
        mapped = mapped.sum(0)
        strokes = borrowed(frame, self.anchors[nearest], self.strokes[nearest], guides[nearest].whole)
        lent = texture(frame, mapped, strokes)
        counted = torch.tensor([counts])
        return make_guess(frame, mapped, guide.carried, guide.trust, lent, cues(frame), counted)

    def _guide(self, frame: Tensor, index: int) -> Guidance:
        anchor, pixels, key = self.anchors[index], to_pixels(frame), self.pixels[index]
        assert size_of(frame) == size_of(anchor.frame)
        there, back = self.motion(pixels, key), self.motion(key, pixels)
        fields = (to_field(flow, frame.device) for flow in (there, back))
        return guidance(frame, anchor.frame, anchor.painting, self.worth[index], *fields)

    def _joined(self, guides: Sequence[tuple[float, Guidance]]) -> Guidance:
        """Where looks agree, the surest counts; where they do not, each as much as its place in time says."""
        if len(guides) == 1:
            return guides[0][1]
        weighed = torch.stack([count * guide.trust for count, guide in guides])
        carried = torch.stack([guide.carried for _, guide in guides])
        surest = torch.stack([guide.trust for _, guide in guides]).amax(0)
        total = weighed.sum(0)
        mean = (weighed * carried).sum(0) / total.clamp_min(1e-6)
        return Guidance(mean, torch.lerp(total, surest, self.likeness), guides[0][1].whole)

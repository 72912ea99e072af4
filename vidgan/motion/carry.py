"""Where things were: each pixel followed back to an anchor frame, for noise that moves with what it lies on.

Noise that stands still on the screen makes texture swim over moving things (the "shower door"; Bénard et
al. 2011). Anchors stand every so many frames of a shot, counted from its first, so any range of a
clip finds the same ones; what was carried from the last but one gives way to what was carried from the last.
"""

import math
from collections.abc import Collection, Generator, Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.motion.step import Step, Stepped
from vidgan.resample import surroundings, warp

# Noise that is stretched or squeezed by more draws rings and streaks: it begins anew. Measured over a few
# pixels, and not where two things part or what has come into sight begins: there it is torn, not stretched.
_MOST_STRAIN, _STRAIN_REACH, _TORN = 0.5, 2, 1.0


@dataclass(frozen=True)
class Origin:
    """One anchor and the way back to it.

    share: how much it counts; the squares of a frame's shares sum to 1. offset: (1, 2, H, W) float32 in
    pixels, channel 0 along x: what the frame shows at p stood at p + offset(p); 0 for what came into sight
    since.
    """

    share: float
    offset: Tensor


def first_needed(index: int, cuts: Collection[int], every: int) -> int:
    """The frame from which motion has to be followed to know the origins of frame `index`."""
    anchor = _anchor(index, cuts, every)
    return max(shot_start(index, cuts), anchor - every)


@torch.no_grad()
def origins(
    stepped: Iterable[Stepped], cuts: Collection[int], every: int
) -> Generator[tuple[Stepped, tuple[Origin, ...]]]:
    """Consecutive frames, the first one a first_needed, each with its origins: one, or two that cross-fade.

    cuts: indices of frames that begin a shot. every: frames from anchor to anchor.
    """
    offsets: dict[int, Tensor] = {}
    for frame, step in stepped:
        anchor = _anchor(frame.index, cuts, every)
        kept = {a: offset for a, offset in offsets.items() if a >= anchor - every}
        offsets = {} if step is None else {a: _followed(offset, step) for a, offset in kept.items()}
        if frame.index == anchor:
            offsets[anchor] = torch.zeros(1, 2, *frame.pixels.shape[:2])
        yield Stepped(frame, step), _shared(offsets, (frame.index - anchor) / every)


def _shared(offsets: dict[int, Tensor], progress: float) -> tuple[Origin, ...]:
    """progress: from the newest anchor to the next, 0..1."""
    if len(offsets) == 1:
        return tuple(Origin(1.0, offset) for offset in offsets.values())
    older, newer = (offsets[anchor] for anchor in sorted(offsets))
    turn = progress * math.pi / 2
    fading = Origin(math.cos(turn), older)
    return (fading, Origin(math.sin(turn), newer)) if progress else (fading,)


def _followed(offset: Tensor, step: Step) -> Tensor:
    """One frame further from the anchor."""
    further = step.back + warp(offset, step.back)
    follows = step.seen_before & (_strain(further) < _MOST_STRAIN)
    return torch.where(follows, further, 0.0)  # an estimator may say nan: no product would lose it


def _strain(offset: Tensor) -> Tensor:
    """How far a neighbourhood is stretched or squeezed, however it turns: (1, 2, H, W) -> (1, 1, H, W)."""
    padded = F.pad(offset, [1] * 4, mode="replicate")
    along_x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    along_y = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    sheared = (along_x[:, 1] + along_y[:, 0]) / 2
    strains = torch.stack([along_x[:, 0], along_y[:, 1], sheared], 1)
    torn = strains.abs().amax(1, keepdim=True) > _TORN
    return surroundings(strains * ~torn, _STRAIN_REACH).abs().amax(1, keepdim=True)


def _anchor(index: int, cuts: Collection[int], every: int) -> int:
    start = shot_start(index, cuts)
    return start + (index - start) // every * every


def shot_start(index: int, cuts: Collection[int]) -> int:
    """The first frame of the shot that frame `index` belongs to. cuts: frames that begin a shot."""
    return max((cut for cut in cuts if cut <= index), default=0)

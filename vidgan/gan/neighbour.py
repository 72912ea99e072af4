"""A frame and the next one: what a look that does not flicker shows of the one it shows of the other.

Next frames of a clip may hardly move, and a picture has none: so every window of the next one is shifted as
well, by some pixels and a fraction. Else nothing would teach a generator that texture may stand anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.gan.pyramid import Ladder, size_of
from vidgan.resample import resize, warp

_SHIFT_PX = 4.0  # either way: half a pixel of a level three octaves coarser, where texture sticks most
_EDGE_PX = 8  # so near to a window's edge the two see something else


@dataclass(frozen=True)
class NextFrame:
    """picture: (1, 3, H, W) in [-1, 1]. flow: (1, 2, H, W) in pixels, from the frame to it. seen:
    (1, 1, H, W), 1 where the frame is in sight there, else 0.
    """

    picture: Tensor
    flow: Tensor
    seen: Tensor

    @classmethod
    def at_rest(cls, frame: Tensor) -> "NextFrame":
        """A picture beside itself."""
        return cls(frame, torch.zeros_like(frame[:, :2]), torch.ones_like(frame[:, :1]))


@dataclass(frozen=True)
class Glimpse:
    """Windows of a frame and of the next, (1, 3, h, w), with the flow between them and where it counts."""

    here: Tensor
    there: Tensor
    flow: Tensor
    counts: Tensor


class Neighbours:
    """A domain's own picture and the next one, at every size."""

    def __init__(self, frame: Tensor, beside: NextFrame, ladder: Ladder) -> None:
        self.levels = ladder.pyramid(frame)
        self._next = [_shrunk(beside, level) for level in self.levels]

    def glimpse(self, stage: int, side_px: int, rng: torch.Generator) -> Glimpse:
        """The same window of both, the next one's shifted at random."""
        level, beside = self.levels[stage], self._next[stage]
        top, left, h, w = _place(level, side_px, rng)
        rows, columns = slice(top, top + h), slice(left, left + w)
        shift = _SHIFT_PX * (2 * torch.rand(1, 2, 1, 1, generator=rng, device=rng.device) - 1)
        there = _shifted(beside.picture, (top, left, h, w), shift)
        flow = beside.flow[..., rows, columns] - shift
        return Glimpse(
            level[..., rows, columns], there, flow, beside.seen[..., rows, columns] * _within(flow)
        )


def _place(level: Tensor, side_px: int, rng: torch.Generator) -> Sequence[int]:
    height, width = size_of(level)
    h, w = min(height, side_px), min(width, side_px)
    chance = torch.rand(2, generator=rng, device=rng.device).tolist()
    return int(chance[0] * (height - h + 1)), int(chance[1] * (width - w + 1)), h, w


def _shifted(picture: Tensor, place: Sequence[int], shift: Tensor) -> Tensor:
    """The window that begins so many pixels further, fractions of a pixel too: (1, 3, h, w)."""
    top, left, h, w = place
    reach = int(_SHIFT_PX) + 2
    rows, columns = (
        torch.arange(start - reach, start + side + reach, device=picture.device).clamp(0, whole - 1)
        for start, side, whole in ((top, h, picture.shape[-2]), (left, w, picture.shape[-1]))
    )
    around = picture[..., rows, :][..., columns]
    moved = warp(around, shift.expand(1, 2, *size_of(around)), sharp=True)
    return moved[..., reach:-reach, reach:-reach].clamp(-1, 1)


def _within(flow: Tensor) -> Tensor:
    """(1, 1, h, w): 1 where the flow begins and ends well inside the window."""
    height, width = size_of(flow)
    columns = torch.arange(width, device=flow.device)
    rows = torch.arange(height, device=flow.device)[:, None]
    inside = torch.ones_like(flow[:, :1])
    for place, side in ((columns, width), (rows, height)):
        inside = inside * ((place >= _EDGE_PX) & (place < side - _EDGE_PX))
    for place, moved, side in ((columns, flow[:, :1], width), (rows, flow[:, 1:], height)):
        inside = inside * ((place + moved >= _EDGE_PX) & (place + moved <= side - 1 - _EDGE_PX))
    return inside


def _shrunk(beside: NextFrame, level: Tensor) -> NextFrame:
    size, full = size_of(level), size_of(beside.picture)
    if size == full:
        return beside
    scale = torch.tensor([size[1] / full[1], size[0] / full[0]], device=level.device)[:, None, None]
    flow = F.interpolate(beside.flow, size, mode="bilinear", align_corners=False, antialias=True) * scale
    seen = F.interpolate(beside.seen, size, mode="bilinear", align_corners=False, antialias=True)
    return NextFrame(resize(beside.picture, size).clamp(-1, 1), flow, (seen > 0.99).float())

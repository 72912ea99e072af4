"""Texture where nothing can be carried: strokes from elsewhere in the keyframe, or a frame's own.

Strokes are chosen among a few displacements of the whole picture, cell by cell, where the keyframe is of the
same colours, and move with the picture. Where they would not, over things that move otherwise, a frame has
detail of its own as a rule, which moves as it does.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.gan.painted.anchor import Anchor
from vidgan.gan.painted.guide import evenness
from vidgan.gan.pyramid import size_of
from vidgan.resample import surroundings, warp

_CELL = 8  # pixels to a side
# Displacements are eighths of the width, so many to each side, and of the height.
_ACROSS, _FAR, _DOWN = 8, 3, 1
_STEADY = 3  # cells to each side that choose together
_STAY = 0.1  # how much less alike a place itself may be, and still lend its strokes: choices change less
_OWN_REACH = 1
_NOTHING = 4.0  # cost of a place that has no strokes to lend: more than any colours differ


def borrowed(
    frame: Tensor, anchor: Anchor, strokes: Tensor, whole: Tensor, elsewhere: bool = False
) -> Tensor:
    """(1, 3, H, W): strokes for every place of a frame, (1, 3, H, W) in [-1, 1].

    strokes: Anchor.strokes. whole: (1, 2, H, W), the motion of the whole picture from the frame to the
    keyframe, in pixels. elsewhere: none of them from the place itself.
    """
    height, width = size_of(frame)
    moves = _moves(height, width).to(frame)
    costs = _costs(frame, anchor, whole, moves)
    if elsewhere:
        costs[(moves == 0).all(1)] = 2 * _NOTHING
    else:
        costs[(moves == 0).all(1)] -= _STAY
    chosen = moves[surroundings(costs, _STEADY).argmin(0)[0]].permute(2, 0, 1)[None]  # (1, 2, cells)
    chosen = chosen.repeat_interleave(_CELL, 2).repeat_interleave(_CELL, 3)[..., :height, :width]
    return warp(strokes, whole + chosen)


def texture(frame: Tensor, mapped: Tensor, strokes: Tensor) -> Tensor:
    """(1, 3, H, W): where a frame is even, strokes; elsewhere its own detail, which is steady.

    mapped: the frame with its colours changed. strokes: borrowed.
    """
    own = mapped - surroundings(mapped, _OWN_REACH)
    return torch.lerp(own, strokes, evenness(frame))


def _moves(height: int, width: int) -> Tensor:
    """(N, 2) in pixels, in whole cells."""
    return torch.tensor(
        [
            (_CELL * round(x * width / _ACROSS / _CELL), _CELL * round(y * height / _ACROSS / _CELL))
            for y in range(-_DOWN, _DOWN + 1)
            for x in range(-_FAR, _FAR + 1)
        ]
    )


def _costs(frame: Tensor, anchor: Anchor, whole: Tensor, moves: Tensor) -> Tensor:
    """(N, 1, cells): how much the colours differ."""
    ours, theirs, lent = (_in_cells(x) for x in (frame, anchor.frame, anchor.mask))
    ways = (_in_cells(whole) + moves[:, :, None, None]) / _CELL
    count = len(moves)
    seen = warp(torch.cat([theirs, lent], 1).expand(count, -1, -1, -1), ways)
    cost = (ours - seen[:, :3]).abs().mean(1, keepdim=True)
    rows, columns = size_of(ours)
    x = ways[:, :1] + torch.arange(columns, device=ways.device)
    y = ways[:, 1:] + torch.arange(rows, device=ways.device)[:, None]
    inside = (x >= 0) & (x <= columns - 1) & (y >= 0) & (y <= rows - 1)
    return torch.lerp(torch.full_like(cost, _NOTHING), cost, seen[:, 3:] * inside)


def _in_cells(x: Tensor) -> Tensor:
    bottom, right = (-side % _CELL for side in size_of(x))
    return F.avg_pool2d(F.pad(x, (0, right, 0, bottom), mode="replicate"), _CELL)

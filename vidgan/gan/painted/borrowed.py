"""Strokes from elsewhere in the keyframe, for places to which nothing can be carried: they are still strokes.

Chosen among a few displacements of the whole picture, cell by cell, where the keyframe is of the same
colours; they move with the picture, so they do not swim.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.gan.painted.anchor import Anchor
from vidgan.gan.pyramid import size_of
from vidgan.resample import surroundings, warp

_CELL = 8  # pixels to a side
_ACROSS, _FAR, _DOWN = (
    8,
    3,
    1,
)  # displacements are eighths of the width, so many to each side, and of the height
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
    chosen = moves[surroundings(costs, 1).argmin(0)[0]].permute(2, 0, 1)[None]  # (1, 2, cells)
    chosen = chosen.repeat_interleave(_CELL, 2).repeat_interleave(_CELL, 3)[..., :height, :width]
    return warp(strokes, whole + chosen)


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

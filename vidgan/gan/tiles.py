"""Large pictures tile by tile: full-size features are never held for more than a tile."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from vidgan.gan.pyramid import Size

Finest = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""A level (B, 3, h, w), its noise (B, 1, h, w) and the features below it, (B, C, h, w), to (B, 3, h, w)."""


class Tile(NamedTuple):
    """window: rows and columns looked at; place: those that are kept; inner: where they lie in the window."""

    window: tuple[slice, slice]
    place: tuple[slice, slice]
    inner: tuple[slice, slice]


def drawn_in_tiles(
    finest: Finest, level: Tensor, noise: Tensor, below: Tensor | None, tile_px: int, reach: int
) -> Tensor:
    """What `finest` makes of the whole level, (B, 3, H, W) float32, from tile to tile.

    below: (B, C, h, w), the features of the stage below at its own size. reach: pixels beyond its own that a
    result's pixel depends on. The bits do not depend on tile_px. They are those of the level in one piece
    where there is nothing below; else features differ from F.interpolate's by some 1e-5 of their range,
    because that cannot begin in the middle of a picture: weights between pixels are rounded otherwise.
    """
    size = level.shape[-2], level.shape[-1]
    result = level.new_empty(level.shape, dtype=torch.float32)
    for window, place, inner in tiles(size, tile_px, reach):
        under = None if below is None else enlarged(below, size, window)
        drawn = finest(level[..., *window], noise[..., *window], under)
        result[..., *place] = drawn[..., *inner]
    return result


def tiles(size: Size, tile_px: int, reach: int) -> Iterator[Tile]:
    """Tiles that cover a picture, row by row, each with a window that sees `reach` pixels around it."""
    side = tile_px + 2 * reach
    for top, y, bottom in spans(size[0], tile_px, reach):
        for left, x, right in spans(size[1], tile_px, reach):
            yield Tile(
                (slice(y, min(y + side, size[0])), slice(x, min(x + side, size[1]))),
                (slice(top, bottom), slice(left, right)),
                (slice(top - y, bottom - y), slice(left - x, right - x)),
            )


def spans(length: int, tile_px: int, reach: int) -> Iterator[tuple[int, int, int]]:
    """Where each tile begins, where the window begins that it is cut from, where it ends.

    All windows are of one size, where there is room for it: convolutions may round otherwise in small ones.
    """
    for begin in range(0, length, tile_px):
        window = max(0, min(begin - reach, length - tile_px - 2 * reach))
        yield begin, window, min(begin + tile_px, length)


def enlarged(features: Tensor, size: Size, window: tuple[slice, slice]) -> Tensor:
    """A window of features (B, C, h, w) that are enlarged to `size`: bilinear, corners not aligned."""
    x = features.permute(0, 2, 3, 1)  # channels lie together there
    rows, columns = (_Between.of(x.shape[axis], size[axis - 1], window[axis - 1]) for axis in (1, 2))
    x = x[:, rows.near, columns.near].float()
    x = rows.taken(x, 1).contiguous()
    return columns.taken(x, 2).to(features.dtype).permute(0, 3, 1, 2)


class _Between(NamedTuple):
    """Places between the points of an axis. near: those points; at, after: places among them."""

    near: slice
    at: Tensor
    after: Tensor
    share: Tensor

    @classmethod
    def of(cls, points: int, length: int, wanted: slice) -> "_Between":
        """Where `wanted` of an axis lies that so many points are stretched to."""
        scale = float(torch.tensor(points / length, dtype=torch.float32))  # rounded as F.interpolate does
        places = torch.arange(wanted.start, wanted.stop, dtype=torch.float64)
        source = ((places + 0.5) * scale - 0.5).clamp(0, points - 1)
        at = source.long()
        after = (at + 1).clamp(max=points - 1)
        first = int(at[0])
        return cls(slice(first, int(after[-1]) + 1), at - first, after - first, (source - at).float())

    def taken(self, x: Tensor, axis: int) -> Tensor:
        """(B, h, w, C) with what lies at those places along the axis."""
        share = self.share.view([-1, 1, 1] if axis == 1 else [-1, 1]).to(x.device)
        before, behind = (x.index_select(axis, i.to(x.device)) for i in (self.at, self.after))
        return before * (1 - share) + behind * share

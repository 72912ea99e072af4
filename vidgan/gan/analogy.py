"""What becomes of one picture's things: its layout put together again from patches of the target.

A palette gives every pixel the target's colours, one by one; a thing keeps its outline, and an egg stays an
egg. Patches know more: matched with the target's where both are small, and again at every larger size, they
make a bowl of it. That takes a second, and jumps from frame to frame, so it does not render the clip: the
networks learn from it.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.gan.pyramid import Size, size_of
from vidgan.resample import resize

_PATCH_PX = 7
_STEP = 4 / 3  # from each size to the next
_FIRST_ROUNDS, _ROUNDS = 8, 3
_MOST_PAIRS = 16_000_000  # of patches, all compared (64 MB); with more, those beside the neighbours'
_MOST_PATCHES = 100_000  # of the result: larger pictures are put together at a smaller size
_NEIGHBOURS = ((0, 0), (0, -1), (0, 1), (-1, 0), (1, 0))


@dataclass(frozen=True)
class Reading:
    """How freely a layout is read.

    start_px: the shorter side at which it is read, at most (a wide picture's is smaller, as all its patches
    must be compared); the smaller, the more is redrawn. completeness: a mean
    squared difference; below it, patches that are not in use yet are preferred. hold: how much the picture
    itself counts beside the result so far, where it is read: things stay where they were.
    """

    start_px: int
    completeness: float
    hold: float


@dataclass
class _Field:
    """Which of the target's patches stands at each pixel: (n,) numbers, row by row, and both grids' sizes."""

    found: Tensor
    size: Size
    grid: Size


def analogy(mapped: Tensor, target: Tensor, reading: Reading) -> Tensor:
    """The layout of `mapped` in patches of `target`, by nearest neighbours (GPNN, Granot et al. 2022).

    mapped: (1, 3, H, W) in [-1, 1], a picture in the target's colours; target: (1, 3, h, w), its texture
    as large as it is to stand in the result. Sizes climb from the reading's to mapped's own, or to
    _MOST_PATCHES pixels. While pictures are small all patches are compared; then only those that continue
    what their neighbours show (Ashikhmin 2001). Returns (1, 3, H', W'), mapped's own proportions; mapped
    itself where the target is too small for patches at the reading's size.
    """
    scale, finish = _scales(size_of(mapped), size_of(target), reading)
    if min(_scaled(size_of(target), scale)) < 2 * _PATCH_PX:
        return mapped
    result, field = mapped, None
    while True:
        size, like_size = _scaled(size_of(mapped), scale), _scaled(size_of(target), scale)
        result, like = (resize(x, s).clamp(-1, 1) for x, s in ((result, size), (target, like_size)))
        result, field = _redrawn(result, like, field, reading)
        if scale >= finish:
            return result
        scale = min(scale * _STEP, finish)


def _scales(mapped: Size, target: Size, reading: Reading) -> tuple[float, float]:
    """Where to begin and to end, as shares of the pictures' own sizes."""
    ours, theirs = mapped[0] * mapped[1], target[0] * target[1]
    finish = min(1.0, (_MOST_PATCHES / max(ours, theirs)) ** 0.5)
    start = reading.start_px / min(*mapped, *target)
    return min(start, (_MOST_PAIRS / (ours * theirs)) ** 0.25, finish), finish


def _redrawn(
    picture: Tensor, target: Tensor, before: _Field | None, reading: Reading
) -> tuple[Tensor, _Field]:
    """Every patch of the picture replaced by the target's that is most like it; overlaps are averaged."""
    theirs = _patches(target)
    size, (height, width) = size_of(picture), size_of(target)
    grid = height - _PATCH_PX + 1, width - _PATCH_PX + 1
    held = _patches(_framed(picture)) if before is None else None
    field = None if before is None else _enlarged(before, size, grid)
    for _ in range(_FIRST_ROUNDS if before is None else _ROUNDS):
        wanted = _patches(_framed(picture))
        if held is not None:
            # |x - t|^2 + w|h - t|^2 is (1 + w)|m - t|^2 and a constant, m their weighted mean.
            wanted = (wanted + reading.hold * held) / (1 + reading.hold)
        if field is None or len(wanted) * len(theirs) <= _MOST_PAIRS:
            field = _Field(_nearest(wanted, theirs, reading.completeness), size, grid)
        else:
            field = _Field(_continued(wanted, theirs, field), size, grid)
        picture = _laid(theirs[field.found], size)
    assert field is not None
    return picture, field


def _nearest(ours: Tensor, theirs: Tensor, completeness: float) -> Tensor:
    """For each of ours the number of theirs: nearest, of those that serve nobody better (ibid., eq. 1).

    ours: (n, 3kk), theirs: (m, 3kk). Returns (n,).
    """
    distances = torch.cdist(ours, theirs).square_().div_(ours.shape[1])  # mean squared differences
    served = distances.min(0).values
    return distances.div_(completeness + served).argmin(1)


def _continued(wanted: Tensor, theirs: Tensor, field: _Field) -> Tensor:
    """For each patch the best of those that continue what its neighbours show."""
    rows, columns = field.grid
    down, across = (field.found // columns).view(field.size), (field.found % columns).view(field.size)
    best, least = field.found, wanted.new_full((len(wanted),), torch.inf)
    for dy, dx in _NEIGHBOURS:
        y = (torch.roll(down, (dy, dx), (0, 1)) + dy).clamp(0, rows - 1)
        x = (torch.roll(across, (dy, dx), (0, 1)) + dx).clamp(0, columns - 1)
        candidate = (y * columns + x).flatten()
        distance = (theirs[candidate] - wanted).square().sum(1)
        nearer = distance < least
        best, least = torch.where(nearer, candidate, best), torch.where(nearer, distance, least)
    return best


def _enlarged(field: _Field, size: Size, grid: Size) -> _Field:
    """The field at a larger size: each pixel takes its patch over, and the place that it had within."""
    rows, columns = (
        torch.arange(new, device=field.found.device) * old // new
        for new, old in zip(size, field.size, strict=True)
    )
    numbers = field.found.view(field.size)[rows[:, None], columns[None]]
    y = _carried(numbers // field.grid[1], rows[:, None], size[0], field.size[0], 0, grid[0])
    x = _carried(numbers % field.grid[1], columns[None], size[1], field.size[1], 1, grid[1])
    return _Field((y * grid[1] + x).flatten(), size, grid)


def _carried(corner: Tensor, source: Tensor, new: int, old: int, axis: int, count: int) -> Tensor:
    """Along one axis: where the patch's corner lies at the new size.

    corner: of the patch that each pixel takes over from the pixel `source` of the old size.
    """
    here = torch.arange(new, device=corner.device).view((-1, 1) if axis == 0 else (1, -1))
    centre = _PATCH_PX // 2
    place = ((corner + centre - source) * new + old // 2) // old + here - centre
    return place.clamp(0, count - 1)


def _laid(patches: Tensor, size: Size) -> Tensor:
    """(n, 3kk), one around every pixel -> (1, 3, h, w), the mean where they overlap."""
    margin = _PATCH_PX // 2
    framed = size[0] + 2 * margin, size[1] + 2 * margin
    summed = F.fold(patches.T[None], framed, _PATCH_PX)
    counted = F.fold(patches.new_ones(1, _PATCH_PX**2, len(patches)), framed, _PATCH_PX)
    return (summed / counted)[..., margin:-margin, margin:-margin]


def _framed(picture: Tensor) -> Tensor:
    return F.pad(picture, [_PATCH_PX // 2] * 4, mode="replicate")


def _patches(picture: Tensor) -> Tensor:
    """(1, 3, h, w) -> (n, 3kk), every one."""
    return F.unfold(picture, _PATCH_PX)[0].T.contiguous()


def _scaled(size: Size, scale: float) -> Size:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))

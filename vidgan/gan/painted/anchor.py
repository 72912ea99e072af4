"""A painted keyframe, and all that follows from it before anything is learnt."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vidgan.gan.painted.table import ColourTable, fit_colour_table
from vidgan.gan.pyramid import Size, size_of
from vidgan.resample import resize, surroundings

_WORTH_CARRYING = (0.01, 0.04)  # mean difference from the mapped colours, of a range of 2: not at all, wholly
_NEIGHBOURHOOD = 4  # pixels to each side over which that is averaged
_COMPARED = 5_000  # colours
_ALIKE = 0.1  # mean difference of two looks' colours, of a range of 2, from which they count as two


@dataclass(frozen=True)
class Keyframe:
    """number: the frame's. frame, painting: (1, 3, H, W) in [-1, 1]. mask: (1, 1, H, W) in [0, 1]."""

    number: int
    frame: Tensor
    painting: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Anchor(Keyframe):
    """table: what the painting does to colours, wherever they stand."""

    table: ColourTable

    @classmethod
    def fitted(cls, key: Keyframe) -> "Anchor":
        table = fit_colour_table(_colours(key.frame), _colours(key.painting), key.mask.flatten())
        return cls(key.number, key.frame, key.painting, key.mask, table.to(key.frame.device))

    @property
    def worth(self) -> Tensor:
        """(1, 1, H, W) in [0, 1]: where it counts and more is painted than colours: what is to be carried."""
        beyond = (self.painting - self.table(self.frame)).abs().mean(1, keepdim=True)
        low, high = _WORTH_CARRYING
        return ((surroundings(beyond, _NEIGHBOURHOOD) - low) / (high - low)).clamp(0, 1) * self.mask

    @property
    def strokes(self) -> Tensor:
        """(1, 3, H, W): what is painted beyond colours, and stands out from its surroundings."""
        beyond = (self.painting - self.table(self.frame)) * self.mask
        return beyond - surroundings(beyond, _NEIGHBOURHOOD)

    def at(self, size: Size, device: torch.device) -> "Anchor":
        """The same for frames of that size, on that device."""
        if size_of(self.frame) == size and self.frame.device == device:
            return self
        frame, painting, mask = (
            resize(x.to(device), size).clamp(low, 1)
            for x, low in ((self.frame, -1), (self.painting, -1), (self.mask, 0))
        )
        return Anchor(self.number, frame, painting, mask, self.table.to(device))

    def tensors(self) -> dict[str, Tensor]:
        return {
            "frame": _eight_bit(self.frame),
            "painting": _eight_bit(self.painting),
            "mask": _eight_bit(self.mask * 2 - 1),
            "table": self.table.nodes,
        }

    @classmethod
    def rebuilt(cls, number: int, tensors: Mapping[str, Tensor]) -> "Anchor":
        frame, painting = (tensors[name].float() / 127.5 - 1 for name in ("frame", "painting"))
        return cls(number, frame, painting, tensors["mask"].float() / 255, ColourTable(tensors["table"]))


def shares(numbers: Sequence[int], number: int | None, cuts: Sequence[int] = ()) -> list[float]:
    """How much each keyframe counts at that place in the clip: the nearer in time, the more. They sum to 1.

    numbers: the keyframes', ascending. cuts: the frames that begin a shot, ascending. Where a shot has
    keyframes of its own, they alone count in it. Between two of them the look passes smoothly from one to the
    other, before the first and after the last that one counts alone. All alike where there is no place.
    """
    if number is None:
        return [1 / len(numbers)] * len(numbers)
    shot = bisect_right(cuts, number)
    own = [other for other in numbers if bisect_right(cuts, other) == shot] or list(numbers)
    after = bisect_left(own, number)
    if after in (0, len(own)):
        alone = own[min(after, len(own) - 1)]
        return [float(other == alone) for other in numbers]
    begin, end = own[after - 1], own[after]
    way = (number - begin) / (end - begin)
    passed = way * way * (3 - 2 * way)
    return [{begin: 1 - passed, end: passed}.get(other, 0.0) for other in numbers]


def likeness(anchors: Sequence[Anchor]) -> float:
    """1 where all keyframes are painted in one look, towards 0 where their colours disagree."""
    worst = 0.0
    for one in anchors if len(anchors) > 1 else ():
        some = _some(one)
        own = one.table(some)
        worst = max(worst, *(float((own - other.table(some)).abs().mean()) for other in anchors))
    return float(torch.exp(-torch.tensor((worst / _ALIKE) ** 2)))


def _some(key: Keyframe) -> Tensor:
    """(1, 3, 1, N): colours of what counts in a keyframe, evenly scattered."""
    colours = key.frame[0].flatten(1)[:, key.mask.flatten() > 0.5]
    return colours[:, :: max(1, colours.shape[1] // _COMPARED)][None, :, None]


def _colours(picture: Tensor) -> Tensor:
    return picture[0].flatten(1).T


def _eight_bit(picture: Tensor) -> Tensor:
    return ((picture + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)

"""Windows of the keyframes, told as other frames will be: what is carried is misplaced, or missing."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.config import TrainSettings
from vidgan.gan.device import autocast
from vidgan.gan.painted.anchor import Anchor
from vidgan.gan.painted.borrowed import borrowed, texture
from vidgan.gan.painted.cues import CUES, cues
from vidgan.gan.painted.guess import Guess, make_guess
from vidgan.gan.painted.guide import agreement
from vidgan.gan.painted.network import MULTIPLE, Refiner, to_multiple
from vidgan.gan.painted.objective import apart
from vidgan.gan.pyramid import size_of
from vidgan.resample import warp

_MARGIN = 3 / 480  # of the width: how far what is carried is misplaced, in its standard deviation at most
_LEAST_MARGIN = 1.5
_COARSENESS = ((3, 1.0), (8, 0.5), (20, 0.25))  # nodes to a side of a window, and how much they count
_UNGUIDED = 0.3  # share of windows to which nothing is carried
_MOST_PLACES = 20_000
_HELD_WINDOWS = 6
_HELD_PX = 48
_HELD_CONTEXT = 32
_HELD_SHARE = 0.1  # of what is painted, at most
_WITHIN = 0.95  # of a place that is held out: neither masked out nor held already


@dataclass(frozen=True)
class Window:
    """painting: (B, 3, h, w), what should come of the guess; counts: (B, 1, h, w), where that is learnt."""

    guess: Guess
    painting: Tensor
    counts: Tensor


class Windows:
    """Draws them. learnt: (1, 1, H, W) each, 1 where a keyframe teaches."""

    def __init__(self, anchors: Sequence[Anchor], learnt: Sequence[Tensor], settings: TrainSettings) -> None:
        self.anchors, self.count = anchors, settings.windows
        self.misplaced = max(_LEAST_MARGIN, _MARGIN * anchors[0].frame.shape[-1])
        self.margin = round(4 * self.misplaced)
        self.side = settings.window_px // MULTIPLE * MULTIPLE
        largest = self.side + 2 * self.margin
        self.planes = [
            _at_least(
                torch.cat([a.frame, a.painting, a.table(a.frame), a.worth, learn, cues(a.frame), lent(a)], 1),
                largest,
            )
            for a, learn in zip(anchors, learnt, strict=True)
        ]
        # Windows lie around pixels that teach: of a small mask, hardly any would otherwise.
        self.teaching = [mask[0, 0].nonzero() for mask in _thinned(learnt)]
        self.chosen_from = [index for index, places in enumerate(self.teaching) if len(places)]

    def draw(self, rng: torch.Generator) -> Window:
        picks = torch.randint(len(self.chosen_from), (self.count,), generator=rng).tolist()
        chosen = [self.chosen_from[pick] for pick in picks]
        planes = torch.cat([self._window(index, rng) for index in chosen])
        frame, painting, mapped, worth, learn, seen, strokes = planes.split((3, 3, 3, 1, 1, CUES, 3), 1)
        carried, trust = self._misled(frame, painting, worth, rng)
        counts = F.one_hot(torch.tensor(chosen), len(self.anchors)).float()
        inner = (..., slice(self.margin, -self.margin), slice(self.margin, -self.margin))
        frame, mapped, carried, trust = (x[inner] for x in (frame, mapped, carried, trust))
        guess = make_guess(frame, mapped, carried, trust, strokes[inner], seen[inner], counts)
        return Window(guess, painting[inner], learn[inner])

    def _window(self, index: int, rng: torch.Generator) -> Tensor:
        planes, places = self.planes[index], self.teaching[index]
        side = self.side + 2 * self.margin
        middle = places[int(torch.randint(len(places), (1,), generator=rng))]
        shift = torch.randint(-self.side // 2, self.side // 2 + 1, (2,), generator=rng)
        begin = (middle + shift - side // 2).tolist()
        top, left = (
            max(0, min(at, length - side)) for at, length in zip(begin, size_of(planes), strict=True)
        )
        window = planes[..., top : top + side, left : left + side]
        return window.flip(-1) if torch.rand(1, generator=rng) < 0.5 else window

    def _misled(
        self, frame: Tensor, painting: Tensor, worth: Tensor, rng: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """What is carried here as from another frame: somewhat misplaced, in places not at all."""
        count, size, device = len(frame), size_of(frame), frame.device
        flow = self._flow(count, size, rng).to(device)
        seen, shown = warp(torch.cat([frame, worth], 1), flow).split((3, 1), 1)
        blobs = _grown(torch.rand(count, 1, 6, 6, generator=rng), size)
        thresholds = 0.8 * torch.rand(count, 1, 1, 1, generator=rng)
        guided = torch.rand(count, 1, 1, 1, generator=rng) > _UNGUIDED
        covered = (((blobs - thresholds) * 8).sigmoid() * guided).to(device)
        return warp(painting, flow, sharp=True), agreement(frame, seen) * covered * shown

    def _flow(self, count: int, size: tuple[int, int], rng: torch.Generator) -> Tensor:
        flow = torch.zeros(count, 2, *size)
        for nodes, weight in _COARSENESS:
            flow += weight * _grown(torch.randn(count, 2, nodes, nodes, generator=rng), size)
        return flow * self.misplaced * torch.rand(count, 1, 1, 1, generator=rng)


class HeldOut:
    """Places of the keyframes that training only measures itself by, with nothing carried to them.

    learnt: (1, 1, H, W) for each keyframe, 1 where it teaches: within its mask, and not held out.
    """

    def __init__(self, anchors: Sequence[Anchor], settings: TrainSettings, rng: torch.Generator) -> None:
        self.anchors = anchors
        self.textures_and_cues = [torch.cat([lent(anchor), cues(anchor.frame)], 1) for anchor in anchors]
        self.learnt = [(anchor.mask >= 0.5).float() for anchor in anchors]
        height, width = size_of(anchors[0].frame)
        # Of small paintings, or of small parts of them that count, smaller places are held out.
        painted = max(float(learnt.sum()) for learnt in self.learnt) ** 0.5
        side = max(MULTIPLE, min(_HELD_PX, height // 4, width // 4, int(painted) // 4) // MULTIPLE * MULTIPLE)
        self.side = side
        self.places: list[tuple[int, int, int]] = []
        left_to_hold = _HELD_SHARE * sum(float(learnt.sum()) for learnt in self.learnt)
        for _ in range(min(_HELD_WINDOWS, int(left_to_hold / side**2)) if side <= min(height, width) else 0):
            index = int(torch.randint(len(anchors), (1,), generator=rng))
            places = _places(self.learnt[index], side)
            if len(places):
                top, left = places[int(torch.randint(len(places), (1,), generator=rng))].tolist()
                self.learnt[index][..., top : top + side, left : left + side] = 0
                self.places.append((index, top, left))

    def error(self, refiner: Refiner, device: torch.device, precision: torch.dtype) -> float | None:
        """How far it is from the painting; None where nothing is held out."""
        if not self.places:
            return None
        total = sum(float(self._error_at(refiner, place, device, precision)) for place in self.places)
        return total / len(self.places)

    def _error_at(
        self, refiner: Refiner, place: tuple[int, int, int], device: torch.device, precision: torch.dtype
    ) -> Tensor:
        index, top, left = place
        anchor = self.anchors[index]
        context = _HELD_CONTEXT
        y, x = max(0, top - context) // MULTIPLE * MULTIPLE, max(0, left - context) // MULTIPLE * MULTIPLE
        window = (..., slice(y, top + self.side + context), slice(x, left + self.side + context))
        frame, seen = (to_multiple(x[window]) for x in (anchor.frame, self.textures_and_cues[index]))
        nothing = torch.zeros_like(frame)
        counts = F.one_hot(torch.tensor([index]), len(self.anchors)).float()
        guess = make_guess(
            frame, anchor.table(frame), nothing, nothing[:, :1], seen[:, :3], seen[:, 3:], counts
        )
        with autocast(device, precision):
            result = guess.foretold(refiner(guess.told).float())
        inside = (..., slice(top - y, top - y + self.side), slice(left - x, left - x + self.side))
        painting = anchor.painting[..., top : top + self.side, left : left + self.side]
        result = result[inside].clamp(-1, 1)
        return apart(result, painting, torch.ones_like(result[:, :1]))


def lent(anchor: Anchor) -> Tensor:
    """(1, 3, H, W): the strokes that a keyframe's own places borrow, all from elsewhere."""
    still = torch.zeros_like(anchor.frame[:, :2])
    strokes = borrowed(anchor.frame, anchor, anchor.strokes, still, elsewhere=True)
    return texture(anchor.frame, anchor.table(anchor.frame), strokes)


def _places(inside: Tensor, side: int) -> Tensor:
    """(N, 2): where a square of that side lies all but wholly within what is 1, (1, 1, H, W)."""
    sums = F.pad(inside[0, 0].cpu().cumsum(0).cumsum(1), (1, 0, 1, 0))
    covered = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return (covered > _WITHIN * side**2).nonzero()


def _thinned(masks: Sequence[Tensor]) -> list[Tensor]:
    """The same with at most some _MOST_PLACES ones each, scattered evenly."""
    rng = torch.Generator().manual_seed(0)
    shares = [min(1.0, _MOST_PLACES / max(1.0, float(mask.sum()))) for mask in masks]
    return [
        (mask.cpu() > 0) & (torch.rand(mask.shape, generator=rng) < share)
        for mask, share in zip(masks, shares, strict=True)
    ]


def _at_least(x: Tensor, side: int) -> Tensor:
    """Small pictures grow by their border, repeated."""
    bottom, right = (max(0, side - own) for own in size_of(x))
    return F.pad(x, (0, right, 0, bottom), mode="replicate") if bottom or right else x


def _grown(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size=size, mode="bicubic", align_corners=False)

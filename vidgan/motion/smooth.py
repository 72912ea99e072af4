"""Pictures held steady along the motion of their source: a window, not a recursion.

out_t = sum over |k| <= K of w_{t,k} warp(y_{t+k}, F_{t->t+k}) / sum of w. Nothing is carried from
frame to frame, so any range of a clip can be smoothed alone, with K frames of margin, and gives the
same bits as the whole.
"""

import math
import sys
from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace

import torch
from numpy.typing import NDArray
from torch import Tensor

from vidgan.config import SmoothSettings
from vidgan.motion.detail import luminance, restore_detail
from vidgan.motion.flow import compose_fields, visible_field
from vidgan.motion.step import Step
from vidgan.resample import blur, surroundings, to_tensor, warp

# The source is compared after a blur that quietens grain; sigma in pixels.
_AGREEMENT_BLUR = 1.0
_UNSTEADY, _UNSTEADY_REACH = 1.5 / 127.5, 6  # what differs from what is steady by that much is smoothed
_FEW = 0.002  # of the pixels: less than that is not worth measuring any motion


@dataclass(frozen=True)
class Moment:
    """One instant of the clip: its source, and its translation (1, 3, H, W) float32 in [-1, 1].

    step: the motion to it from the frame before; None where it begins a shot. steady: the same shape and
    range as the translation, what of it is as steady as the source. Where the translation is no more than
    that, it is left as it is; None: nothing is.
    """

    index: int
    source: NDArray
    translated: Tensor
    step: Step | None = None
    steady: Tensor | None = None


def smooth(
    moments: Iterable[Moment],
    settings: SmoothSettings,
    start: int = 0,
    stop: int | None = None,
) -> Generator[Moment, None, None]:
    """The moments of [start, stop), in order, their translations held steady.

    moments: consecutive, from window frames before start (or the clip's first) to window frames past
    stop (or the clip's last). At most 2 window + 1 are held. Works on the translations' device. No motion is
    asked for where nothing is unsteady.

    settings: window is K, frames to either side (0 leaves the pictures as they are); sigma the spread
    of the weights in time, in frames; source_tolerance how far, of the full range, source frames may
    disagree after the warp before a neighbour counts little; keep_detail how much of the detail that
    averaging takes is given back, from 0 (none) to 1 (the centre frame's own energy).
    """
    window, last = _Window(settings), -1
    wanted = range(start, sys.maxsize if stop is None else stop)
    if not settings.window:
        yield from (replace(moment, step=None) for moment in moments if moment.index in wanted)
        return
    for moment in moments:
        window.add(moment)
        last = moment.index
        centre = last - settings.window
        if centre in wanted and centre in window:
            yield replace(window.smoothed(centre), step=None)  # flows are large, and nobody asks again
    for centre in range(last - settings.window + 1, last + 1):
        if centre in wanted and centre in window:
            yield replace(window.smoothed(centre), step=None)


@dataclass(frozen=True)
class _Held:
    """A moment as tensors on the device of its translation."""

    moment: Moment
    picture: Tensor  # (1, 3, H, W)
    source: Tensor  # (1, 1, H, W) luminance in [-1, 1], grain blurred away


class _Window:
    """The moments around a centre, with the flows between them composed at most once."""

    def __init__(self, settings: SmoothSettings) -> None:
        self._settings = settings
        self._held: dict[int, _Held] = {}
        self._flows: dict[tuple[int, int], Tensor | None] = {}

    def __contains__(self, index: int) -> bool:
        return index in self._held

    @torch.no_grad()
    def add(self, moment: Moment) -> None:
        self._held[moment.index] = _hold(moment)
        oldest = moment.index - 2 * self._settings.window
        self._held = {i: held for i, held in self._held.items() if i >= oldest}
        self._flows = {steps: flow for steps, flow in self._flows.items() if min(steps) >= oldest}

    @torch.no_grad()
    def smoothed(self, centre: int) -> Moment:
        """The moment at centre, smoothed over what is held of its window."""
        middle = self._held[centre]
        unsteady = _unsteady(middle)
        if not unsteady.any():
            return middle.moment
        neighbours = [k for k in self._offsets() if self._flow(centre, centre + k) is not None]
        if not neighbours:
            return middle.moment
        mean = self._mean(centre, neighbours, unsteady)
        detailed = restore_detail(mean, middle.picture, self._settings.keep_detail)
        return replace(middle.moment, translated=detailed)

    def _offsets(self) -> list[int]:
        reach = range(-self._settings.window, self._settings.window + 1)
        return [k for k in reach if k != 0]

    def _mean(self, centre: int, neighbours: list[int], unsteady: Tensor) -> Tensor:
        middle = self._held[centre]
        total, weights = middle.picture.clone(), torch.ones_like(middle.picture[:, :1])
        for k in neighbours:
            weight = self._weight(centre, k) * unsteady
            total += weight * warp(self._held[centre + k].picture, self._flow_known(centre, centre + k))
            weights += weight
        return total / weights

    def _weight(self, centre: int, k: int) -> Tensor:
        """(1, 1, H, W): near in time, seen in both, and the sources agree."""
        there, back = self._flow_known(centre, centre + k), self._flow_known(centre + k, centre)
        difference = self._held[centre].source - warp(self._held[centre + k].source, there)
        # Sources span two, so the tolerance of the full range is twice as much here.
        spread = 2 * (2 * self._settings.source_tolerance) ** 2
        agreement = torch.exp(difference * difference / -spread)
        nearness = math.exp(-(k**2) / (2 * self._settings.sigma**2))
        return nearness * agreement * visible_field(there, back)

    def _flow_known(self, start: int, end: int) -> Tensor:
        flow = self._flow(start, end)
        assert flow is not None, f"no flow from {start} to {end}"
        return flow

    def _flow(self, start: int, end: int) -> Tensor | None:
        """The flow from start to end, None across a cut or beyond the window."""
        if (start, end) not in self._flows:
            self._flows[start, end] = self._composed(start, end)
        return self._flows[start, end]

    def _composed(self, start: int, end: int) -> Tensor | None:
        if start not in self._held or end not in self._held:
            return None
        towards = 1 if end > start else -1
        if end - start == towards:
            return self._measured(start, end)
        first, last = self._flow(start, end - towards), self._flow(end - towards, end)
        return None if first is None or last is None else compose_fields(first, last)

    def _measured(self, start: int, end: int) -> Tensor | None:
        step = self._held[max(start, end)].moment.step
        if step is None:
            return None
        return (step.forth if end > start else step.back).to(self._held[start].picture.device)


def _unsteady(held: _Held) -> Tensor:
    """(1, 1, H, W) in [0, 1]: whether there is more to a picture than what is steady."""
    if held.moment.steady is None:
        return torch.ones_like(held.source)
    difference = (held.picture - held.moment.steady).abs().mean(1, keepdim=True)
    unsteady = 1 - torch.exp(-((surroundings(difference, _UNSTEADY_REACH) / _UNSTEADY) ** 2))
    return unsteady if unsteady.mean() > _FEW else torch.zeros_like(unsteady)


def _hold(moment: Moment) -> _Held:
    device = moment.translated.device
    return _Held(
        moment,
        moment.translated.float().contiguous(),
        blur(luminance(to_tensor(moment.source, device)), _AGREEMENT_BLUR),
    )

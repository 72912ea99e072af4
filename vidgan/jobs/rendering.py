"""One frame's way through: decode, translate, smooth along motion. The order of stages lives here alone."""

from collections.abc import Callable, Collection, Generator, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vidgan.config import Recipe, SmoothSettings
from vidgan.gan.model import InBatches, InTwoSteps, NoiseDriven
from vidgan.gan.threads import frames_at_once, rendering_threads
from vidgan.jobs.fitting import Fitting, Placed, batch_of
from vidgan.jobs.matte import Matte
from vidgan.media import Clip, Frame
from vidgan.motion import (
    FlowEstimator,
    Moment,
    Picture,
    first_needed,
    flow_estimator,
    in_steps,
    origins,
    shot_start,
    smooth,
)
from vidgan.resample import from_signal, require_finite, to_signal, to_tensor
from vidgan.stream import concurrently, prefetch


class Rendered(NamedTuple):
    """A finished frame and the source pixels that it was made of."""

    frame: Frame
    source: np.ndarray


class AsItIs:
    """In a generator's place: every frame as it was decoded, also what is brighter than white."""


class _Opacity:
    """How opaque frames are, kept while their colours are on the way: looks change colours alone."""

    def __init__(self, start: int, stop: int) -> None:
        self._wanted = range(start, stop)
        self._kept: dict[int, np.ndarray] = {}

    def remembered(self, frames: Generator[Frame]) -> Generator[Frame]:
        with closing(frames):
            for frame in frames:
                if frame.alpha is not None and frame.index in self._wanted:
                    self._kept[frame.index] = frame.alpha
                yield frame

    def of(self, index: int) -> np.ndarray | None:
        """Of a frame that leaves; asked once."""
        return self._kept.pop(index, None)


Translate = Callable[[Tensor, int], Tensor] | InTwoSteps | NoiseDriven | AsItIs
"""(1, 3, H, W) in [-1, 1] and its number to the same shape and range: one frame's translation."""


def _ignore(_: str) -> None:
    """Where nobody is to be told."""


def rendered_frames(
    clip: Clip,
    translate: Translate,
    settings: SmoothSettings,
    cuts: Collection[int],
    estimator: FlowEstimator,
    start: int = 0,
    stop: int | None = None,
    matte: Matte | None = None,
    notice: Callable[[str], None] = _ignore,
) -> Generator[Rendered]:
    """Frames [start, stop) of the clip, translated and held steady; where the matte is black, as they are.

    Every stage runs in a thread of its own with a bounded queue behind it, so memory does not grow
    with the clip. The range decides nothing about a frame: any range gives the frames of the whole, and so
    what is drawn in batches is drawn in the whole's. notice: told what the user should know.
    """
    stop = len(clip) if stop is None else stop
    first = first_read(translate, settings, cuts, start)
    last = min(len(clip), _whole_batches(_last_drawn(settings, cuts, stop, len(clip)), translate))
    opacity = _Opacity(start, stop)
    decoded = prefetch(opacity.remembered(clip.frames(first, last)), name="decode")
    steady = steady_moments(decoded, translate, settings, cuts, estimator, start, stop, notice)
    limited = steady if matte is None else _limited(steady, matte.weights(start, stop))
    with rendering_threads(_device_of(translate)), closing(limited):
        for moment in limited:
            yield Rendered(_as_frame(moment, clip, opacity.of(moment.index)), moment.source)


def steady_moments(
    frames: Iterable[Picture],
    translate: Translate,
    settings: SmoothSettings,
    cuts: Collection[int],
    estimator: FlowEstimator,
    start: int = 0,
    stop: int | None = None,
    notice: Callable[[str], None] = _ignore,
) -> Generator[Moment]:
    """[start, stop) of consecutive frames.

    frames: from first_read to settings.window past stop, no further than their shot goes, and to the end of
    that batch.
    """
    first = _first_drawn(translate, settings, cuts, start)
    placed = placed_frames(frames, translate, cuts, estimator, first)
    translated = prefetch(translated_frames(placed, translate, notice), name="")
    return prefetch(smooth(translated, settings, start, stop), name="smooth")


def first_read(translate: Translate, settings: SmoothSettings, cuts: Collection[int], start: int) -> int:
    """The first frame that has to be read to render from `start`: smoothing and carried noise look back."""
    first = _first_drawn(translate, settings, cuts, start)
    every = _anchor_every(translate)
    return first_needed(first, cuts, every) if every else first


def estimator_for(recipe: Recipe, device: torch.device, raft_weights: Path | None) -> FlowEstimator:
    """The recipe's flow estimator; RAFT's weights come from the given file or torch's own cache."""
    flow = recipe.flow
    return flow_estimator(flow.backend, flow.preset, raft_weights, device, flow.max_side, flow.refinements)


def _first_drawn(translate: Translate, settings: SmoothSettings, cuts: Collection[int], start: int) -> int:
    """The first frame that is translated to render from `start`: one that begins a batch."""
    first = max(shot_start(start, cuts), start - settings.window)
    return first // batch_of(translate) * batch_of(translate)


def _last_drawn(settings: SmoothSettings, cuts: Collection[int], stop: int, end: int) -> int:
    """Behind the last frame that rendering up to `stop` asks for: smoothing looks ahead, within the shot."""
    return min((stop + settings.window, *(cut for cut in (*cuts, end) if cut >= stop)))


def _whole_batches(stop: int, translate: Translate) -> int:
    """The end of the batch that holds the frame before `stop`."""
    return -(-stop // batch_of(translate)) * batch_of(translate)


def _anchor_every(translate: Translate) -> int:
    return translate.anchor_every if isinstance(translate, NoiseDriven) else 0


def placed_frames(
    frames: Iterable[Picture],
    translate: Translate,
    cuts: Collection[int],
    estimator: FlowEstimator,
    first: int = 0,
) -> Generator[Placed]:
    """From `first` on. Motion is measured here, ahead of the rest, where noise is to be moved."""
    stepped = in_steps(frames, estimator, cuts)
    every = _anchor_every(translate)
    if not every:
        return ((step, ()) for step in stepped)
    followed = origins(stepped, cuts, every)
    return prefetch((placed for placed in followed if placed[0].frame.index >= first), name="flow")


def translated_frames(
    placed: Iterable[Placed], translate: Translate, notice: Callable[[str], None] = _ignore
) -> Generator[Moment]:
    """Every frame in the look, in order; on a CPU several at the same time."""
    if isinstance(translate, AsItIs):
        return (Moment(s.frame.index, s.frame.pixels, to_signal(s.frame.pixels), s.step) for s, _ in placed)
    at_once = frames_at_once(_device_of(translate))
    if isinstance(translate, InBatches):
        return Fitting(translate, notice).moments(placed, at_once)
    return concurrently(placed, lambda one: _moment(one, translate), at_once, "translate")


def _moment(placed: Placed, translate: Callable[[Tensor, int], Tensor] | InTwoSteps | NoiseDriven) -> Moment:
    (frame, step), sources = placed
    given = to_tensor(frame.pixels)
    if isinstance(translate, InTwoSteps):
        drawn = translate.finish(translate.prepare(given, frame.index))
        return Moment(frame.index, frame.pixels, require_finite(drawn.picture), step, drawn.steady)
    if isinstance(translate, NoiseDriven):
        return Moment(frame.index, frame.pixels, require_finite(translate.across(given, sources)), step)
    return Moment(frame.index, frame.pixels, require_finite(translate(given, frame.index)), step)


def _device_of(translate: Translate) -> torch.device:
    return getattr(translate, "device", torch.device("cpu"))


def _limited(moments: Generator[Moment], weights: Generator[Tensor]) -> Generator[Moment]:
    with closing(moments), closing(weights):
        for moment, weight in zip(moments, weights, strict=True):
            source = to_signal(moment.source, moment.translated.device)
            shown = torch.lerp(source, moment.translated, weight.to(source.device))
            yield replace(moment, translated=shown)


def _as_frame(moment: Moment, clip: Clip, alpha: np.ndarray | None) -> Frame:
    return Frame(
        index=moment.index,
        pts=clip.timestamps[moment.index],
        duration=clip.duration(moment.index),
        time_base=clip.info.time_base,
        pixels=from_signal(moment.translated),
        alpha=alpha,
    )

"""One frame's way through: decode, translate, smooth along motion. The order of stages lives here alone."""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vidgan.config import Recipe, SmoothSettings
from vidgan.gan.model import InTwoSteps
from vidgan.jobs.matte import Matte
from vidgan.media import Clip, Frame
from vidgan.motion import FlowEstimator, Moment, Picture, flow_estimator, smooth
from vidgan.resample import to_pixels, to_tensor
from vidgan.stream import prefetch


class Rendered(NamedTuple):
    """A finished frame and the source pixels that it was made of."""

    frame: Frame
    source: np.ndarray


Translate = Callable[[Tensor, int], Tensor]
"""(1, 3, H, W) in [-1, 1] and its number to the same shape and range: one frame's translation."""


def rendered_frames(
    clip: Clip,
    translate: Translate | InTwoSteps,
    settings: SmoothSettings,
    cuts: Collection[int],
    estimator: FlowEstimator,
    start: int = 0,
    stop: int | None = None,
    matte: Matte | None = None,
) -> Iterator[Rendered]:
    """Frames [start, stop) of the clip, translated and held steady; where the matte is black, as they are.

    Every stage runs in a thread of its own with a bounded queue behind it, so memory does not grow
    with the clip. The range decides nothing about a frame: any range gives the frames of the whole.
    """
    stop = len(clip) if stop is None else stop
    margin = settings.window
    first, last = max(0, start - margin), min(len(clip), stop + margin)
    decoded = prefetch(clip.frames(first, last), name="decode")
    steady = steady_moments(decoded, translate, settings, cuts, estimator, start, stop)
    limited = steady if matte is None else _limited(steady, matte.weights(start, stop))
    with closing(limited):
        for moment in limited:
            yield Rendered(_as_frame(moment, clip), moment.source)


def steady_moments(
    frames: Iterable[Picture],
    translate: Translate | InTwoSteps,
    settings: SmoothSettings,
    cuts: Collection[int],
    estimator: FlowEstimator,
    start: int = 0,
    stop: int | None = None,
) -> Generator[Moment]:
    """[start, stop) of consecutive frames; settings.window more to either side, where there are any."""
    translated = prefetch(_translated(frames, translate), name="translate")
    return prefetch(smooth(translated, settings, estimator, cuts, start, stop), name="smooth")


def source_frames(clip: Clip, start: int = 0, stop: int | None = None) -> Iterator[Rendered]:
    """Frames [start, stop) as they are: what a recipe without translation renders."""
    with closing(prefetch(clip.frames(start, stop), name="decode")) as frames:
        for frame in frames:
            yield Rendered(frame, frame.pixels)


def estimator_for(recipe: Recipe, device: torch.device, raft_weights: Path | None) -> FlowEstimator:
    """The recipe's flow estimator; RAFT's weights come from the given file or torch's own cache."""
    flow = recipe.flow
    return flow_estimator(flow.backend, flow.preset, raft_weights, device, flow.max_side)


def _translated(frames: Iterable[Picture], translate: Translate | InTwoSteps) -> Generator[Moment]:
    """Every frame in the look; the two steps of one that has them run side by side."""
    if not isinstance(translate, InTwoSteps):
        for frame in frames:
            yield Moment(frame.index, frame.pixels, translate(to_tensor(frame.pixels), frame.index))
        return
    prepared = ((frame, translate.prepare(to_tensor(frame.pixels), frame.index)) for frame in frames)
    with closing(prefetch(prepared, depth=1, name="prepare")) as ready:  # it is large
        for frame, known in ready:
            yield Moment(frame.index, frame.pixels, *translate.finish(known))


def _limited(moments: Generator[Moment], weights: Generator[Tensor]) -> Generator[Moment]:
    with closing(moments), closing(weights):
        for moment, weight in zip(moments, weights, strict=True):
            source = to_tensor(moment.source, moment.translated.device)
            shown = torch.lerp(source, moment.translated, weight.to(source.device))
            yield replace(moment, translated=shown)


def _as_frame(moment: Moment, clip: Clip) -> Frame:
    depth = np.uint16 if clip.info.deep else np.uint8
    return Frame(
        index=moment.index,
        pts=clip.timestamps[moment.index],
        duration=clip.duration(moment.index),
        time_base=clip.info.time_base,
        pixels=to_pixels(moment.translated, depth),
    )

"""Which frames are worth painting: those that most of their shot can be carried from."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vidgan.config import load_recipe
from vidgan.errors import OutputError, UsageError
from vidgan.gan.device import choose_device
from vidgan.gan.look import load_look
from vidgan.gan.painted.guide import guidance
from vidgan.gan.painted.model import Painted, PaintedTranslator
from vidgan.jobs.options import Options, Progress, Watch
from vidgan.jobs.rendering import estimator_for
from vidgan.jobs.source import open_source, survey_clip
from vidgan.media import Clip, check_output, write_picture
from vidgan.media.output import PICTURES
from vidgan.motion import DisFlow
from vidgan.resample import to_field, to_pixels, to_tensor

_WIDTH = 256  # frames are compared at that
_MOST_COMPARED = 24  # frames of a shot
_MOST_IN_ALL = 96
_MOST_JUDGED = 64  # frames that a look is asked about


@dataclass(frozen=True)
class Shot:
    """Frames [first, last] between two cuts."""

    first: int
    last: int


@dataclass(frozen=True)
class Suggestion:
    """A frame to paint. covers: the share of the clip, 0 to 1, that it adds to those before it.

    shot: which of the shots, from 0. picture: where it was written, ready to paint.
    """

    frame: int
    timecode: str
    shot: int
    covers: float
    picture: Path | None = None


@dataclass(frozen=True)
class Advice:
    """uncertain: the frame to paint next, with how much of it is sure (0 to 1), where a look was asked."""

    shots: Sequence[Shot]
    suggestions: Sequence[Suggestion] = ()
    uncertain: Suggestion | None = None

    def as_json(self) -> dict[str, Any]:
        plain = asdict(self)
        for suggestion in [*plain["suggestions"], *([plain["uncertain"]] if self.uncertain else [])]:
            suggestion["picture"] = str(suggestion["picture"]) if suggestion["picture"] else None
        return plain


def advise(
    clip: str | Path,
    folder: str | Path | None = None,
    *,
    count: int | None = None,
    shots_only: bool = False,
    model: str | Path | None = None,
    options: Options | None = None,
    watch: Watch | None = None,
) -> Advice:
    """Find a clip's shots, and the frames most worth painting; write those into `folder` as PNG.

    count: how many; one a shot where None. model: a look of painted keyframes: instead of suggestions, the
    frame where it is least certain, to paint next. Raises VidganError.
    """
    options, watch = options or Options(), watch or Watch()
    if count is not None and count < 1:
        raise UsageError(f"--count {count} asks for no frame: give 1 or more")
    if shots_only and (folder or count or model):
        raise UsageError("--shots lists the shots alone: leave --count, -m and -o out")
    if model is not None and count is not None:
        raise UsageError("-m names the one frame to paint next: leave --count out")
    look = None if model is None else load_look(Path(model))
    if look is not None and not isinstance(look.model, Painted):
        raise UsageError(f"{model} was not learnt from painted keyframes: `vidgan train -k` makes such")
    place = None if folder is None else _checked(Path(folder), Path(clip))
    device = choose_device(options.device)  # before anything slow
    if look is not None:
        estimator_for(look.recipe, device, options.raft_weights)
    source = open_source(clip, options, watch)
    found = survey_clip(source, load_recipe("keyframe"), watch)
    begins = [0, *(cut for cut in found.cuts if cut), len(source)]
    shots = [Shot(first, after - 1) for first, after in pairwise(begins)]
    if shots_only:
        return Advice(shots)
    if look is not None:
        motion = estimator_for(look.recipe, device, options.raft_weights)
        translate = look.model.translation(look.recipe, look.recipe.translate, device, motion)
        assert isinstance(translate, PaintedTranslator)
        number, sure = _least_certain(source, translate, watch)
        asked = _suggestion(source, shots, number, sure)
        return Advice(shots, (), _written(source, [asked], place, options)[0])
    chosen = _choose(source, shots, count, watch)
    suggestions = [_suggestion(source, shots, number, covers) for number, covers in chosen]
    return Advice(shots, _written(source, suggestions, place, options))


def _checked(folder: Path, clip: Path) -> Path:
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file: name a folder for the pictures")
    if folder.exists() and clip.exists() and folder.samefile(clip):
        raise OutputError(f"{folder} is the clip itself: name another folder for the pictures")
    parent = folder if folder.exists() else folder.absolute().parent
    if not parent.is_dir():
        raise OutputError(f"there is no folder {folder.parent} to make {folder.name} in")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"nothing can be written in {parent}: name another folder")
    return folder


def _written(
    clip: Clip, suggestions: Sequence[Suggestion], folder: Path | None, options: Options
) -> list[Suggestion]:
    """The same with their pictures written, if there is a folder for them: all of them or none."""
    if folder is None:
        return list(suggestions)
    folder.mkdir(exist_ok=True)
    named = [replace(one, picture=folder / f"{clip.path.stem}_{one.frame:06d}.png") for one in suggestions]
    for one in named:
        if Path(str(one.picture)).exists() and not options.overwrite:
            raise OutputError(
                f"{one.picture} exists, and may be painted: name another folder, or replace it by --overwrite"
            )
        check_output(str(one.picture), [clip.path], overwrite=options.overwrite, endings=PICTURES)
    for one in named:
        write_picture(str(one.picture), to_pixels(to_tensor(clip.frame(one.frame).pixels)))
    return named


def _suggestion(clip: Clip, shots: Sequence[Shot], number: int, covers: float) -> Suggestion:
    shot = next(index for index, shot in enumerate(shots) if shot.first <= number <= shot.last)
    seconds = float((clip.timestamps[number] - clip.timestamps[0]) * clip.info.time_base)
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return Suggestion(number, f"{hours:02d}:{minutes:02d}:{rest:06.3f}", shot, covers)


def _choose(clip: Clip, shots: Sequence[Shot], count: int | None, watch: Watch) -> list[tuple[int, float]]:
    """Greedily, the frame that adds most: (its number, the share of the clip that it adds).

    count: None takes the best of every shot.
    """
    numbers, weights = _compared(shots, count or 1)
    likeness = np.zeros((len(numbers), len(numbers)))
    pictures = dict(_small(clip, numbers))
    measure = DisFlow("fast")
    for done, one in enumerate(numbers):
        for other in numbers:
            if other <= one and _same_shot(shots, one, other):
                i, j = numbers.index(one), numbers.index(other)
                likeness[i, j], likeness[j, i] = _alike(pictures[one], pictures[other], measure)
        watch.progress(Progress("compare", (done + 1) / len(numbers), f"frame {one}"))
    chosen: list[tuple[int, float]] = []
    covered, free = np.zeros(len(numbers)), np.ones(len(numbers), bool)
    for _ in range(min(len(shots) if count is None else count, len(numbers))):
        gains = (weights[:, None] * np.maximum(likeness - covered[:, None], 0)).sum(0)
        best = int(np.where(free, gains, -1.0).argmax())
        chosen.append((numbers[best], float(gains[best])))
        covered = np.maximum(covered, likeness[:, best])
        begun = [
            _same_shot(shots, numbers[best], n) if count is None else n == numbers[best] for n in numbers
        ]
        free &= ~np.array(begun)
    return chosen


def _compared(shots: Sequence[Shot], count: int) -> tuple[list[int], NDArray[np.float64]]:
    """Evenly spaced frames of every shot, and which share of the clip each stands for."""
    most = max(1, count, min(_MOST_COMPARED, _MOST_IN_ALL // len(shots)))
    total = shots[-1].last + 1
    numbers: list[int] = []
    weights: list[float] = []
    for shot in shots:
        length = shot.last - shot.first + 1
        picks = np.linspace(shot.first, shot.last + 1, 2 * min(most, length) + 1)[1::2].astype(int)
        numbers += [int(pick) for pick in picks]
        weights += [length / len(picks) / total] * len(picks)
    return numbers, np.array(weights)


def _same_shot(shots: Sequence[Shot], one: int, other: int) -> bool:
    return any(shot.first <= one <= shot.last and shot.first <= other <= shot.last for shot in shots)


def _small(clip: Clip, numbers: Sequence[int]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    for number in numbers:
        pixels = to_pixels(to_tensor(clip.frame(number).pixels))
        height, width = pixels.shape[:2]
        scale = min(1.0, _WIDTH / width)
        size = (round(width * scale), max(1, round(height * scale)))
        yield number, np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _alike(a: NDArray, b: NDArray, measure: DisFlow) -> tuple[float, float]:
    """How much of a could be carried from b, and of b from a."""
    there, back = to_field(measure(a, b)), to_field(measure(b, a))
    x, y = to_tensor(a), to_tensor(b)
    whole = torch.ones_like(x[:, :1])
    return (
        float(guidance(x, y, y, whole, there, back).trust.mean()),
        float(guidance(y, x, x, whole, back, there).trust.mean()),
    )


def _least_certain(clip: Clip, translate: PaintedTranslator, watch: Watch) -> tuple[int, float]:
    """The frame that nobody painted to which least is carried, and how much of it that is."""
    painted = {anchor.number for anchor in translate.anchors}
    spread = np.linspace(0, len(clip) - 1, min(_MOST_JUDGED + len(painted), len(clip)))
    numbers = sorted({int(n) for n in spread} - painted) or sorted(painted)
    sure = []
    for done, number in enumerate(numbers, 1):
        sure.append(translate.certainty(to_tensor(clip.frame(number).pixels), number))
        watch.progress(Progress("compare", done / len(numbers), f"frame {number}"))
    least = int(np.argmin(sure))
    return numbers[least], sure[least]

"""Training a look and keeping it as a file."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidgan.config import DEFAULT_RECIPE, Recipe, load_recipe
from vidgan.errors import UsageError
from vidgan.gan.device import choose_device
from vidgan.gan.look import Look, save_look
from vidgan.jobs.options import Options, Result, Watch
from vidgan.jobs.source import chosen_frame, open_source, survey_clip
from vidgan.jobs.training import check_holds_patches, read_target, train_look
from vidgan.keyframes import Survey
from vidgan.media import Clip, check_output
from vidgan.media.output import replacing

LOOK_ENDINGS = (".safetensors",)


def train(
    clip: str | Path,
    target: str | Path,
    out: str | Path,
    *,
    pipeline: str = DEFAULT_RECIPE,
    overrides: Sequence[str] = (),
    frame: str | int | None = None,
    options: Options | None = None,
    watch: Watch | None = None,
) -> Result:
    """Train a look on a frame of the clip and the target, and keep it as `out` (.safetensors).

    Arguments as in vidgan.translate. Raises VidganError.
    """
    options, watch = options or Options(), watch or Watch()
    recipe = require_training(load_recipe(pipeline, overrides))
    device = choose_device(options.device)
    check_output(out, [clip, target], overwrite=options.overwrite, endings=LOOK_ENDINGS)
    picture = read_target(target, recipe.train)
    source = open_source(clip, options, watch)
    wanted = chosen_frame(source, frame)
    found = survey_clip(source, recipe, watch)
    lesson = learn(source, found, picture, recipe, wanted, options, watch)
    with replacing(Path(out)) as temporary:
        save_look(lesson.look, temporary)
    return Result(
        Path(out),
        str(device),
        representative=lesson.representative,
        steps=lesson.look.steps,
        train_seconds=lesson.seconds,
    )


@dataclass(frozen=True)
class Lesson:
    """A finished training: the look, the frame that it was trained on, and the wall time it took."""

    look: Look
    representative: int
    seconds: float


def learn(
    clip: Clip,
    found: Survey,
    target: np.ndarray,
    recipe: Recipe,
    frame: int | None,
    options: Options,
    watch: Watch,
    on_look: Callable[[Look], None] = lambda look: None,
) -> Lesson:
    """Train on an opened and surveyed clip. frame: None chooses the representative one."""
    began = time.monotonic()
    number = found.representative if frame is None else frame
    pixels = clip.frame(number).pixels
    check_holds_patches(pixels, recipe.train, str(clip.path))
    look = train_look(pixels, target, recipe, choose_device(options.device), watch, on_look)
    return Lesson(look, number, time.monotonic() - began)


def require_training(recipe: Recipe) -> Recipe:
    """The recipe itself; UsageError where it does not translate and so has nothing to train."""
    if recipe.translate.method == "none":
        raise UsageError(f"the recipe {recipe.name} does not translate, so there is nothing to train.")
    return recipe

"""A look at single frames before the whole clip is rendered, refreshed while training goes on."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from vidgan.config import Recipe, load_recipe
from vidgan.errors import UsageError
from vidgan.gan.device import choose_device
from vidgan.gan.look import Look, Translator, load_look
from vidgan.jobs.options import Options, Result, Watch
from vidgan.jobs.render import recipe_of
from vidgan.jobs.rendering import estimator_for, rendered_frames
from vidgan.jobs.source import chosen_frame, frame_number, open_source, survey_clip
from vidgan.jobs.train import Lesson, learn, require_training
from vidgan.jobs.training import read_target
from vidgan.keyframes import Survey
from vidgan.media import Clip, check_output, write_picture
from vidgan.media.output import PICTURES
from vidgan.resample import to_pixels, to_tensor

PREVIEW_RECIPE = "draft"


def preview(
    clip: str | Path,
    target: str | Path | None,
    out: str | Path,
    *,
    at: Sequence[str | int] = (),
    model: str | Path | None = None,
    pipeline: str | None = None,
    overrides: Sequence[str] = (),
    frame: str | int | None = None,
    options: Options | None = None,
    watch: Watch | None = None,
) -> Result:
    """Show single frames in the look of a target, or of a trained model, as one picture `out`.

    at: frame numbers or timecodes; the one trained on where empty; several stand side by side.
    pipeline: the recipe to train, `draft` unless told. While training, `out` is written anew after
    every stage; the last version is exactly what a render of these frames gives. Raises VidganError.
    """
    options, watch = options or Options(), watch or Watch()
    if (target is None) == (model is None):
        raise UsageError("a preview needs either a target picture or a trained model (-m), and not both.")
    device = choose_device(options.device)
    inputs = [clip, *(path for path in (target, model) if path is not None)]
    check_output(out, inputs, overwrite=options.overwrite, endings=PICTURES)
    look = None if model is None else load_look(Path(model), device)
    recipe = _recipe(look, pipeline, overrides)
    estimator_for(recipe, device, options.raft_weights)  # RAFT's weights may be missing: before training
    picture = None if target is None else read_target(target, recipe.train)
    source = open_source(clip, options, watch)
    asked = [frame_number(source, place) for place in at]
    wanted = chosen_frame(source, frame)
    found = survey_clip(source, recipe, watch)
    pair = found.representative if wanted is None else wanted
    numbers = asked or [pair]
    lesson = Lesson(look, pair, 0.0) if look else None
    if lesson is None:
        assert picture is not None
        refresh = _refresher(source, numbers, recipe, device, Path(out), watch)
        lesson = learn(source, found, picture, recipe, pair, options, watch, refresh)
    write_picture(out, _rendered(source, found, numbers, lesson.look, recipe, options))
    return Result(
        Path(out),
        str(device),
        len(numbers),
        representative=None if look else pair,
        steps=lesson.look.steps,
        train_seconds=lesson.seconds,
    )


def preview_recipe(model: str | Path | None, pipeline: str | None, overrides: Sequence[str]) -> Recipe:
    """The recipe that a preview of this model, or of a new training, goes by."""
    return _recipe(None if model is None else load_look(Path(model)), pipeline, overrides)


def _recipe(look: Look | None, pipeline: str | None, overrides: Sequence[str]) -> Recipe:
    if look is None:
        return require_training(load_recipe(pipeline or PREVIEW_RECIPE, overrides))
    if pipeline is not None:
        raise UsageError(
            "a trained model brings its own recipe: leave --pipeline out, or change values by --set."
        )
    return recipe_of(look, overrides)


def _refresher(
    clip: Clip, numbers: Sequence[int], recipe: Recipe, device: torch.device, out: Path, watch: Watch
) -> Callable[[Look], None]:
    """What writes `out` from a look in training: each frame by itself, at the size it has reached."""
    sources = [to_tensor(clip.frame(number).pixels) for number in numbers]

    def refresh(look: Look) -> None:
        translator = Translator(look, device, recipe.translate)
        write_picture(out, np.hstack([to_pixels(translator(source)) for source in sources]))
        watch.notice(f"{out} shows stage {len(look.generator_b.stages)} of {look.ladder.stages}")

    return refresh


def _rendered(
    clip: Clip, found: Survey, numbers: Sequence[int], look: Look, recipe: Recipe, options: Options
) -> np.ndarray:
    """These frames as a render of the clip has them, smoothed over their neighbours, side by side."""
    device = choose_device(options.device)
    translator = Translator(look, device, recipe.translate)
    estimator = estimator_for(recipe, device, options.raft_weights)
    pictures = []
    for number in numbers:
        frames = rendered_frames(clip, translator, recipe.smooth, found.cuts, estimator, number, number + 1)
        pictures += [_eight_bit(rendered.frame.pixels) for rendered in frames]
    return np.hstack(pictures)


def _eight_bit(pixels: np.ndarray) -> np.ndarray:
    """uint16 to uint8, rounded: 65535 is 255 x 257."""
    return pixels if pixels.dtype == np.uint8 else ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)

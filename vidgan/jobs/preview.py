"""A look at single frames before the whole clip is rendered, refreshed while training goes on."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from vidgan.config import Recipe, TranslateSettings, load_recipe, override_recipe
from vidgan.errors import Interrupted, UsageError
from vidgan.gan.device import choose_device
from vidgan.gan.look import Look, load_look
from vidgan.jobs.interrupt import stop_when_interrupted
from vidgan.jobs.options import Options, Result, Watch
from vidgan.jobs.picture import require_pair
from vidgan.jobs.render import recipe_of
from vidgan.jobs.rendering import estimator_for, rendered_frames
from vidgan.jobs.source import chosen_frame, frame_number, open_source, survey_clip
from vidgan.jobs.train import Lesson, how_far, learn, require_training
from vidgan.jobs.training import Session, read_target, texture_size, trained_size
from vidgan.keyframes import Survey
from vidgan.media import Clip, check_output, write_picture
from vidgan.media.output import PICTURES
from vidgan.resample import resize, to_pixels, to_tensor

PREVIEW_RECIPE = "draft"


def preview(
    clip: str | Path,
    target: str | Path | None,
    out: str | Path,
    *,
    at: Sequence[str | int] = (),
    strengths: Sequence[float] = (),
    model: str | Path | None = None,
    pipeline: str | None = None,
    overrides: Sequence[str] = (),
    frame: str | int | None = None,
    options: Options | None = None,
    watch: Watch | None = None,
) -> Result:
    """Show single frames in the look of a target, or of a trained model, as one picture `out`.

    at: frame numbers or timecodes; the one trained on where empty; several stand side by side. strengths:
    several, to choose from: a row for each frame, its source first. pipeline: the recipe to train, `draft`
    unless told. While training, `out` is written anew after every stage; the last version is exactly what
    a render of these frames gives. A recipe that reverses shows the target in the manner of the clip,
    where it is trained here; a trained model is applied to the clip's frames. Raises VidganError.
    """
    options, watch = options or Options(), watch or Watch()
    if (target is None) == (model is None):
        raise UsageError("a preview needs either a target picture or a trained model (-m), and not both.")
    if model is not None and frame is not None:
        raise UsageError(
            "a trained model has its frame already: leave --frame out; --at chooses what is shown."
        )
    device = choose_device(options.device)
    inputs = [clip, *(path for path in (target, model) if path is not None)]
    check_output(out, inputs, overwrite=options.overwrite, endings=PICTURES)
    look = None if model is None else load_look(Path(model))
    recipe = _recipe(look, pipeline, overrides)
    steps = [_at_strength(recipe, strength) for strength in strengths] or [recipe.translate]
    compared = bool(strengths)
    estimator_for(recipe, device, options.raft_weights)  # RAFT's weights may be missing: before training
    picture = None if target is None else read_target(target, recipe.train)
    if recipe.translate.reverse and picture is not None and at:
        raise UsageError("--reverse shows the target in the manner of the clip: leave --at out.")
    source = open_source(clip, options, watch)
    asked = [frame_number(source, place) for place in at]
    wanted = chosen_frame(source, frame)
    found = survey_clip(source, recipe, watch)
    pair = found.representative if wanted is None else wanted
    numbers = asked or [pair]
    lesson = Lesson(look, pair, 0.0) if look else None
    turned = recipe.translate.reverse and picture is not None
    if lesson is None:
        assert picture is not None
        shown = [source.frame(number).pixels for number in numbers]
        if turned:
            shown = [_at_texture_scale(picture, source.frame(pair).pixels, recipe)]
        refresh = _refresher(shown, steps, compared, device, Path(out), watch)
        with stop_when_interrupted() as should_stop:
            session = Session(should_stop=should_stop)
            lesson = learn(source, found, picture, recipe, pair, options, watch, refresh, session)
        if lesson.interrupted or should_stop():
            refresh(lesson.look)
            raise Interrupted(f"training was stopped {how_far(lesson.look)}: {out} shows what it had learnt.")
        if turned:
            write_picture(out, _directly(lesson.look, shown, steps, compared, device))
    if not turned:
        write_picture(out, _rendered(source, found, numbers, steps, compared, lesson.look, recipe, options))
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
        return require_pair(require_training(load_recipe(pipeline or PREVIEW_RECIPE, overrides)))
    if pipeline is not None:
        raise UsageError(
            "a trained model brings its own recipe: leave --pipeline out, or change values by --set."
        )
    return recipe_of(look, overrides)


def _at_texture_scale(target: np.ndarray, frame: np.ndarray, recipe: Recipe) -> np.ndarray:
    """The target at the size that it is trained at beside that frame."""
    if recipe.parts.max_px:
        return to_pixels(trained_size(to_tensor(target), recipe))
    size = texture_size(target.shape[:2], frame.shape[:2], recipe.train)
    return to_pixels(resize(to_tensor(target), size))


def _at_strength(recipe: Recipe, strength: float) -> TranslateSettings:
    return override_recipe(recipe, [f"translate.strength={strength}"]).translate


def _refresher(
    sources: Sequence[np.ndarray],
    steps: Sequence[TranslateSettings],
    compared: bool,
    device: torch.device,
    out: Path,
    watch: Watch,
) -> Callable[[Look], None]:
    """What writes `out` from a look in training: each frame by itself, at the size it has reached."""

    def refresh(look: Look) -> None:
        write_picture(out, _directly(look, sources, steps, compared, device))
        watch.notice(f"{out} shows stage {look.model.grown} of {look.model.stages}")

    return refresh


def _directly(
    look: Look,
    sources: Sequence[np.ndarray],
    steps: Sequence[TranslateSettings],
    compared: bool,
    device: torch.device,
) -> np.ndarray:
    """Each source by itself, without its neighbours."""
    columns = []
    for settings in steps:
        translator = look.translation(device, settings)
        columns.append([to_pixels(translator(to_tensor(source))) for source in sources])
    return _arranged([_eight_bit(source) for source in sources] if compared else [], columns)


def _rendered(
    clip: Clip,
    found: Survey,
    numbers: Sequence[int],
    steps: Sequence[TranslateSettings],
    compared: bool,
    look: Look,
    recipe: Recipe,
    options: Options,
) -> np.ndarray:
    """These frames as a render of the clip has them, smoothed over their neighbours."""
    device = choose_device(options.device)
    estimator = estimator_for(recipe, device, options.raft_weights)
    columns = []
    for settings in steps:
        translator = look.translation(device, settings)
        column = []
        for number in numbers:
            frames = rendered_frames(
                clip, translator, recipe.smooth, found.cuts, estimator, number, number + 1
            )
            column += [_eight_bit(rendered.frame.pixels) for rendered in frames]
        columns.append(column)
    sources = [_eight_bit(clip.frame(number).pixels) for number in numbers] if compared else []
    return _arranged(sources, columns)


def _arranged(sources: Sequence[np.ndarray], columns: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Results side by side; or, where sources are given, a row for each frame, its source first."""
    if not sources:
        return np.hstack(columns[0])
    return np.vstack([np.hstack(row) for row in zip(sources, *columns, strict=True)])


def _eight_bit(pixels: np.ndarray) -> np.ndarray:
    """uint16 to uint8, rounded: 65535 is 255 x 257."""
    return pixels if pixels.dtype == np.uint8 else ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)

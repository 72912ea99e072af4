"""A look at single frames before the whole clip is rendered, refreshed while training goes on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from vidgan.config import Recipe, TranslateSettings, load_recipe, override_recipe
from vidgan.errors import Interrupted, UsageError
from vidgan.gan.device import choose_device
from vidgan.gan.engine import require_engine
from vidgan.gan.look import Look, load_look
from vidgan.jobs.interrupt import stop_when_interrupted
from vidgan.jobs.matte import Matte, open_matte
from vidgan.jobs.options import Options, Result, Watch
from vidgan.jobs.picture import require_pair
from vidgan.jobs.rendering import estimator_for, rendered_frames
from vidgan.jobs.request import recipe_of
from vidgan.jobs.source import frame_number, open_source, survey_clip
from vidgan.jobs.subject import Asked, Lesson, prepare
from vidgan.jobs.train import how_far, require_training
from vidgan.jobs.training import Session, texture_size, trained_size
from vidgan.keyframes import Survey
from vidgan.media import Clip, check_output, write_picture
from vidgan.media.output import PICTURES
from vidgan.resample import eight_bit, resize, to_pixels, to_tensor

PREVIEW_RECIPE, PAINTED_PREVIEW_RECIPE = "draft", "keyframe-draft"


def preview(
    clip: str | Path,
    target: str | Path | None,
    out: str | Path,
    *,
    at: Sequence[str | int] = (),
    strengths: Sequence[float] = (),
    keyframes: Sequence[str] = (),
    masks: Sequence[str] = (),
    matte: str | Path | None = None,
    feather: float | None = None,
    model: str | Path | None = None,
    pipeline: str | None = None,
    overrides: Sequence[str] = (),
    frame: str | int | None = None,
    options: Options | None = None,
    watch: Watch | None = None,
) -> Result:
    """Show single frames in the look of a target, of painted keyframes or of a trained model, as one picture.

    at: frame numbers or timecodes; the one trained on where empty, or one that nobody painted; several
    stand side by side. strengths: several, to choose from: a row for each frame, its source first.
    keyframes, masks, matte, feather: as in vidgan.translate. pipeline: the recipe to train, `draft` or
    `keyframe-draft` unless told. While training, `out` is written anew after every stage; the last version is
    exactly what a render of these frames gives. A recipe that reverses shows the target in the manner of the
    clip, where it is trained here; a trained model is applied to the clip's frames. Raises VidganError.
    """
    options, watch = options or Options(), watch or Watch()
    asked = Asked(target, frame, keyframes, masks)
    if (target is None and not keyframes) == (model is None):
        raise UsageError(
            "a preview needs one of a target picture, painted keyframes (-k) and a trained model (-m)."
        )
    if model is not None and masks:
        raise UsageError(
            "--mask says which part of a keyframe counts: a trained model has its keyframes already."
        )
    if model is not None and frame is not None:
        raise UsageError(
            "a trained model has its frame already: leave --frame out; --at chooses what is shown."
        )
    device = choose_device(options.device)
    require_engine(options.engine, device)
    inputs = [clip, *asked.paths, *(path for path in (model, matte) if path is not None)]
    check_output(out, inputs, overwrite=options.overwrite, endings=PICTURES)
    look = None if model is None else load_look(Path(model))
    recipe = _recipe(look, pipeline, overrides, asked)
    if look is None:
        asked.check(recipe, "vidgan preview")
    steps = [_at_strength(recipe, strength) for strength in strengths] or [recipe.translate]
    compared = bool(strengths)
    estimator_for(recipe, device, options.raft_weights)  # RAFT's weights may be missing: before training
    turned = recipe.translate.reverse and look is None
    if turned and matte is not None:
        raise UsageError("--reverse shows the target, which no matte of the clip fits: leave --matte out.")
    if turned and at:
        raise UsageError("--reverse shows the target in the manner of the clip: leave --at out.")
    source = open_source(clip, options, watch)
    limits = open_matte(matte, feather, source, options, watch)
    numbers = [frame_number(source, place) for place in at]
    subject = None if look else prepare(asked, source, recipe, options, watch)
    found = survey_clip(source, recipe, watch)
    pair = found.representative if subject is None else subject.shown(found)
    numbers = numbers or [pair]
    lesson = Lesson(look, pair, 0.0) if look else None
    if lesson is None:
        assert subject is not None
        shown = [source.frame(number).pixels for number in numbers]
        if turned:
            shown = [_at_texture_scale(subject.picture, source.frame(pair).pixels, recipe)]
        show = _Shown(shown, None if turned else numbers, steps, compared, device)
        refresh = _refresher(show, recipe, options, Path(out), watch)
        with stop_when_interrupted() as should_stop:
            lesson = subject.learn(found, watch, refresh, Session(should_stop=should_stop))
        if lesson.interrupted or should_stop():
            refresh(lesson.look)
            raise Interrupted(f"training was stopped {how_far(lesson.look)}: {out} shows what it had learnt.")
        if turned:
            write_picture(out, show.picture(lesson.look, recipe, options))
    if not turned:
        pictures = _rendered(source, found, numbers, steps, compared, lesson.look, recipe, options, limits)
        write_picture(out, pictures)
    return Result(
        Path(out),
        str(device),
        len(numbers),
        representative=lesson.representative if subject else None,
        steps=lesson.look.steps,
        keyframes=lesson.keyframes,
        train_seconds=lesson.seconds,
    )


def preview_recipe(
    model: str | Path | None, pipeline: str | None, overrides: Sequence[str], asked: Asked
) -> Recipe:
    """The recipe that a preview of this model, or of a new training, goes by."""
    return _recipe(None if model is None else load_look(Path(model)), pipeline, overrides, asked)


def _recipe(look: Look | None, pipeline: str | None, overrides: Sequence[str], asked: Asked) -> Recipe:
    if look is None:
        name = pipeline or asked.recipe_name(PREVIEW_RECIPE, PAINTED_PREVIEW_RECIPE)
        return require_pair(require_training(load_recipe(name, overrides)))
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


@dataclass(frozen=True)
class _Shown:
    """Frames to be shown each by itself, without its neighbours. numbers: None where they are of no clip."""

    sources: Sequence[np.ndarray]
    numbers: Sequence[int] | None
    steps: Sequence[TranslateSettings]
    compared: bool
    device: torch.device

    def picture(self, look: Look, recipe: Recipe, options: Options) -> np.ndarray:
        motion = estimator_for(recipe, self.device, options.raft_weights)
        numbers: Sequence[int | None] = self.numbers or [None] * len(self.sources)
        columns = []
        for settings in self.steps:
            translator = look.translation(self.device, settings, motion, options.engine)
            pairs = zip(self.sources, numbers, strict=True)
            columns.append([to_pixels(translator(to_tensor(source), number)) for source, number in pairs])
        return _arranged([eight_bit(source) for source in self.sources] if self.compared else [], columns)


def _refresher(
    show: _Shown, recipe: Recipe, options: Options, out: Path, watch: Watch
) -> Callable[[Look], None]:
    """What writes `out` from a look in training: each frame by itself, at the size it has reached."""

    def refresh(look: Look) -> None:
        write_picture(out, show.picture(look, recipe, options))
        watch.notice(f"{out} shows stage {look.model.grown} of {look.model.stages}")

    return refresh


def _rendered(
    clip: Clip,
    found: Survey,
    numbers: Sequence[int],
    steps: Sequence[TranslateSettings],
    compared: bool,
    look: Look,
    recipe: Recipe,
    options: Options,
    matte: Matte | None,
) -> np.ndarray:
    """These frames as a render of the clip has them, smoothed over their neighbours."""
    device = choose_device(options.device)
    estimator = estimator_for(recipe, device, options.raft_weights)
    motion = estimator_for(recipe, device, options.raft_weights)
    columns = []
    for settings in steps:
        translator = look.translation(device, settings, motion, options.engine)
        column = []
        for number in numbers:
            frames = rendered_frames(
                clip, translator, recipe.smooth, found.cuts, estimator, number, number + 1, matte
            )
            column += [eight_bit(rendered.frame.pixels) for rendered in frames]
        columns.append(column)
    sources = [eight_bit(clip.frame(number).pixels) for number in numbers] if compared else []
    return _arranged(sources, columns)


def _arranged(sources: Sequence[np.ndarray], columns: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Results side by side; or, where sources are given, a row for each frame, its source first."""
    if not sources:
        return np.hstack(columns[0])
    return np.vstack([np.hstack(row) for row in zip(sources, *columns, strict=True)])

"""Training a look and keeping it as a file."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidgan.config import DEFAULT_RECIPE, Recipe, load_recipe, override_recipe
from vidgan.errors import Interrupted, UsageError
from vidgan.gan.device import choose_device
from vidgan.gan.look import Look, load_look, save_look
from vidgan.jobs.interrupt import stop_when_interrupted
from vidgan.jobs.options import Options, Result, Watch
from vidgan.jobs.picture import learn_picture, learns_one_picture
from vidgan.jobs.source import chosen_frame, open_source, survey_clip
from vidgan.jobs.training import Footage, Session, check_holds_patches, read_target, train_look
from vidgan.keyframes import Survey
from vidgan.media import Clip, check_output
from vidgan.media.output import replacing

LOOK_ENDINGS = (".safetensors",)
HELD_OUT = 2
"""Frames that training only measures itself by."""


def train(
    clip: str | Path,
    target: str | Path | None,
    out: str | Path,
    *,
    pipeline: str | None = None,
    overrides: Sequence[str] = (),
    frame: str | int | None = None,
    repeat: str | Path | None = None,
    resume: bool = False,
    options: Options | None = None,
    watch: Watch | None = None,
) -> Result:
    """Train a look on a frame of the clip and the target, and keep it as `out` (.safetensors).

    Arguments as in vidgan.translate; a recipe that learns one picture takes it as `clip`, and no
    target. repeat: a look whose recipe and whole schedule are to be repeated: on
    the same pair, on a CPU, it gives the same weights bit for bit. Stopped by Ctrl-C, `out` holds
    what it had learnt, and the same call with `resume` goes on exactly there. Raises VidganError.
    """
    options, watch = options or Options(), watch or Watch()
    repeated = None if repeat is None else load_look(Path(repeat))
    recipe = require_training(resolved_recipe(repeated, pipeline, overrides))
    device = choose_device(options.device)
    checkpoint = checkpoint_of(Path(out), resume)
    inputs = [path for path in (clip, target, repeat) if path is not None]
    check_output(out, inputs, overwrite=options.overwrite or resume, endings=LOOK_ENDINGS)
    teach = _prepared(clip, target, recipe, frame, options, watch)
    with stop_when_interrupted() as should_stop:
        record = None if repeated is None else repeated.record
        key = "" if repeated is None else repeated.pair_key
        lesson = teach(Session(record, key, checkpoint, resume, should_stop))
    with replacing(Path(out)) as temporary:
        save_look(lesson.look, temporary)
    if lesson.interrupted:
        raise Interrupted(
            f"training was stopped {how_far(lesson.look)}: {out} holds what it had learnt and can be used; "
            "the same command with --resume goes on where it stopped."
        )
    checkpoint.unlink(missing_ok=True)
    return Result(
        Path(out),
        str(device),
        representative=lesson.representative,
        steps=lesson.look.steps,
        train_seconds=lesson.seconds,
    )


def _prepared(
    clip: str | Path,
    target: str | Path | None,
    recipe: Recipe,
    frame: str | int | None,
    options: Options,
    watch: Watch,
) -> Callable[[Session], "Lesson"]:
    """The training, with all done that comes before it."""
    if learns_one_picture(recipe):
        if target is not None or frame is not None:
            raise UsageError(f"the recipe {recipe.name} learns one picture: leave TARGET and --frame out.")
        _refuse_clip_options(recipe, options)
        return lambda session: _learn_picture(clip, recipe, options, watch, session)
    if target is None:
        raise UsageError(f"the recipe {recipe.name} needs a target picture: vidgan train CLIP TARGET -o LOOK")
    picture = read_target(target, recipe.train)
    source = open_source(clip, options, watch)
    wanted = chosen_frame(source, frame)
    found = survey_clip(source, recipe, watch)
    return lambda session: learn(source, found, picture, recipe, wanted, options, watch, session=session)


def _learn_picture(
    picture: str | Path, recipe: Recipe, options: Options, watch: Watch, session: Session
) -> "Lesson":
    look, seconds = learn_picture(picture, recipe, options, watch, session)
    return Lesson(look, None, seconds, look.interrupted)


def _refuse_clip_options(recipe: Recipe, options: Options) -> None:
    given = {
        "--stream": options.stream is not None,
        "--rate": options.rate is not None,
        "--allow-truncated": options.allow_truncated,
    }
    useless = [name for name, is_given in given.items() if is_given]
    if useless:
        raise UsageError(f"the recipe {recipe.name} learns one picture: leave {', '.join(useless)} out.")


def how_far(look: Look) -> str:
    """How far an interrupted training came."""
    return f"in stage {look.model.grown} of {look.model.stages}, iteration {sum(look.steps)}"


def checkpoint_of(out: Path, resume: bool) -> Path:
    """Where a stopped training's state is; UsageError where there is none to go on from."""
    path = out.with_name(f"{out.name}.resume")
    if resume and not path.is_file():
        raise UsageError(f"there is no {path} to go on from: leave --resume out to train from the beginning.")
    return path


def resolved_recipe(repeated: Look | None, pipeline: str | None, overrides: Sequence[str]) -> Recipe:
    """What a training goes by: a named recipe (the default one where None), or that of a look to repeat."""
    if repeated is None:
        return load_recipe(pipeline or DEFAULT_RECIPE, overrides)
    if pipeline is not None:
        raise UsageError("--repeat trains by the look's own recipe: leave --pipeline out.")
    return repeated_recipe(repeated, overrides)


def repeated_recipe(look: Look, overrides: Sequence[str]) -> Recipe:
    """The recipe of a look that is to be trained again; UsageError where overrides change its training."""
    if look.interrupted:
        raise UsageError("the look to repeat was stopped before its end: finish it with --resume first.")
    recipe = override_recipe(look.recipe, overrides)
    if (recipe.train, recipe.parts) != (look.recipe.train, look.recipe.parts):
        raise UsageError("--repeat trains by the look's own [parts] and [train]: --set may not change them.")
    return recipe


@dataclass(frozen=True)
class Lesson:
    """A training: the look, the clip's frame that was trained on, its wall time, whether it was stopped."""

    look: Look
    representative: int | None
    seconds: float
    interrupted: bool = False


def learn(
    clip: Clip,
    found: Survey,
    target: np.ndarray,
    recipe: Recipe,
    frame: int | None,
    options: Options,
    watch: Watch,
    on_look: Callable[[Look], None] = lambda look: None,
    session: Session | None = None,
) -> Lesson:
    """Train on an opened and surveyed clip. frame: None chooses the representative one."""
    began = time.monotonic()
    number = found.representative if frame is None else frame
    footage = choose_footage(clip, found, number, recipe.train.frames)
    if len(footage.others) < recipe.train.frames:
        watch.notice(
            f"the clip has only {len(footage.others)} more frames to train on, not {recipe.train.frames}"
        )
    check_holds_patches(footage.frame, recipe.train, str(clip.path))
    device = choose_device(options.device)
    look, trained = train_look(footage, target, recipe, device, watch, on_look, session)
    return Lesson(look, number, time.monotonic() - began, trained.interrupted)


def choose_footage(clip: Clip, found: Survey, frame: int, others: int) -> Footage:
    """The pair's frame, two that differ most to measure by, and up to `others` of the next to train on."""
    varied = [number for number in (*found.varied, found.representative) if number != frame]
    pictures = [clip.frame(number).pixels for number in varied[: HELD_OUT + others]]
    return Footage(clip.frame(frame).pixels, pictures[HELD_OUT:], pictures[:HELD_OUT])


def require_training(recipe: Recipe) -> Recipe:
    """The recipe itself; UsageError where it does not translate and so has nothing to train."""
    if recipe.translate.method == "none":
        raise UsageError(f"the recipe {recipe.name} does not translate, so there is nothing to train.")
    return recipe

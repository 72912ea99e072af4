"""Training a look and keeping it as a file."""

from collections.abc import Callable, Sequence
from pathlib import Path

from vidgan.config import DEFAULT_RECIPE, Recipe, load_recipe, override_recipe
from vidgan.errors import Interrupted, UsageError
from vidgan.gan.device import choose_device
from vidgan.gan.look import Look, load_look, save_look
from vidgan.jobs.interrupt import stop_when_interrupted
from vidgan.jobs.options import Options, Result, Watch
from vidgan.jobs.picture import learn_picture, learns_one_picture
from vidgan.jobs.source import open_source, survey_clip
from vidgan.jobs.subject import Asked, Lesson, prepare
from vidgan.jobs.training import Session
from vidgan.media import check_output
from vidgan.media.output import replacing

LOOK_ENDINGS = (".safetensors",)


def train(
    clip: str | Path,
    target: str | Path | None,
    out: str | Path,
    *,
    pipeline: str | None = None,
    overrides: Sequence[str] = (),
    frame: str | int | None = None,
    keyframes: Sequence[str] = (),
    masks: Sequence[str] = (),
    repeat: str | Path | None = None,
    resume: bool = False,
    options: Options | None = None,
    watch: Watch | None = None,
) -> Result:
    """Train a look on a frame of the clip and the target, or on painted keyframes; keep it as `out`.

    Arguments as in vidgan.translate; a recipe that learns one picture takes it as `clip`, and no
    target. repeat: a look whose recipe and whole schedule are to be repeated: on
    the same pair, on a CPU, it gives the same weights bit for bit. Stopped by Ctrl-C, `out` holds
    what it had learnt, and the same call with `resume` goes on exactly there. Raises VidganError.
    """
    options, watch = options or Options(), watch or Watch()
    repeated = None if repeat is None else load_look(Path(repeat))
    asked = Asked(target, frame, keyframes, masks)
    recipe = require_training(resolved_recipe(repeated, pipeline, overrides, asked.recipe_name()))
    device = choose_device(options.device)
    checkpoint = checkpoint_of(Path(out), resume)
    inputs = [clip, *asked.paths, *([] if repeat is None else [repeat])]
    check_output(out, inputs, overwrite=options.overwrite or resume, endings=LOOK_ENDINGS)
    if checkpoint.exists() and not resume:
        watch.notice(
            f"{checkpoint} holds a training that was broken off: --resume goes on there; this starts over"
        )
    teach = _prepared(clip, asked, recipe, options, watch)
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
        keyframes=lesson.keyframes,
        train_seconds=lesson.seconds,
    )


def _prepared(
    clip: str | Path,
    asked: Asked,
    recipe: Recipe,
    options: Options,
    watch: Watch,
) -> Callable[[Session], Lesson]:
    """The training, with all done that comes before it."""
    if learns_one_picture(recipe):
        if asked.paths or asked.frame is not None:
            raise UsageError(f"the recipe {recipe.name} learns one picture: leave TARGET, --frame, -k out.")
        _refuse_clip_options(recipe, options)
        return lambda session: _learn_picture(clip, recipe, options, watch, session)
    asked.check(recipe, "vidgan train", "LOOK")
    source = open_source(clip, options, watch)
    subject = prepare(asked, source, recipe, options, watch)
    found = survey_clip(source, recipe, watch)
    return lambda session: subject.learn(found, watch, session=session)


def _learn_picture(
    picture: str | Path, recipe: Recipe, options: Options, watch: Watch, session: Session
) -> Lesson:
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


def checkpoint_of(out: Path, resume: bool = False) -> Path:
    """Where a stopped training's state is; UsageError where there is none to go on from."""
    path = out.with_name(f"{out.name}.resume")
    if resume and not path.is_file():
        raise UsageError(f"there is no {path} to go on from: leave --resume out to train from the beginning.")
    return path


def resolved_recipe(
    repeated: Look | None, pipeline: str | None, overrides: Sequence[str], default: str = DEFAULT_RECIPE
) -> Recipe:
    """What a training goes by: a named recipe (the default one where None), or that of a look to repeat."""
    if repeated is None:
        return load_recipe(pipeline or default, overrides)
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


def require_training(recipe: Recipe) -> Recipe:
    """The recipe itself; UsageError where it does not translate and so has nothing to train."""
    if recipe.translate.method == "none":
        raise UsageError(f"the recipe {recipe.name} does not translate, so there is nothing to train.")
    return recipe

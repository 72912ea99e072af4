"""The main job: train on a pair, render the clip."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from vidgan.config import load_recipe
from vidgan.errors import Interrupted, UsageError
from vidgan.gan.device import choose_device
from vidgan.gan.look import Look, load_look, save_look
from vidgan.jobs.delivery import check_outputs
from vidgan.jobs.facts import facts_of
from vidgan.jobs.interrupt import stop_when_interrupted
from vidgan.jobs.matte import open_matte
from vidgan.jobs.options import Options, Result, Watch
from vidgan.jobs.prepared import Prepared, surveyed
from vidgan.jobs.render import carry_out
from vidgan.jobs.request import Request, check_means
from vidgan.jobs.source import chosen_span, open_source
from vidgan.jobs.subject import Asked, Lesson, Subject, prepare
from vidgan.jobs.train import how_far
from vidgan.jobs.training import Session
from vidgan.jobs.work import LESSON, Work, open_work
from vidgan.keyframes import Survey
from vidgan.media import codec_for
from vidgan.media.digest import file_sha256
from vidgan.media.output import replacing

_LESSON = {"representative", "keyframes", "seconds", "sha256"}


def translate(
    clip: str | Path,
    target: str | Path | None,
    out: str | Path,
    *,
    keyframes: Sequence[str] = (),
    masks: Sequence[str] = (),
    matte: str | Path | None = None,
    feather: float | None = None,
    pipeline: str | None = None,
    overrides: Sequence[str] = (),
    frame: str | int | None = None,
    options: Options | None = None,
    watch: Watch | None = None,
) -> Result:
    """Give every frame of a clip the look of a target picture or of painted frames, and write it as `out`.

    keyframes: painted frames of the clip instead of a target, "48=painted.png" each, by frame number or
    timecode; masks: "48=mask.png" each, white where that keyframe counts. matte: a clip, folder or picture,
    white where the result replaces the source; feather: the softness of its edges, as sigma in pixels.
    pipeline: a recipe's name or path, `balanced` or `keyframe`
    where None; overrides: "section.key=value" each. frame: the clip's half of the pair, a number or
    timecode; the frame closest to all others where None. Raises VidganError.
    """
    options, watch = options or Options(), watch or Watch()
    asked = Asked(target, frame, keyframes, masks)
    recipe = load_recipe(pipeline or asked.recipe_name(), overrides)
    if recipe.translate.method == "none":
        _refuse_all(asked, matte, feather, options, recipe.name)
        name = pipeline or recipe.name
        request = Request(clip, None, Path(out), overrides=overrides, options=options, pipeline=name)
        return carry_out(request, watch)
    asked.check(recipe, "vidgan translate")
    if recipe.translate.reverse:
        raise UsageError(
            "a clip cannot be rendered in its own manner: train a look, then render footage of the target's "
            "kind with `vidgan render FOOTAGE -m LOOK --reverse -o OUT`."
        )
    choose_device(options.device)  # before anything slow
    check_outputs(Path(out), [clip, *asked.paths, *([] if matte is None else [matte])], options)
    source = open_source(clip, options, watch)
    span = chosen_span(source, options)
    check_means(source, recipe, Path(out), options)
    subject = prepare(asked, source, recipe, options, watch)
    limits = open_matte(matte, feather, source, options, watch)
    facts = facts_of(
        "translate",
        source,
        span,
        recipe,
        codec_for(recipe.encode.codec, Path(out), source.info, recipe.encode),
        options,
        choose_device(options.device),
        matte=limits,
        inputs=asked.files(),
        words={"--frame": frame},
    )
    with open_work(Path(out), facts, len(span), options, watch) as work:
        check_outputs(Path(out), [clip, *asked.paths], options)  # somebody may have been done just now
        # Of painted frames, those outside the span count, too.
        found = surveyed(source, recipe, watch, None if asked.keyframes else span, work)
        lesson = _learnt(subject, found, work, watch)
        prepared = Prepared(source, recipe, options, watch, lesson.look, limits, subject.picture)
        result = prepared.result(work, found.cuts)
    return replace(
        result,
        representative=lesson.representative,
        keyframes=lesson.keyframes,
        train_seconds=lesson.seconds,
    )


def _learnt(subject: Subject, found: Survey, work: Work, watch: Watch) -> Lesson:
    """What an earlier attempt had learnt, or else what training gives now; kept in the work folder.

    Whoever trained it, rendering reads the look from its file. Raises Interrupted where training was stopped.
    """
    told = work.recall(LESSON)
    if told is None or not told.keys() >= _LESSON or not _is_whole(work.look, told["sha256"]):
        work.forget_frames()
        with stop_when_interrupted() as should_stop:
            session = Session(
                checkpoint=work.checkpoint, resume=work.checkpoint.exists(), should_stop=should_stop
            )
            lesson = subject.learn(found, watch, session=session)
        if lesson.interrupted or should_stop():
            raise Interrupted(_kept(lesson, work))
        _keep(lesson.look, work.look)
        told = {
            "representative": lesson.representative,
            "keyframes": lesson.keyframes,
            "seconds": lesson.seconds,
            "sha256": file_sha256(work.look),
        }
        work.remember(LESSON, told)
        work.checkpoint.unlink(missing_ok=True)
    look = load_look(work.look)
    return Lesson(look, told["representative"], told["seconds"], keyframes=tuple(told["keyframes"]))


def _is_whole(look: Path, sha256: str) -> bool:
    with suppress(OSError):
        return file_sha256(look) == sha256
    return False


def _refuse_all(
    asked: Asked, matte: str | Path | None, feather: float | None, options: Options, recipe: str
) -> None:
    """What a recipe that does not translate has no use for."""
    given = {
        str(asked.target): asked.target is not None,
        "--frame": asked.frame is not None,
        "-k": bool(asked.keyframes),
        "--mask": bool(asked.masks),
        "--matte": matte is not None,
        "--feather": feather is not None,
        "--report": options.report,
    }
    useless = [name for name, is_given in given.items() if is_given]
    if useless:
        raise UsageError(f"the recipe {recipe} does not translate: leave {', '.join(useless)} out.")


def _kept(lesson: Lesson, work: Work) -> str:
    """Keep what a training had learnt when it was stopped, and say so."""
    so_far = work.folder / "look-so-far.safetensors"
    _keep(lesson.look, so_far)
    return (
        f"training was stopped {how_far(lesson.look)}: the same command goes on there. What it had "
        f"learnt can be rendered into another output: vidgan render CLIP -m {so_far} -o OTHER"
    )


def _keep(look: Look, path: Path) -> None:
    with replacing(path) as temporary:
        save_look(look, temporary)

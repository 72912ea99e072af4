"""The main job: train on a pair, render the clip."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, count
from pathlib import Path

from vidgan.config import DEFAULT_RECIPE, load_recipe
from vidgan.errors import Interrupted, UsageError
from vidgan.gan.device import choose_device
from vidgan.gan.look import save_look
from vidgan.jobs.delivery import check_outputs
from vidgan.jobs.interrupt import stop_when_interrupted
from vidgan.jobs.options import Options, Result, Watch
from vidgan.jobs.picture import require_pair
from vidgan.jobs.render import check_means, pass_through, render_look
from vidgan.jobs.source import chosen_frame, open_source, survey_clip
from vidgan.jobs.train import Lesson, how_far, learn
from vidgan.jobs.training import Session, read_target
from vidgan.media.output import replacing


def translate(
    clip: str | Path,
    target: str | Path | None,
    out: str | Path,
    *,
    pipeline: str = DEFAULT_RECIPE,
    overrides: Sequence[str] = (),
    frame: str | int | None = None,
    options: Options | None = None,
    watch: Watch | None = None,
) -> Result:
    """Give every frame of a clip the look of a target picture, and write the result as `out`.

    pipeline: a recipe's name or path; overrides: "section.key=value" each. frame: the clip's half of
    the pair, a number or timecode; the frame closest to all others where None. target is None only
    for recipes that do not translate. Raises VidganError.
    """
    options, watch = options or Options(), watch or Watch()
    recipe = load_recipe(pipeline, overrides)
    if recipe.translate.method == "none":
        if target is not None:
            raise UsageError(f"the recipe {recipe.name} does not translate: leave {target} out.")
        if frame is not None:
            raise UsageError(f"the recipe {recipe.name} does not train: leave --frame out.")
        return pass_through(clip, out, recipe, options, watch)
    require_pair(recipe)
    if recipe.translate.reverse:
        raise UsageError(
            "a clip cannot be rendered in its own manner: train a look, then render footage of the target's "
            "kind with `vidgan render FOOTAGE -m LOOK --reverse -o OUT`."
        )
    if target is None:
        raise UsageError(
            f"the recipe {recipe.name} needs a target picture: vidgan translate CLIP TARGET -o OUT"
        )
    choose_device(options.device)  # before anything slow
    check_outputs(Path(out), [clip, target], options)
    picture = read_target(target, recipe.train)
    source = open_source(clip, options, watch)
    check_means(source, recipe, Path(out), options)
    wanted = chosen_frame(source, frame)
    found = survey_clip(source, recipe, watch)
    with stop_when_interrupted() as should_stop:
        session = Session(should_stop=should_stop)
        lesson = learn(source, found, picture, recipe, wanted, options, watch, session=session)
    if lesson.interrupted or should_stop():
        raise Interrupted(_kept(lesson, Path(out)))
    result = render_look(source, found, lesson.look, recipe, Path(out), options, watch, picture)
    return replace(result, representative=lesson.representative, train_seconds=lesson.seconds)


def _kept(lesson: Lesson, out: Path) -> str:
    """Keep the look beside the output, and say so."""
    look = _free_name(out)
    with replacing(look) as temporary:
        save_look(lesson.look, temporary)
    return (
        f"training was stopped {how_far(lesson.look)}; what it had learnt is kept: "
        f"vidgan render CLIP -m {look} -o {out}"
    )


def _free_name(out: Path) -> Path:
    """OUT.look.safetensors, or with a number where that exists: nothing that was kept is lost."""
    endings = chain([""], (f"-{number}" for number in count(2)))
    paths = (out.with_name(f"{out.name}.look{ending}.safetensors") for ending in endings)
    return next(path for path in paths if not path.exists())

"""Applying a trained look to a clip."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from vidgan.config import Recipe, SmoothSettings, override_recipe
from vidgan.errors import UsageError
from vidgan.gan.device import choose_device
from vidgan.gan.engine import require_engine
from vidgan.gan.look import Look, load_look
from vidgan.jobs.delivery import Delivery, check_outputs, deliver
from vidgan.jobs.encoding import Draw
from vidgan.jobs.facts import Facts, facts_of
from vidgan.jobs.matte import Matte, open_matte
from vidgan.jobs.options import Options, Result, Watch
from vidgan.jobs.profile import profile_of
from vidgan.jobs.rendering import AsItIs, Rendered, estimator_for, rendered_frames
from vidgan.jobs.report import FlickerReport, report_beside
from vidgan.jobs.sheet import ContactSheet
from vidgan.jobs.source import chosen_span, open_source, survey_clip
from vidgan.jobs.verification import require_verified
from vidgan.jobs.work import SURVEY, Work, open_work
from vidgan.keyframes import Survey
from vidgan.media import Clip, check_encoder, codec_for
from vidgan.meter import metered


def render(
    clip: str | Path,
    model: str | Path,
    out: str | Path,
    *,
    matte: str | Path | None = None,
    feather: float | None = None,
    overrides: Sequence[str] = (),
    options: Options | None = None,
    watch: Watch | None = None,
) -> Result:
    """Apply a trained look (a .safetensors file) to every frame of a clip, and write it as `out`.

    matte, feather: as in vidgan.translate. The recipe is the one stored in the look, with `overrides`
    ("smooth.window=3") laid over it; what concerns training in it was decided when the look was trained.
    Raises VidganError.
    """
    options, watch = options or Options(), watch or Watch()
    require_engine(options.engine, choose_device(options.device))  # before anything slow
    look = load_look(Path(model))
    recipe = recipe_of(look, overrides)
    check_outputs(Path(out), [clip, model, *([] if matte is None else [matte])], options)
    source = open_source(clip, options, watch)
    chosen_span(source, options)
    check_means(source, recipe, Path(out), options)
    limits = open_matte(matte, feather, source, options, watch)
    facts = rendering_facts("render", source, recipe, Path(out), options, limits, {"the look": model})
    span = chosen_span(source, options)
    with open_work(Path(out), facts, len(span), options, watch) as work:
        check_outputs(Path(out), [clip, model], options)  # somebody else may have been done just now
        found = surveyed(source, recipe, watch, span, work)
        return render_look(source, found, look, recipe, work, options, watch, matte=limits)


def rendering_facts(
    job: str,
    clip: Clip,
    recipe: Recipe,
    out: Path,
    options: Options,
    matte: Matte | None = None,
    inputs: Mapping[str, str | Path] | None = None,
    words: Mapping[str, object] | None = None,
) -> Facts:
    """All that decides about a render's bits; see facts_of."""
    codec = codec_for(recipe.encode.codec, out, clip.info, recipe.encode)
    span, device = chosen_span(clip, options), choose_device(options.device)
    return facts_of(job, clip, span, recipe, codec, options, device, matte=matte, inputs=inputs, words=words)


def surveyed(clip: Clip, recipe: Recipe, watch: Watch, span: range | None, work: Work) -> Survey:
    """survey_clip, or what it had found for an earlier attempt."""
    before = work.recall(SURVEY)
    with suppress(KeyError, TypeError):  # damaged: looked for again
        return Survey(**{**before, "cuts": tuple(before["cuts"]), "varied": tuple(before["varied"])})
    found = survey_clip(clip, recipe, watch, span)
    work.remember(SURVEY, asdict(found))
    return found


def recipe_of(look: Look, overrides: Sequence[str]) -> Recipe:
    """The look's own recipe with values changed; UsageError for those that were settled by training."""
    recipe = override_recipe(look.recipe, overrides)
    if recipe.train != look.recipe.train or recipe.translate.method != look.recipe.translate.method:
        raise UsageError(
            "a trained look keeps its [train] values and its translate.method: "
            "--set may change [translate], [smooth], [flow], [decode] and [encode], or train it anew."
        )
    return recipe


def check_means(clip: Clip, recipe: Recipe, out: Path, options: Options) -> None:
    """Find out before anything slow whether flow, codec and engine can be had. Raises VidganError."""
    check_encoder(out, clip.info, codec_for(recipe.encode.codec, out, clip.info, recipe.encode))
    require_engine(options.engine, choose_device(options.device))
    estimator_for(recipe, choose_device(options.device), options.raft_weights)


def render_look(
    clip: Clip,
    found: Survey,
    look: Look,
    recipe: Recipe,
    work: Work,
    options: Options,
    watch: Watch,
    target: np.ndarray | None = None,
    matte: Matte | None = None,
) -> Result:
    """Render an opened and surveyed clip. target: shown on the contact sheet, (H, W, 3) uint8."""
    device = choose_device(options.device)
    estimator = estimator_for(recipe, device, options.raft_weights)
    motion = estimator_for(recipe, device, options.raft_weights)
    translator = look.translation(device, recipe.translate, motion, options.engine)
    report = None
    if options.report:
        report = FlickerReport(found.cuts, clip.timestamps[0], chosen_span(clip, options).start)

    def draw(start: int, stop: int) -> Generator[Rendered]:
        return rendered_frames(
            clip, translator, recipe.smooth, found.cuts, estimator, start, stop, matte, watch.notice
        )

    delivery = _delivery(clip, work.out, recipe, options, target, found.cuts, report)
    result = replace(_delivered(clip, draw, delivery, work, options, watch), steps=look.steps)
    if report is None:
        return result
    return replace(result, report=report_beside(work.out), worst=tuple(map(str, report.worst())))


def pass_through(clip: str | Path, out: str | Path, recipe: Recipe, options: Options, watch: Watch) -> Result:
    """The way of a translation, with the identity in the generator's place: `translate.method = "none"`."""
    device = choose_device(options.device)
    estimator = estimator_for(recipe, device, options.raft_weights)
    check_outputs(Path(out), [clip], options)
    source = open_source(clip, options, watch)
    check_means(source, recipe, Path(out), options)
    delivery = _delivery(source, Path(out), recipe, options)

    def draw(start: int, stop: int) -> Generator[Rendered]:
        return rendered_frames(source, AsItIs(), SmoothSettings(window=0), (), estimator, start, stop)

    facts = rendering_facts("passthrough", source, recipe, Path(out), options)
    with open_work(Path(out), facts, len(delivery.span), options, watch) as work:
        check_outputs(Path(out), [clip], options)
        return _delivered(source, draw, delivery, work, options, watch)


def _delivered(
    clip: Clip, draw: Draw, delivery: Delivery, work: Work, options: Options, watch: Watch
) -> Result:
    """Everything from the first frame on: rendered, joined, in place, verified."""
    with metered() as meter:
        delivered = deliver(clip, draw, delivery, work, watch)
    seconds = meter.wall_seconds()
    profile = profile_of(meter) if options.profile else None
    verified = require_verified(clip, work.out, delivery.span, watch) if options.verify else None
    return Result(
        out=work.out,
        device=str(choose_device(options.device)),
        frames=len(delivery.span),
        frames_sha256=delivered.frames_sha256,
        reused=delivered.reused,
        recipe=delivered.recipe,
        sheet=options.sheet,
        render_seconds=seconds,
        verified=verified,
        profile=profile,
    )


def _delivery(
    clip: Clip,
    out: Path,
    recipe: Recipe,
    options: Options,
    target: np.ndarray | None = None,
    cuts: Sequence[int] = (),
    report: FlickerReport | None = None,
) -> Delivery:
    codec = codec_for(recipe.encode.codec, out, clip.info, recipe.encode)
    span = chosen_span(clip, options)
    return Delivery(out, codec, recipe, ContactSheet(span, target), options.sheet, span, cuts, report)

"""Applying a trained look to a clip."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vidgan.config import Recipe, SmoothSettings, override_recipe
from vidgan.errors import UsageError
from vidgan.gan.device import choose_device
from vidgan.gan.engine import require_engine
from vidgan.gan.look import Look, load_look
from vidgan.jobs.delivery import Delivery, check_outputs, deliver
from vidgan.jobs.matte import Matte, open_matte
from vidgan.jobs.options import Options, Result, Watch
from vidgan.jobs.rendering import AsItIs, estimator_for, rendered_frames
from vidgan.jobs.report import FlickerReport, report_beside
from vidgan.jobs.sheet import ContactSheet
from vidgan.jobs.source import chosen_span, open_source, survey_clip
from vidgan.jobs.verification import require_verified
from vidgan.keyframes import Survey
from vidgan.media import Clip, check_encoder, codec_for


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
    found = survey_clip(source, recipe, watch, chosen_span(source, options))
    return render_look(source, found, look, recipe, Path(out), options, watch, matte=limits)


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
    out: Path,
    options: Options,
    watch: Watch,
    target: np.ndarray | None = None,
    matte: Matte | None = None,
) -> Result:
    """Render an opened and surveyed clip. target: shown on the contact sheet, (H, W, 3) uint8."""
    began = time.monotonic()
    device = choose_device(options.device)
    estimator = estimator_for(recipe, device, options.raft_weights)
    motion = estimator_for(recipe, device, options.raft_weights)
    translator = look.translation(device, recipe.translate, motion, options.engine)
    span = chosen_span(clip, options)
    frames = rendered_frames(
        clip, translator, recipe.smooth, found.cuts, estimator, span.start, span.stop, matte, watch.notice
    )
    report = FlickerReport(found.cuts, clip.timestamps[0]) if options.report else None
    shown = frames if report is None else report.watched(frames)
    recipe_path = deliver(clip, shown, _delivery(clip, out, recipe, options, target), watch)
    seconds = time.monotonic() - began
    verified = require_verified(clip, out, span, watch) if options.verify else None
    result = Result(
        out=out,
        verified=verified,
        device=str(device),
        frames=len(span),
        recipe=recipe_path,
        sheet=options.sheet,
        steps=look.steps,
        render_seconds=seconds,
    )
    if report is None:
        return result
    report.write(report_beside(out))
    return replace(result, report=report_beside(out), worst=tuple(map(str, report.worst())))


def pass_through(clip: str | Path, out: str | Path, recipe: Recipe, options: Options, watch: Watch) -> Result:
    """The way of a translation, with the identity in the generator's place: `translate.method = "none"`."""
    began = time.monotonic()
    device = choose_device(options.device)
    estimator = estimator_for(recipe, device, options.raft_weights)
    check_outputs(Path(out), [clip], options)
    source = open_source(clip, options, watch)
    check_means(source, recipe, Path(out), options)
    delivery = _delivery(source, Path(out), recipe, options, None)
    span = delivery.span
    frames = rendered_frames(source, AsItIs(), SmoothSettings(window=0), (), estimator, span.start, span.stop)
    recipe_path = deliver(source, frames, delivery, watch)
    seconds = time.monotonic() - began
    return Result(
        out=Path(out),
        device=str(device),
        frames=len(span),
        recipe=recipe_path,
        sheet=options.sheet,
        render_seconds=seconds,
        verified=require_verified(source, Path(out), span, watch) if options.verify else None,
    )


def _delivery(clip: Clip, out: Path, recipe: Recipe, options: Options, target: np.ndarray | None) -> Delivery:
    codec = codec_for(recipe.encode.codec, out, clip.info, recipe.encode)
    span = chosen_span(clip, options)
    return Delivery(out, codec, recipe, ContactSheet(span, target), options.sheet, span)

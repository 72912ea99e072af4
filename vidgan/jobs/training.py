"""Training a look on one representative pair: a frame of the clip and the target."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from vidgan.config import Recipe, TrainSettings
from vidgan.errors import MediaError
from vidgan.gan.look import Look, Translator
from vidgan.gan.pyramid import Size
from vidgan.gan.training import TrainProgress, train_pair
from vidgan.jobs.options import Progress, Watch
from vidgan.media import read_picture
from vidgan.resample import resize, to_pixels, to_tensor

_PREVIEW_PX = 320
_FEW_STEPS = 20  # in any one stage: below, its texture has not settled


def read_target(path: str | Path, settings: TrainSettings) -> np.ndarray:
    """The target picture, (H, W, 3) uint8; MediaError where too few patches fit into it."""
    picture = read_picture(path)
    check_holds_patches(picture, settings, str(path))
    return picture


def check_holds_patches(picture: np.ndarray, settings: TrainSettings, name: str) -> None:
    """MediaError where a picture is smaller than two patches a side: nothing could be learnt from it."""
    height, width = picture.shape[:2]
    least = 2 * settings.patch_px
    if min(height, width) < least:
        patches = f"{settings.patch_px}x{settings.patch_px} patches"
        raise MediaError(
            f"{name} is {width}x{height}, too small to learn {patches} from: "
            f"give a picture of {least} pixels a side or more."
        )


def train_look(
    frame: np.ndarray,
    target: np.ndarray,
    recipe: Recipe,
    device: torch.device,
    watch: Watch,
    on_look: Callable[[Look], None] = lambda look: None,
) -> Look:
    """Train on a frame and a target, (H, W, 3) uint8 or uint16 each, of any two sizes.

    on_look is called after every stage with what stands so far.
    """
    size = texture_size(target.shape[:2], frame.shape[:2], recipe.train)
    trained = train_pair(
        to_tensor(frame, device),
        resize(to_tensor(target, device), size).clamp(-1, 1),
        recipe.train,
        on_progress=lambda progress: watch.progress(_told(progress)),
        on_stage=lambda so_far: on_look(Look.of(so_far, recipe)),
    )
    if min(trained.steps) < _FEW_STEPS and not recipe.train.steps:
        watch.notice(
            f"training got only {sum(trained.steps)} steps in {recipe.train.seconds:g} s, too few for a good "
            "look: this machine is busy or slow; give it longer with --set train.seconds=300"
        )
    look = Look.of(trained, recipe)
    return replace(look, preview=_preview(look, frame, device))


def texture_size(target: Size, frame: Size, settings: TrainSettings) -> Size:
    """How large the target's texture stands in the frame, as the target's (height, width) beside it.

    texture_scale 1 fits the whole target into the frame, smaller is finer. 0 chooses: fitted, but
    never enlarged, so that every pixel of texture is one that the target really has.
    """
    fitted = min(frame[0] / target[0], frame[1] / target[1])
    scale = fitted * settings.texture_scale if settings.texture_scale else min(1.0, fitted)
    scale = max(scale, 2 * settings.patch_px / min(target))
    return round(target[0] * scale), round(target[1] * scale)


def _told(progress: TrainProgress) -> Progress:
    where = f"stage {progress.stage + 1}/{progress.stages}, step {progress.step}"
    return Progress("train", progress.fraction, where, progress.losses)


def _preview(look: Look, frame: np.ndarray, device: torch.device) -> np.ndarray:
    """The pair's own frame in the look, at most _PREVIEW_PX wide, to tell looks apart by."""
    picture = Translator(look, device)(to_tensor(frame))
    height, width = picture.shape[-2:]
    if width > _PREVIEW_PX:
        picture = resize(picture, (max(1, round(height * _PREVIEW_PX / width)), _PREVIEW_PX))
    return to_pixels(picture)

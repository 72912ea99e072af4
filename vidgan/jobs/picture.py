"""Learning one picture, without a clip: what can be sampled afterwards."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from vidgan.config import Recipe
from vidgan.errors import LookError, UsageError
from vidgan.gan.checkpoint import training_key
from vidgan.gan.device import choose_device
from vidgan.gan.look import Look
from vidgan.gan.published.training import PublishedTrainer
from vidgan.jobs.options import Options, Watch
from vidgan.jobs.training import Session, carried_out, check_holds_patches, tell_of, trained_size
from vidgan.media import read_picture
from vidgan.resample import to_pixels, to_tensor


def learns_one_picture(recipe: Recipe) -> bool:
    """Whether its generator is told nothing, and so has no clip to translate."""
    return recipe.parts.conditioning == "none"


def require_pair(recipe: Recipe) -> Recipe:
    """The recipe itself; UsageError where it learns one picture."""
    if learns_one_picture(recipe):
        raise UsageError(
            f"the recipe {recipe.name} learns one picture and translates none: "
            f"vidgan train PICTURE -p {recipe.name} -o LOOK, then vidgan sample LOOK -o SHEET.png"
        )
    return recipe


def learn_picture(
    picture: str | Path, recipe: Recipe, options: Options, watch: Watch, session: Session
) -> tuple[Look, float]:
    """Train on a picture file; the look, and the seconds that it took."""
    began = time.monotonic()
    pixels = read_picture(picture)
    check_holds_patches(pixels, recipe.train, str(picture))
    device = choose_device(options.device)
    shown = trained_size(to_tensor(pixels, device), recipe)
    pair_key = training_key(list(shown), recipe)
    if session.pair_key not in ("", pair_key):
        raise LookError(f"the look to repeat was trained on another picture than {picture}: give the same")
    training = PublishedTrainer([shown], recipe, session.record)
    trained = carried_out(training, training_key(list(shown), recipe, session.record), recipe, session, watch)
    tell_of(trained, recipe, watch)
    look = replace(Look.of(trained, recipe), pair_key=pair_key)
    return replace(look, preview=_preview(look)), time.monotonic() - began


def _preview(look: Look) -> np.ndarray:
    return to_pixels(look.model.sampler(torch.device("cpu"))(None, 0, 0))

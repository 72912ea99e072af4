"""Training a look on painted keyframes."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from vidgan.config import Recipe
from vidgan.errors import LookError
from vidgan.gan.checkpoint import training_key
from vidgan.gan.look import Look
from vidgan.gan.model import Motion
from vidgan.gan.painted import anchor as painted
from vidgan.gan.painted.training import PaintedTrainer
from vidgan.jobs.keyframes import Keyframe
from vidgan.jobs.options import Watch
from vidgan.jobs.training import Session, carried_out, small_preview
from vidgan.resample import to_tensor

_FEW_STEPS = 100


def learn_keyframes(
    keyframes: Sequence[Keyframe],
    others: Sequence[tuple[int, np.ndarray]],
    recipe: Recipe,
    device: torch.device,
    motion: Motion,
    cuts: Sequence[int],
    watch: Watch,
    on_look: Callable[[Look], None],
    session: Session,
) -> Look:
    """Train on keyframes of one clip, in its order; on_look as in train_look.

    others: frames that nobody painted, by their numbers, (H, W, 3). cuts: where shots begin.
    """
    unpainted = [(number, to_tensor(pixels, device)) for number, pixels in others]
    pictures = [picture for keyframe in keyframes for picture in _pictures(keyframe, device)]
    pictures += [frame[0] for _, frame in unpainted]
    pair_key = training_key(pictures, recipe)
    if session.pair_key not in ("", pair_key):
        raise LookError("the look to repeat was trained on others: give the same clip, keyframes and masks")
    on_device = [_on(device, keyframe) for keyframe in keyframes]
    training = PaintedTrainer(on_device, recipe, session.record, unpainted, motion, cuts)
    key = training_key(pictures, recipe, session.record)
    trained = carried_out(
        training, key, recipe, session, watch, lambda so_far: on_look(Look.of(so_far, recipe))
    )
    if sum(trained.steps) < _FEW_STEPS and not recipe.train.steps and not trained.interrupted:
        watch.notice(
            f"training got only {sum(trained.steps)} steps in {recipe.train.seconds:g} s: this machine is "
            f"busy or slow; give it longer with --set train.seconds={2 * recipe.train.seconds:g}"
        )
    look = replace(Look.of(trained, recipe), pair_key=pair_key)
    return replace(look, preview=small_preview(to_tensor(keyframes[0].painting)))


def _pictures(keyframe: Keyframe, device: torch.device) -> list[torch.Tensor]:
    mask = np.repeat(np.rint(keyframe.mask * 255).astype(np.uint8)[..., None], 3, 2)
    return [to_tensor(picture, device)[0] for picture in (keyframe.frame, keyframe.painting, mask)]


def _on(device: torch.device, keyframe: Keyframe) -> painted.Keyframe:
    """As a look's file keeps it: what is shown after training is what the file gives."""
    frame, painting = (to_tensor(picture, device) for picture in (keyframe.frame, keyframe.painting))
    mask = torch.from_numpy(np.rint(keyframe.mask * 255) / 255).float()[None, None].to(device)
    return painted.Keyframe(keyframe.number, frame, painting, mask)

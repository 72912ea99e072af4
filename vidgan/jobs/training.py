"""Training a look on one representative pair: a frame of the clip and the target."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vidgan.config import Recipe, TrainSettings
from vidgan.errors import LookError, MediaError
from vidgan.gan.checkpoint import load_checkpoint, save_checkpoint, training_key
from vidgan.gan.look import Look
from vidgan.gan.neighbour import NextFrame
from vidgan.gan.pair import Pair
from vidgan.gan.pyramid import Size, size_of
from vidgan.gan.schedule import Record
from vidgan.gan.threads import working_with
from vidgan.gan.trainers import Training, new_training
from vidgan.gan.training import Trained, TrainProgress
from vidgan.gan.watch import layout_kept
from vidgan.jobs.facts import key_of, machine_facts
from vidgan.jobs.options import Progress, Watch
from vidgan.media import read_picture
from vidgan.media.output import replacing
from vidgan.resample import resize, to_pixels, to_tensor

_PREVIEW_PX = 320
_LOST_STRUCTURE = 0.5
KEEP_EVERY_SECONDS = 15.0  # a checkpoint takes some 20 ms
_FEW_STEPS = 60  # a stage: with fewer, texture has not settled


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


@dataclass(frozen=True)
class Beside:
    """picture: (H, W, 3). flow: (1, 2, H, W) in pixels, to it. seen: (1, 1, H, W) bool, in sight in both."""

    picture: np.ndarray
    flow: Tensor
    seen: Tensor


@dataclass(frozen=True)
class Footage:
    """The clip's part in a training, (H, W, 3) each.

    frame: its half of the pair. others: more of it, without a counterpart. held_out: what training only
    measures itself by. beside: a frame next to the pair's own and the motion to it, where that is trained on.
    """

    frame: np.ndarray
    others: Sequence[np.ndarray] = ()
    held_out: Sequence[np.ndarray] = ()
    beside: Beside | None = None


@dataclass(frozen=True)
class Session:
    """How a training is carried out: what it repeats, what it goes on from, and when it is to stop.

    record: another look's schedule; pair_key: what that was trained on. checkpoint: written now and then, and
    where training is stopped before its end; read first where `resume` is set.
    """

    record: Record | None = None
    pair_key: str = ""
    checkpoint: Path | None = None
    resume: bool = False
    should_stop: Callable[[], bool] = lambda: False


def train_look(
    footage: Footage,
    target: np.ndarray,
    recipe: Recipe,
    device: torch.device,
    watch: Watch,
    on_look: Callable[[Look], None] = lambda look: None,
    session: Session | None = None,
) -> tuple[Look, Trained]:
    """Train on footage and a target, (H, W, 3), of any size.

    on_look is called after every stage with what stands so far. Returns the look and what training says
    of it; where it was stopped early the look holds what it had learnt.
    """
    session = session or Session()
    pair = make_pair(footage, target, recipe, device)
    pair_key = training_key(pair.pictures, recipe)
    if session.pair_key not in ("", pair_key):
        raise LookError(
            "the look to repeat was trained on another pair: give the same clip, --frame and target"
        )
    training = new_training(pair, recipe, session.record)
    key = training_key(pair.pictures, recipe, session.record)
    trained = carried_out(
        training, key, recipe, session, watch, lambda so_far: on_look(Look.of(so_far, recipe))
    )
    look = replace(Look.of(trained, recipe), pair_key=pair_key)
    tell_of(trained, recipe, watch)
    with working_with(1, same=0, timed=not recipe.train.steps):
        _tell_what_is_lost(look, footage, watch, device)
        return replace(look, preview=_preview(look, footage.frame, device)), trained


def carried_out(
    training: Training,
    key: str,
    recipe: Recipe,
    session: Session,
    watch: Watch,
    on_stage: Callable[[Trained], None] = lambda trained: None,
) -> Trained:
    """Train, from the start or from where it was stopped; its state is kept now and then, and at a stop.

    key: training_key of what is trained on; versions and the processor's instructions count, too.
    """
    key = f"{key} {key_of(machine_facts(training.device, recipe))}"
    if session.resume and session.checkpoint is not None:
        load_checkpoint(training, key, session.checkpoint)
    keeper = _Keeper(training, key, session.checkpoint)
    trained = training.run(
        lambda progress: watch.progress(_told(progress)), on_stage, session.should_stop, keeper.now_and_then
    )
    if trained.interrupted:
        keeper.keep()
    return trained


class _Keeper:
    """Keeps a training's state, so that neither a stop nor a crash loses it."""

    def __init__(self, training: Training, key: str, path: Path | None) -> None:
        self._training, self._key, self._path = training, key, path
        self._last = time.monotonic()

    def now_and_then(self) -> None:
        """To be called between iterations."""
        if time.monotonic() - self._last >= KEEP_EVERY_SECONDS:
            self.keep()
            self._last = time.monotonic()

    def keep(self) -> None:
        if self._path is not None:
            with replacing(self._path) as temporary:
                save_checkpoint(self._training, self._key, temporary)


def make_pair(footage: Footage, target: np.ndarray, recipe: Recipe, device: torch.device) -> Pair:
    """The same as tensors, the target at its texture scale."""
    frames = [trained_size(to_tensor(frame, device), recipe) for frame in (footage.frame, *footage.others)]
    held_out = [trained_size(to_tensor(frame, device), recipe) for frame in footage.held_out]
    shown = to_tensor(target, device)
    if recipe.parts.max_px:
        return Pair(torch.cat(frames), trained_size(shown, recipe), held_out)
    size = texture_size(target.shape[:2], size_of(frames[0]), recipe.train)
    target_at_scale = resize(shown, size).clamp(-1, 1)
    return Pair(torch.cat(frames), target_at_scale, held_out, _next_frame(footage.beside, device))


def _next_frame(beside: Beside | None, device: torch.device) -> NextFrame | None:
    if beside is None:
        return None
    picture = to_tensor(beside.picture, device)
    return NextFrame(picture, beside.flow.to(device), beside.seen.to(device).float())


def trained_size(picture: Tensor, recipe: Recipe) -> Tensor:
    """(1, 3, H, W) -> no longer than max_px, where the recipe's method trains on small pictures."""
    height, width = size_of(picture)
    most = recipe.parts.max_px
    if not most or max(height, width) <= most:
        return picture
    scale = most / max(height, width)
    return resize(picture, (max(1, round(height * scale)), max(1, round(width * scale)))).clamp(-1, 1)


def tell_of(trained: Trained, recipe: Recipe, watch: Watch) -> None:
    """What the user should know of how it went."""
    if (
        sum(trained.steps) < _FEW_STEPS * len(trained.steps)
        and not recipe.train.steps
        and not trained.interrupted
    ):
        watch.notice(
            f"training got only {sum(trained.steps)} steps in {recipe.train.seconds:g} s, too few for a good "
            f"look: this machine is busy or slow; give it longer with --set train.seconds={_longer(recipe):g}"
        )
    for remark in trained.remarks:
        watch.notice(remark)


def _longer(recipe: Recipe) -> float:
    return max(300.0, 2 * recipe.train.seconds)


def _tell_what_is_lost(look: Look, footage: Footage, watch: Watch, device: torch.device) -> None:
    """Whether the layout of a frame, if possible one that training did not see, survives."""
    settings = replace(look.recipe.translate, reverse=False)
    frame = to_tensor([*footage.held_out, footage.frame][0], device)
    kept = abs(layout_kept(look.translation(device, settings)(frame), frame))  # light may become dark
    if kept < _LOST_STRUCTURE:
        can_be_lowered = look.recipe.parts.conditioning == "pyramid" and settings.strength > 0
        lower = " or a lower --strength" if can_be_lowered else ""
        watch.notice(
            f"little of the clip's layout is kept (correlation {kept:.2f}): the result may show the target's "
            f"own things; try another --frame{lower}"
        )


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
    if progress.stage < 0:
        return Progress("train", progress.fraction, part="what becomes of what", losses=progress.losses)
    stage = f"stage {progress.stage + 1}/{progress.stages}"
    return Progress("train", progress.fraction, f"step {progress.step}", stage, progress.losses)


def _preview(look: Look, frame: np.ndarray, device: torch.device) -> np.ndarray:
    """The pair's own frame in the look, at most _PREVIEW_PX wide, to tell looks apart by."""
    forward = replace(look.recipe.translate, reverse=False)
    return small_preview(look.translation(device, forward)(to_tensor(frame)))


def small_preview(picture: Tensor) -> np.ndarray:
    """(1, 3, H, W) in [-1, 1] -> (h, w, 3) uint8, at most _PREVIEW_PX wide."""
    height, width = picture.shape[-2:]
    if width > _PREVIEW_PX:
        picture = resize(picture, (max(1, round(height * _PREVIEW_PX / width)), _PREVIEW_PX))
    return to_pixels(picture)

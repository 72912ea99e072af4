"""What a look is learnt from: a target picture and a frame of the clip, or painted keyframes."""

import time
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vidgan.config import DEFAULT_RECIPE, Recipe
from vidgan.errors import UsageError
from vidgan.gan.device import choose_device
from vidgan.gan.look import Look
from vidgan.jobs.keyframes import Keyframe, paths_of, read_keyframes
from vidgan.jobs.options import Options, Watch
from vidgan.jobs.painting import learn_keyframes
from vidgan.jobs.picture import require_pair
from vidgan.jobs.rendering import estimator_for
from vidgan.jobs.source import chosen_frame
from vidgan.jobs.training import Beside, Footage, Session, check_holds_patches, read_target, train_look
from vidgan.keyframes import Survey
from vidgan.media import Clip
from vidgan.motion import FlowEstimator, Step

HELD_OUT = 2
"""Frames that training only measures itself by."""
OnLook = Callable[[Look], None]


@dataclass(frozen=True)
class Lesson:
    """A training: the look, the clip's frame that was trained on, its wall time, whether it was stopped."""

    look: Look
    representative: int | None
    seconds: float
    interrupted: bool = False
    keyframes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What the user gave, as given. keyframes, masks: "FRAME=PICTURE" each."""

    target: str | Path | None = None
    frame: str | int | None = None
    keyframes: Sequence[str] = ()
    masks: Sequence[str] = ()

    @property
    def paths(self) -> list[str | Path]:
        """Every file that is read for it."""
        target = [] if self.target is None else [self.target]
        return [*target, *paths_of(self.keyframes), *paths_of(self.masks)]

    def files(self) -> dict[str, str | Path]:
        """The same by what they are."""
        target: dict[str, str | Path] = {} if self.target is None else {"the target": self.target}
        painted = {f"-k {place}": path for place, path in map(_divided, self.keyframes)}
        masks = {f"--mask {place}": path for place, path in map(_divided, self.masks)}
        return {**target, **painted, **masks}

    def recipe_name(self, plain: str = DEFAULT_RECIPE, painted: str = "keyframe") -> str:
        """The recipe where none is named."""
        return painted if self.keyframes else plain

    def check(self, recipe: Recipe, command: str, out: str = "OUT") -> None:
        """UsageError where the recipe cannot learn from what was given. command, out: for its remedy."""
        require_pair(recipe)
        if self.masks and not self.keyframes:
            raise UsageError("--mask says which part of a keyframe counts: give -k FRAME=PICTURE too")
        if self.keyframes and self.target is not None:
            raise UsageError(
                f"a look is learnt from keyframes or from a target: leave {self.target} or -k out"
            )
        if self.keyframes and self.frame is not None:
            raise UsageError("keyframes name their frames themselves: leave --frame out")
        if bool(self.keyframes) != is_painted(recipe):
            raise UsageError(
                f"the recipe {recipe.name} is for painted keyframes: {command} CLIP -k FRAME=PAINTED -o {out}"
                if is_painted(recipe)
                else f"the recipe {recipe.name} learns from a target, not from keyframes: leave -p or -k out"
            )
        if not self.keyframes and self.target is None:
            raise UsageError(
                f"the recipe {recipe.name} needs a target picture: {command} CLIP TARGET -o {out}; "
                f"or give a painted frame: {command} CLIP -k FRAME=PAINTED -o {out}"
            )


def _divided(given: str) -> tuple[str, str]:
    """FRAME and PICTURE."""
    place, _, path = given.partition("=")
    return place, path


def is_painted(recipe: Recipe) -> bool:
    """Whether its looks are learnt from painted keyframes."""
    return recipe.parts.conditioning == "painted"


class Subject(ABC):
    """The same, read and checked against an opened clip.

    picture: (H, W, 3) uint8, what stands for the look on a contact sheet.
    """

    picture: np.ndarray

    @abstractmethod
    def shown(self, found: Survey) -> int:
        """The frame that a preview shows where none was asked for."""

    @abstractmethod
    def learn(
        self,
        found: Survey,
        watch: Watch,
        on_look: OnLook = lambda look: None,
        session: Session | None = None,
    ) -> Lesson:
        """Train on the surveyed clip; on_look is called with what stands so far."""


def prepare(asked: Asked, clip: Clip, recipe: Recipe, options: Options, watch: Watch) -> Subject:
    """Read what was given. Raises UsageError and MediaError, before anything slow."""
    if asked.keyframes:
        keyframes = read_keyframes(clip, asked.keyframes, asked.masks, watch)
        return PaintedSubject(clip, recipe, options, keyframes)
    assert asked.target is not None
    picture = read_target(asked.target, recipe.train)
    return TargetSubject(clip, recipe, options, picture, chosen_frame(clip, asked.frame))


class TargetSubject(Subject):
    """frame: None chooses the representative one."""

    def __init__(
        self, clip: Clip, recipe: Recipe, options: Options, picture: np.ndarray, frame: int | None
    ) -> None:
        self.clip, self.recipe, self.options, self.picture, self.frame = clip, recipe, options, picture, frame

    def shown(self, found: Survey) -> int:
        return found.representative if self.frame is None else self.frame

    def learn(
        self,
        found: Survey,
        watch: Watch,
        on_look: OnLook = lambda look: None,
        session: Session | None = None,
    ) -> Lesson:
        began = time.monotonic()
        number, wanted = self.shown(found), self.recipe.train.frames
        footage = choose_footage(self.clip, found, number, wanted)
        device = choose_device(self.options.device)
        if self.recipe.train.lambda_steady:
            motion = estimator_for(self.recipe, device, self.options.raft_weights)
            footage = replace(footage, beside=frame_beside(self.clip, found, number, motion))
        if len(footage.others) < wanted:
            watch.notice(f"the clip has only {len(footage.others)} more frames to train on, not {wanted}")
        check_holds_patches(footage.frame, self.recipe.train, str(self.clip.path))
        look, trained = train_look(footage, self.picture, self.recipe, device, watch, on_look, session)
        return Lesson(look, number, time.monotonic() - began, trained.interrupted)


class PaintedSubject(Subject):
    """keyframes: in the clip's order."""

    def __init__(self, clip: Clip, recipe: Recipe, options: Options, keyframes: Sequence[Keyframe]) -> None:
        self.clip, self.recipe, self.options, self.keyframes = clip, recipe, options, keyframes
        self.picture = keyframes[0].painting

    def shown(self, found: Survey) -> int:
        """One that nobody painted, if there is one: the most unlike the others."""
        return next(iter(self._unpainted(found)), self.keyframes[0].number)

    def _tell_of_shots(self, found: Survey, watch: Watch) -> None:
        painted = {bisect_right(found.cuts, keyframe.number) for keyframe in self.keyframes}
        bare = [str(shot + 1) for shot in range(len(found.cuts) + 1) if shot not in painted]
        if bare:
            watch.notice(
                f"no keyframe lies in shot {', '.join(bare)} of {len(found.cuts) + 1}: the look there "
                "is that of other shots; `vidgan keyframes CLIP` names the frames to paint"
            )

    def _unpainted(self, found: Survey) -> list[int]:
        """Frames that nobody painted, each as unlike those before it as the clip has."""
        painted = {keyframe.number for keyframe in self.keyframes}
        return [number for number in (*found.varied, found.representative) if number not in painted]

    def _others(self, found: Survey) -> list[tuple[int, np.ndarray]]:
        """What the critic judges, where there is one."""
        wanted = self.recipe.train.frames if self.recipe.train.lambda_adv else 0
        return [(number, self.clip.frame(number).pixels) for number in self._unpainted(found)[:wanted]]

    def learn(
        self,
        found: Survey,
        watch: Watch,
        on_look: OnLook = lambda look: None,
        session: Session | None = None,
    ) -> Lesson:
        began = time.monotonic()
        device = choose_device(self.options.device)
        motion = estimator_for(self.recipe, device, self.options.raft_weights)
        others, session = self._others(found), session or Session()
        self._tell_of_shots(found, watch)
        look = learn_keyframes(
            self.keyframes, others, self.recipe, device, motion, found.cuts, watch, on_look, session
        )
        numbers = tuple(keyframe.number for keyframe in self.keyframes)
        return Lesson(look, numbers[0], time.monotonic() - began, look.interrupted, numbers)


def choose_footage(clip: Clip, found: Survey, frame: int, others: int) -> Footage:
    """The pair's frame, two that differ most to measure by, and up to `others` of the next to train on."""
    varied = [number for number in (*found.varied, found.representative) if number != frame]
    pictures = [clip.frame(number).pixels for number in varied[: HELD_OUT + others]]
    return Footage(clip.frame(frame).pixels, pictures[HELD_OUT:], pictures[:HELD_OUT])


def frame_beside(clip: Clip, found: Survey, frame: int, motion: FlowEstimator) -> Beside | None:
    """The frame that follows it in its shot, or else the one before it; None where it is alone there."""
    if frame + 1 < len(clip) and frame + 1 not in found.cuts:
        other = frame + 1
    elif frame > 0 and frame not in found.cuts:
        other = frame - 1
    else:
        return None
    pixels = clip.frame(other).pixels
    step = Step(pixels, clip.frame(frame).pixels, motion)
    return Beside(pixels, step.back, step.seen_before)

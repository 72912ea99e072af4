"""What a batch has to train: a table's pictures and clip, checked, as the arguments of vidgan.train."""

from dataclasses import replace
from itertools import count
from pathlib import Path

from vidgan.config import Recipe
from vidgan.jobs.batch.clips import path_in, require_picture
from vidgan.jobs.batch.keys import frame_rate, moment
from vidgan.jobs.batch.plan import Training
from vidgan.jobs.batch.settings import pipeline_of, texts, trained_with, translates
from vidgan.jobs.batch.table import Table


class Trainings:
    """All of a batch, each under a name of its own. base: what paths are relative to."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._named: dict[str, Training] = {}

    def of(self, table: Table, clip: Path, recipe: Recipe, name: str) -> Training:
        """What a table asks for, one with a target or keyframes. name: unless another training has it.

        Raises UsageError for what does not go together, MediaError for a picture that is not there.
        """
        _check_recipe(table, recipe)
        _check_frames(table)
        painted = "keyframes" in table
        training = Training(
            name=name,
            clip=clip,
            target=None if painted else self._picture(table, table.get("target"), "target"),
            keyframes=self._pictures(table, "keyframes"),
            masks=self._pictures(table, "masks"),
            frame=None if painted else moment(table.get("frame")),
            pipeline=pipeline_of(table, self._base),
            overrides=texts(trained_with(table.settings())),
            stream=table.get("stream"),
            rate=frame_rate(table.get("rate")) if "rate" in table else None,
            place=table.place(),
            any_clip=not any(key in table for key in ("clip", "frame", "keyframes")),
        )
        return self._unlike_others(training)

    def _picture(self, table: Table, text: str, key: str, *number: int) -> Path:
        place = table.place(key, *number)
        return require_picture(path_in(self._base, text), place, key.removesuffix("s"))

    def _pictures(self, table: Table, key: str) -> tuple[str, ...]:
        """keyframes or masks: "FRAME=PICTURE" each, the pictures as they are meant."""
        pictures: dict[str, Path] = {}
        for number, text in enumerate(table.get(key) or ()):
            frame, _, name = text.partition("=")
            if frame in pictures:
                raise table.wrong(f"{key} name frame {frame} twice: leave one out", key, number)
            pictures[frame] = self._picture(table, name, key, number)
        return tuple(f"{frame}={picture}" for frame, picture in pictures.items())

    def _unlike_others(self, training: Training) -> Training:
        """Names of different trainings differ in more than their case, which some disks do not know."""
        for number in count(1):
            name = training.name if number == 1 else f"{training.name}-{number}"
            named = replace(training, name=name)
            if self._named.setdefault(name.casefold(), named) == named:
                break
        return named


def _check_frames(table: Table) -> None:
    if "keyframes" in table:
        table.refuse(("frame",), "keyframes name their frames themselves: leave {} out")
    elif "masks" in table:
        raise table.wrong("masks say which part of a keyframe counts: give keyframes too", "masks")


def _check_recipe(table: Table, recipe: Recipe) -> None:
    """Whether it can learn from what the table gives, and be applied to a clip."""
    why, key = None, "keyframes" if "keyframes" in table else "target"
    if not translates(recipe):
        why = "does not translate: choose one that does"
    elif recipe.parts.conditioning == "none":
        why = "learns one picture and translates none: choose another"
    elif recipe.parts.conditioning == "painted" and key == "target":
        why = "is for painted keyframes: give keyframes = [...] instead of a target, or choose another"
    elif recipe.parts.conditioning != "painted" and key == "keyframes":
        why = 'learns from a target, not from keyframes: give recipe = "keyframe" beside them'
    if why is not None:
        raise table.wrong(f"the recipe {recipe.name} {why}", "recipe" if "recipe" in table.values else key)

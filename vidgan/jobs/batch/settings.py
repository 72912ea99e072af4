"""The recipes that a batch goes by, and what it changes in them: checked before any work."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from vidgan.config import DEFAULT_RECIPE, Recipe, load_recipe, override_recipe
from vidgan.errors import RecipeError, UsageError
from vidgan.jobs.batch.clips import path_in
from vidgan.jobs.batch.table import Setting, Table, told_at

_OF_TRAINING = ("train", "parts")
_RENDERING_ALONE = ("smooth", "encode")  # what is decoded, followed and translated is trained with, too
_SHORT = {"strength": "translate.strength", "codec": "encode.codec", "crf": "encode.crf"}


def pipeline_of(table: Table, base: Path) -> str | None:
    """What load_recipe takes; None for the default. A path is meant from the job file's folder."""
    name = table.get("recipe")
    if name is None:
        return "keyframe" if "keyframes" in table else None
    return str(path_in(base, name)) if name.endswith(".toml") else name


def named_recipe(table: Table, base: Path) -> Recipe:
    """As its file has it. Raises RecipeError, naming the line that names it."""
    with told_at(table.place("recipe")):
        return load_recipe(pipeline_of(table, base) or DEFAULT_RECIPE)


def recipe_of(table: Table, base: Path) -> Recipe:
    """With all settings of the table. Raises RecipeError, naming the line."""
    return changed(named_recipe(table, base), table.settings())


def translates(recipe: Recipe) -> bool:
    """Whether it has a look at all."""
    return recipe.translate.method != "none"


def changed(recipe: Recipe, settings: Sequence[Setting]) -> Recipe:
    """override_recipe; RecipeError names the line of the setting that is wrong."""
    try:
        return override_recipe(recipe, texts(settings))
    except RecipeError as error:
        for setting in settings:  # one that is wrong by itself has a line of its own
            with told_at(setting.place):
                override_recipe(recipe, [setting.text])
        raise RecipeError(f"{settings[-1].place}: {error}") from error


def check_rendering(recipe: Recipe, settings: Sequence[Setting]) -> None:
    """Whether a look of that recipe can be rendered with them."""
    if translates(changed(recipe, settings)) != translates(recipe):
        place = next(setting.place for setting in settings if setting.key == "translate.method")
        raise UsageError(f"{place}: a look is there to be applied: leave translate.method out")


def is_of_training(setting: Setting) -> bool:
    """Whether it was decided when a look was trained."""
    return _section_of(setting) in _OF_TRAINING


def _section_of(setting: Setting) -> str:
    return setting.key.partition(".")[0]


def trained_with(settings: Iterable[Setting]) -> list[Setting]:
    """What decides about a look; a job lays the rest over it."""
    return [setting for setting in settings if _section_of(setting) not in _RENDERING_ALONE]


def of_rendering(settings: Iterable[Setting]) -> list[Setting]:
    return [setting for setting in settings if not is_of_training(setting)]


def shorthands(table: Table) -> list[Setting]:
    """strength, codec and crf, as the table itself says them. UsageError where its set says one, too."""
    said = {setting.key: setting for setting in table.own_settings()}
    for short, key in _SHORT.items():
        if short in table.values and key in said:
            raise UsageError(f"{said[key].place}: {short} and {key} say the same: leave one of them out")
    return [
        Setting(f"{key}={table.values[short]}", table.place(short))
        for short, key in _SHORT.items()
        if short in table.values
    ]


def texts(settings: Iterable[Setting]) -> tuple[str, ...]:
    return tuple(setting.text for setting in settings)

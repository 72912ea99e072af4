"""The looks of a batch: those of [looks], trained once whoever uses them, and those of a single job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vidgan.config import Recipe
from vidgan.errors import UsageError
from vidgan.jobs.batch.clips import name_of, path_in, require_clip
from vidgan.jobs.batch.plan import AsItIs, LookSource, Trained, Training
from vidgan.jobs.batch.settings import (
    is_of_training,
    named_recipe,
    of_rendering,
    pipeline_of,
    recipe_of,
    translates,
)
from vidgan.jobs.batch.table import Setting, Table, meant, told_at
from vidgan.jobs.batch.trainings import Trainings

NAMED = ("look", "looks")
OF_ITS_OWN = ("target", "keyframes", "model")
LOOK_KEYS = (*NAMED, *OF_ITS_OWN)
_READY = "{} was settled when the look was trained: leave it out"


@dataclass(frozen=True)
class Chosen:
    """A look as a job gets it. label: what {look} stands for.

    recipe: what rendering begins with. settings: what is laid over it.
    """

    label: str
    source: LookSource
    recipe: Recipe
    settings: Sequence[Setting]


class Looks:
    """tables: [looks], each over what of [defaults] concerns it. base: what paths are relative to."""

    def __init__(self, tables: Mapping[str, Table], base: Path) -> None:
        self._tables, self._base = tables, base
        self._shared: dict[str, Chosen] = {}
        self._ready: dict[Path, Recipe] = {}
        self._trainings = Trainings(base)

    def of(self, job: Table, clip: Path) -> list[Chosen]:
        """All that a job wants for a clip, in its order. Raises UsageError, MediaError or LookError."""
        key = _key_of(job, LOOK_KEYS)
        if key in NAMED:
            return [self._named(job, clip, name, key, n) for n, name in enumerate(_names(job, key))]
        if key == "model":
            job.refuse(("recipe", "frame", "masks"), _READY)
            return [_in_the_jobs_way(job, self._trained(job, Path(job.get("model")).stem))]
        recipe = recipe_of(job, self._base)
        if not translates(recipe):
            return [self._as_it_is(job, recipe, key)]
        if key is None:
            raise job.wrong(
                f"{job.title} has no look: give look = (one of [looks]), target =, keyframes = or model ="
            )
        label = _picture_of(job).stem
        return [self._learnt(job, clip, recipe, label, f"{label}@{name_of(clip)}")]

    def require_used(self) -> None:
        """UsageError for a look that no job asked for: most likely a name is misspelt."""
        for name, table in self._tables.items():
            if name not in self._shared:
                remedy = f"give look = {name!r} to a job, or leave {table.title} out"
                raise table.wrong(f"no job uses the look {name!r}: {remedy}")

    def _named(self, job: Table, clip: Path, name: str, key: str, number: int) -> Chosen:
        if name not in self._tables:
            known = meant(name, self._tables) if self._tables else "the file has none"
            raise job.wrong(f"unknown look {name!r}: {known}; or write a table [looks.{name}]", key, number)
        if "recipe" in job.values and not translates(named_recipe(job, self._base)):
            recipe = job.get("recipe")
            raise job.wrong(f"the recipe {recipe} does not translate: leave {key} or recipe out", key)
        belongs = f"{{}} belongs to the look: write it into [looks.{name}], or leave it out"
        job.refuse(("recipe", "frame", "masks"), belongs)
        if name not in self._shared:
            self._shared[name] = self._from_table(self._tables[name], clip, name)
        return _in_the_jobs_way(job, self._shared[name])

    def _from_table(self, table: Table, clip: Path, name: str) -> Chosen:
        """One of [looks]. clip: the first that is to get it."""
        key = _key_of(table, OF_ITS_OWN)
        if key is None:
            raise table.wrong(f"{table.title} has no picture: give target =, keyframes = or model =")
        if key == "model":
            table.refuse(("recipe", "frame", "masks", "clip", "set"), _READY)
            return self._trained(table, name)
        if "clip" in table:
            clip = require_clip(path_in(self._base, table.get("clip")), table.place("clip"))
        return self._learnt(table, clip, recipe_of(table, self._base), name, name)

    def _learnt(self, table: Table, clip: Path, recipe: Recipe, label: str, name: str) -> Chosen:
        training = self._trainings.of(table, clip, recipe, name)
        return Chosen(label, training, recipe, of_rendering(table.settings()))

    def _trained(self, table: Table, label: str) -> Chosen:
        model = path_in(self._base, table.get("model"))
        if model not in self._ready:
            with told_at(table.place("model")):
                self._ready[model] = _recipe_in(model)
        source = Trained(label, model, table.place())
        return Chosen(label, source, self._ready[model], of_rendering(table.inherited_settings()))

    def _as_it_is(self, job: Table, recipe: Recipe, key: str | None) -> Chosen:
        why = f"the recipe {recipe.name} does not translate: leave {{}} out, or choose another recipe"
        if key is not None:
            raise job.wrong(why.format(key), key)
        job.refuse(("frame", "masks"), why)
        source = AsItIs(pipeline_of(job, self._base) or recipe.name, job.place())
        settings = of_rendering(job.inherited_settings())
        return _in_the_jobs_way(job, Chosen(recipe.name, source, recipe, settings))


def _key_of(table: Table, keys: Sequence[str]) -> str | None:
    """Which of them is given; UsageError for several."""
    given = [key for key in keys if key in table]
    if len(given) > 1:
        raise table.wrong(
            f"{' and '.join(given)} in {table.title} each say what the look is: keep one of them", given[1]
        )
    return given[0] if given else None


def _names(job: Table, key: str) -> list[str]:
    names = [job.get(key)] if key == "look" else job.get(key)
    for number, name in enumerate(names):
        if name in names[:number]:
            raise job.wrong(f"looks name {name!r} twice: leave one out", key, number)
    return names


def _picture_of(job: Table) -> Path:
    """Whose name a job's own look takes."""
    painted = job.get("keyframes")
    return Path(painted[0].partition("=")[2] if painted else job.get("target"))


def _in_the_jobs_way(job: Table, chosen: Chosen) -> Chosen:
    """With what a job sets itself: where it does not train the look, that may only concern its rendering."""
    remedies = {
        Training: f"write it into set of [looks.{chosen.label}], or leave it out",
        Trained: "train the look anew with it, or leave it out",
        AsItIs: "nothing is trained here, leave it out",
    }
    for setting in filter(is_of_training, job.own_settings()):
        remedy = remedies[type(chosen.source)]
        raise UsageError(f"{setting.place}: {setting.key} is settled when a look is trained: {remedy}")
    return replace(chosen, settings=[*chosen.settings, *job.own_settings()])


def _recipe_in(model: Path) -> Recipe:
    """A ready look's own."""
    from vidgan.gan.look import load_look  # torch takes seconds to load

    recipe = load_look(model).recipe
    if recipe.parts.conditioning == "none":
        raise UsageError(f"{model} has learnt one picture and translates none: give another look")
    return recipe

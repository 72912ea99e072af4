"""From the tables of a batch to its plan: every clip in every look, checked before any work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidgan.jobs.batch.clips import clips_of, path_in, patterns_of, require_clip
from vidgan.jobs.batch.keys import frame_rate, moment
from vidgan.jobs.batch.looks import LOOK_KEYS, Chosen, Looks
from vidgan.jobs.batch.outputs import DEFAULT_OUT, check_outputs, output_of, words_of
from vidgan.jobs.batch.plan import AsItIs, Execution, Job, Plan
from vidgan.jobs.batch.settings import check_rendering, named_recipe, shorthands, texts, translates
from vidgan.jobs.batch.table import Table

_OF_A_LOOK = ("matte", "feather", "report", "strength")
"""What says nothing where there is no look."""


@dataclass(frozen=True)
class Tables:
    """What was asked for, each key known and of its kind."""

    defaults: Table
    execution: Table
    looks: Mapping[str, Table]
    jobs: Sequence[Table]


def plan_of(tables: Tables, base: Path, outputs: Path, folder: Path) -> Plan:
    """base: what the paths in the tables are relative to; outputs: the same for outputs. folder: as in Plan.

    Raises a VidganError that names the line; nothing is decoded, and nothing is written.
    """
    of_looks = tables.defaults.only(("recipe", "set"))
    looks = Looks({name: table.over(of_looks) for name, table in tables.looks.items()}, base)
    jobs: list[Job] = []
    patterns: list[str] = []
    for table in tables.jobs:
        job = _over_defaults(table, tables.defaults, base)
        clips = clips_of(job, base)
        patterns += patterns_of(job, base)
        for clip in clips:
            for chosen in looks.of(job, clip):
                jobs.append(_job(job, clip, chosen, len(jobs) + 1, base, outputs))
    looks.require_used()
    check_outputs(jobs, patterns)
    return Plan(folder, tuple(jobs), _execution(tables.execution))


def _over_defaults(job: Table, defaults: Table, base: Path) -> Table:
    """A job that says what its look is, or that it has none, has no use for that of the defaults."""
    says_look = any(key in job.values for key in LOOK_KEYS)
    if says_look or ("recipe" in job.values and not translates(named_recipe(job, base))):
        defaults = defaults.without((*LOOK_KEYS, "masks"))
    return job.over(defaults)


def _job(job: Table, clip: Path, chosen: Chosen, number: int, base: Path, outputs: Path) -> Job:
    if isinstance(chosen.source, AsItIs):
        job = _without_look(job, chosen)
    beneath = [] if job.beneath is None else shorthands(job.beneath)
    settings = [*beneath, *chosen.settings, *shorthands(job)]
    check_rendering(chosen.recipe, settings)
    pattern = job.get("out") or DEFAULT_OUT
    return Job(
        clip=clip,
        look=chosen.source,
        out=output_of(pattern, words_of(clip, chosen.label, number), outputs, job.place("out")),
        overrides=texts(settings),
        place=job.place(),
        **_matte(job, base),
        **_span(job),
        **_reading(job),
    )


def _without_look(job: Table, chosen: Chosen) -> Table:
    job.refuse(_OF_A_LOOK, f"the recipe {chosen.label} does not translate: leave {{}} out")
    return job if job.beneath is None else job.over(job.beneath.without(_OF_A_LOOK))


def _matte(job: Table, base: Path) -> dict[str, Any]:
    if "matte" not in job:
        job.refuse(("feather",), "feather softens a matte: give matte too")
        return {}
    matte = require_clip(path_in(base, job.get("matte")), job.place("matte"), "matte")
    return {"matte": matte, "feather": job.get("feather")}


def _span(job: Table) -> dict[str, Any]:
    start, end = moment(job.get("start")), moment(job.get("end"))
    if start and end and start.isdecimal() and end.isdecimal() and int(start) >= int(end):
        raise job.wrong(f"start = {start} and end = {end} leave no frame: give a later end", "end")
    return {"start": start, "end": end}


def _reading(job: Table) -> dict[str, Any]:
    """The options that are taken as they are."""
    names = ("stream", "allow_truncated", "report", "verify")
    rate = {"rate": frame_rate(job.get("rate"))} if "rate" in job else {}
    return {**{name: job.get(name) for name in names if name in job}, **rate}


def _execution(table: Table) -> Execution:
    exact = {name: float(table.get(name)) for name in ("cpus", "gpus") if name in table}
    return Execution(**{**table.values, **exact})

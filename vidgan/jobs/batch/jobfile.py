"""A job file: many clips, many looks, in TOML, and the line of whatever is wrong in it."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vidgan.errors import UsageError
from vidgan.jobs.batch.assembly import Tables, plan_of
from vidgan.jobs.batch.keys import EXECUTION, JOB, LOOK, check
from vidgan.jobs.batch.plan import Plan
from vidgan.jobs.batch.table import Source, Table, meant
from vidgan.jobs.batch.where import KeyPath, lines_of

_TABLES = ("defaults", "execution", "looks", "jobs")
_NAME = re.compile(r"\w[\w .+-]*")
"""Of a look: it becomes part of files' names."""


def read_jobs(path: Path, out: Path | None = None) -> Plan:
    """The batch that a job file describes, checked; nothing is decoded or written.

    Relative paths in it are meant from its own folder, relative outputs from `out` where that is given.
    Raises UsageError, MediaError, LookError, RecipeError or OutputError in one line that names the file's.
    """
    text = _read(path)
    tables = _tables(_parsed(text, path.name), Source(path.name, lines_of(text)))
    outputs = path.parent if out is None else out
    return plan_of(tables, path.parent, outputs, outputs / f"{path.stem}.batch")


def _read(path: Path) -> str:
    if path.is_dir():
        raise UsageError(f"{path} is a folder: give a job file, or vidgan batch {path} TARGET -o OUTFOLDER")
    if not path.is_file():
        raise UsageError(f"{path} does not exist: check the name of the job file")
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors put a byte order mark before the text
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is no text: give a job file (save it as UTF-8) or a folder of clips; one clip alone: "
            "vidgan translate CLIP TARGET -o OUT"
        ) from error
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({(error.strerror or str(error)).lower()}): check it"
        ) from error


def _parsed(text: str, name: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, where = str(error).partition(" (at ")
        found = re.match(r"line (\d+)", where)
        line = found[1] if found else text.rstrip("\n").count("\n") + 1  # "end of document"
        raise UsageError(
            f"{name}, line {line}: not valid TOML ({what}): correct this line or the one before it; "
            "texts stand in \"quotes\", paths with \\ in 'single' ones"
        ) from error


def _tables(data: Mapping[str, Any], source: Source) -> Tables:
    for key in data:
        if key not in _TABLES:
            place = source.place((key,))
            raise UsageError(f"{place}: unknown table or key {key!r}: {meant(key, _TABLES)}")
    jobs = data.get("jobs", [])
    if not isinstance(jobs, list):
        raise UsageError(f"{source.place(('jobs',))}: jobs are a list of tables: write [[jobs]] above each")
    if not jobs:
        raise UsageError(f"{source.name} has no jobs: write [[jobs]], and a clip and a look below it")
    return Tables(
        defaults=check(_table(data, "defaults", source), JOB),
        execution=check(_table(data, "execution", source), EXECUTION),
        looks=_looks(_table(data, "looks", source)),
        jobs=[check(_as_table(job, ("jobs", n), "[[jobs]]", source), JOB) for n, job in enumerate(jobs)],
    )


def _table(data: Mapping[str, Any], name: str, source: Source) -> Table:
    return _as_table(data.get(name, {}), (name,), f"[{name}]", source)


def _looks(table: Table) -> dict[str, Table]:
    looks: dict[str, Table] = {}
    alike: dict[str, str] = {}
    for name, values in table.values.items():
        if not _NAME.fullmatch(name):
            raise table.wrong(f"{name!r} cannot name a look: take letters, digits, - and _", name)
        other = alike.setdefault(name.casefold(), name)
        if other != name:
            raise table.wrong(f"the looks {other!r} and {name!r} differ in case alone: rename one", name)
        look = _as_table(values, ("looks", name), f"[looks.{name}]", table.source)
        looks[name] = check(look, LOOK)
    return looks


def _as_table(value: object, path: KeyPath, title: str, source: Source) -> Table:
    if not isinstance(value, dict):
        raise UsageError(
            f"{source.place(path)}: {path[-1]!r} must be a table: write {title} and its keys below"
        )
    return Table(title, value, source, path)

"""What a batch remembers of each job: whether it is done, from what, and what its output was like then."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from vidgan.config import Recipe, dump_recipe, load_recipe
from vidgan.jobs.batch.outcome import Outcome
from vidgan.jobs.batch.plan import AsItIs, Job, LookSource, Trained, Training
from vidgan.jobs.subject import Asked
from vidgan.media.digest import file_sha256
from vidgan.media.numbering import is_pattern, matching
from vidgan.media.output import replacing

_UNSAFE = re.compile(r"[^\w.-]+")
_KEY_CHARACTERS = 12


class Records:
    """One small file a job, in the batch's folder; written when the job has ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def look(self, training: Training) -> Path:
        """Where a look goes: named after all that decides about it, so that a changed one is another."""
        name = f"{_safe(training.name)}-{key_of_training(training)[:_KEY_CHARACTERS]}.safetensors"
        return self.folder / "looks" / name

    def sheet(self, job: Job) -> Path:
        return self.folder / "sheets" / f"{_name(job)}.png"

    def remember(self, job: Job, key: str, outcome: Outcome) -> None:
        """Raises OutputError where the disk refuses."""
        told = {"key": key, "output": state_of(job.out), "outcome": outcome.as_json()}
        with replacing(self._path(job)) as temporary:
            temporary.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")

    def done(self, job: Job, key: str) -> Outcome | None:
        """What an earlier run told of a job that it had finished, whose output is as it left it."""
        told = self._told(job)
        if told.get("key") != key or not self._is_ours(job, told):
            return None
        with suppress(TypeError, KeyError):
            outcome = _outcome(told["outcome"])
            return outcome if outcome.status == "done" else None
        return None

    def status(self, job: Job, key: str) -> str | None:
        """What became of it, if the very same was tried."""
        told = self._told(job)
        return told.get("outcome", {}).get("status") if told.get("key") == key else None

    def wrote(self, job: Job) -> bool:
        """Whether the output that is there is what an earlier run wrote, for whatever reason."""
        return self._is_ours(job, self._told(job))

    def _is_ours(self, job: Job, told: Mapping[str, Any]) -> bool:
        return bool(told) and told.get("output") is not None and told["output"] == state_of(job.out)

    def _told(self, job: Job) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            found = json.loads(self._path(job).read_text(encoding="utf-8"))
            return found if isinstance(found, dict) else {}
        return {}

    def _path(self, job: Job) -> Path:
        return self.folder / "jobs" / f"{_name(job)}.json"


def state_of(out: Path) -> list[int] | None:
    """How many files an output has, their size, and when the last was written (ns); None where it is not."""
    files = sorted(matching(out)) if is_pattern(out) else [out]
    with suppress(OSError):
        told = [file.stat() for file in files]
        if told:
            return [len(told), sum(one.st_size for one in told), max(one.st_mtime_ns for one in told)]
    return None


def key_of_job(job: Job) -> str:
    """All that decides about an output, but for versions: what was rendered by an earlier one stays done."""
    told = {one.name: getattr(job, one.name) for one in fields(Job) if one.name not in _UNTOLD}
    told |= {"clip": fingerprint(job.clip), "look": key_of_look(job.look)}
    told |= {"matte": None if job.matte is None else fingerprint(job.matte)}
    return _hash(told)


_UNTOLD = {"place", "out", "verify", "clip", "look", "matte"}


def key_of_look(look: LookSource) -> str:
    if isinstance(look, Training):
        return key_of_training(look)
    if isinstance(look, Trained):
        return file_sha256(look.model)
    return _hash(dump_recipe(load_recipe(look.name)))


def key_of_training(training: Training) -> str:
    """Of everything that a look is trained from; of the clip, what the disk says."""
    asked = Asked(training.target, training.frame, training.keyframes, training.masks)
    files = {name: file_sha256(Path(path)) for name, path in asked.files().items()}
    recipe = recipe_of_training(training)
    return _hash([dump_recipe(recipe), recipe.name, training.frame, files, fingerprint(training.clip)])


def recipe_of_training(training: Training) -> Recipe:
    default = Asked(training.target, training.frame, training.keyframes).recipe_name()
    return load_recipe(training.pipeline or default, training.overrides)


def fingerprint(clip: Path) -> list[Any]:
    """Name, size and time of a file, or of every file of a folder or of numbered pictures."""
    return [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in _files(clip)]


def _files(clip: Path) -> Iterator[Path]:
    if clip.is_dir():
        yield from sorted(file for file in clip.iterdir() if file.is_file())
    elif is_pattern(clip):
        yield from sorted(matching(clip))
    else:
        yield clip


def title_of(look: LookSource) -> str:
    """How people are told of it."""
    return f"{look.name} (as it is)" if isinstance(look, AsItIs) else look.name


def _outcome(told: Mapping[str, Any]) -> Outcome:
    known = {one.name for one in fields(Outcome)}
    given = {name: value for name, value in told.items() if name in known}
    paths = {name: Path(told[name]) if told.get(name) else None for name in ("sheet", "target")}
    return Outcome(**{**given, **paths, "notices": tuple(told["notices"])})


def _name(job: Job) -> str:
    """A file's name that no other job of the batch has."""
    return f"{_safe(job.out.name)}-{sha256(str(job.out.absolute()).encode()).hexdigest()[:8]}"


def _safe(name: str) -> str:
    return _UNSAFE.sub("_", name)[:80]


def _hash(told: Any) -> str:
    return sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()

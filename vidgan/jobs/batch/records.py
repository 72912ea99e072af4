"""What a batch remembers of each job: whether it is done, from what, and what its output was like then."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from vidgan.config import Recipe, dump_recipe, load_recipe
from vidgan.errors import MediaError
from vidgan.jobs.batch.outcome import Outcome
from vidgan.jobs.batch.plan import AsItIs, Job, LookSource, Trained, Training
from vidgan.jobs.batch.tasks import is_trained
from vidgan.jobs.delivery import recipe_beside, was_put_in_place
from vidgan.jobs.report import report_beside
from vidgan.jobs.subject import Asked
from vidgan.jobs.work import work_folder_of
from vidgan.media.digest import file_sha256
from vidgan.media.numbering import is_pattern, matching
from vidgan.media.output import disk_errors, replacing

_UNSAFE = re.compile(r"[^\w.-]+")
_KEY_CHARACTERS = 12
_NAME_CHARACTERS = 40  # of up to four bytes each: a name has room for 255


class Records:
    """One small file a job, in the batch's folder; written when the job has ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def look(self, training: Training) -> Path:
        """Where a look goes: named after all that decides about it, so that a changed one is another.

        One that was trained under another name, which decides nothing, is that one.
        """
        looks, key = self.folder / "looks", key_of_training(training)[:_KEY_CHARACTERS]
        ours = looks / f"{_safe(training.name)}-{key}.safetensors"
        others = () if ours.exists() else filter(is_trained, sorted(looks.glob(f"*-{key}.safetensors")))
        return next(iter(others), ours)

    def sheet(self, job: Job) -> Path:
        return self.folder / "sheets" / f"{self._name(job)}.png"

    def remember(self, job: Job, key: str, outcome: Outcome) -> None:
        """Raises OutputError where the disk refuses."""
        ours = outcome.status == "done" or self.wrote(job) or was_put_in_place(job.out)
        output = state_of(job.out) if ours else None
        told = {"key": key, "output": output, "outcome": outcome.as_json()}
        with replacing(self._path(job)) as temporary:
            temporary.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        if outcome.status == "done":
            self._begun(job).unlink(missing_ok=True)

    def begin(self, job: Job) -> None:
        """Remember that the work on its output is this batch's own, unless there was some before."""
        if not work_folder_of(job.out).exists():
            with disk_errors(self.folder):
                self._begun(job).touch()

    def end(self, job: Job) -> None:
        """What begin remembered holds for a work folder alone, and there may be none."""
        if not work_folder_of(job.out).exists():
            self._begun(job).unlink(missing_ok=True)

    def has_begun(self, job: Job) -> bool:
        """Whether the work folder that is there is this batch's own."""
        return self._begun(job).exists()

    def done(self, job: Job, key: str) -> Outcome | None:
        """What an earlier run told of a job that it had finished, whose output is as it left it."""
        told = self._told(job)
        if told.get("key") != key or not self.wrote(job):
            return None
        with suppress(TypeError, KeyError):
            outcome = self._outcome(job, told["outcome"])
            return outcome if outcome.status == "done" else None
        return None

    def wrote(self, job: Job) -> bool:
        """Whether the output that is there is what an earlier run wrote, from whatever."""
        output = self._told(job).get("output")
        return output is not None and output == state_of(job.out)

    def may_replace(self, job: Job) -> bool:
        """Whether what is there is an earlier run's: its output, or what lies beside one that was removed."""
        return self.wrote(job) or (bool(self._told(job)) and state_of(job.out) is None)

    def is_in_the_way(self, job: Job) -> bool:
        """Whether something is where a job that is not done would write."""
        if state_of(job.out) is not None:
            return not was_put_in_place(job.out)
        beside = [recipe_beside(job.out), *([report_beside(job.out)] if job.report else [])]
        return not self._told(job) and any(path.exists() for path in beside)

    def _told(self, job: Job) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            found = json.loads(self._path(job).read_text(encoding="utf-8"))
            return found if isinstance(found, dict) else {}
        return {}

    def _begun(self, job: Job) -> Path:
        return self._path(job).with_suffix(".begun")

    def _path(self, job: Job) -> Path:
        return self.folder / "jobs" / f"{self._name(job)}.json"

    def _name(self, job: Job) -> str:
        """A file's name that no other job of the batch has, whoever calls the folder by whatever name."""
        place = os.path.join(os.path.realpath(job.out.parent), job.out.name)
        with suppress(ValueError):  # on another drive
            place = os.path.relpath(place, os.path.realpath(self.folder))
        return f"{_safe(job.out.name)}-{sha256(os.fsencode(place)).hexdigest()[:8]}"

    def _outcome(self, job: Job, told: Mapping[str, Any]) -> Outcome:
        """As it was told, of files as they are called now."""
        known = {one.name for one in fields(Outcome)}
        given = {name: value for name, value in told.items() if name in known}
        sheet = self.sheet(job)
        now = {
            "clip": str(job.clip),
            "out": str(job.out),
            "look": title_of(job.look),
            "sheet": sheet if sheet.is_file() else None,
            "target": target_of(job),
            "notices": tuple(told["notices"]),
        }
        return Outcome(**{**given, **now})


def state_of(out: Path) -> list[int] | None:
    """How many files an output has, their size, and when the last was written (ns); None where it is not."""
    files = sorted(matching(out)) if is_pattern(out) else [out]
    with suppress(OSError):
        told = [file.stat() for file in files]
        if told:
            return [len(told), sum(one.st_size for one in told), max(one.st_mtime_ns for one in told)]
    return None


def key_of_job(job: Job) -> str:
    """All that decides about an output, but for versions: what was rendered by an earlier one stays done.

    Raises MediaError where a file cannot be read.
    """
    told = {one.name: getattr(job, one.name) for one in fields(Job) if one.name not in _UNTOLD}
    told |= {"clip": fingerprint(job.clip), "look": key_of_look(job.look)}
    told |= {"matte": None if job.matte is None else fingerprint(job.matte)}
    return _hash(told)


_UNTOLD = {"place", "out", "verify", "clip", "look", "matte"}


def key_of_look(look: LookSource) -> str:
    if isinstance(look, Training):
        return key_of_training(look)
    if isinstance(look, Trained):
        return _content(look.model)
    return _hash(dump_recipe(load_recipe(look.name)))


def key_of_training(training: Training) -> str:
    """Of everything that a look is trained from; of the clip, what the disk says."""
    asked = Asked(training.target, training.frame, training.keyframes, training.masks)
    files = {name: _content(Path(path)) for name, path in asked.files().items()}
    recipe = recipe_of_training(training)
    clip = [fingerprint(training.clip), training.stream, training.rate]
    return _hash([dump_recipe(recipe), recipe.name, training.frame, files, clip])


def recipe_of_training(training: Training) -> Recipe:
    return load_recipe(recipe_name_of(training), training.overrides)


def recipe_name_of(training: Training) -> str:
    """As load_recipe takes it."""
    return training.pipeline or Asked(training.target, training.frame, training.keyframes).recipe_name()


def fingerprint(clip: Path) -> list[Any]:
    """Name, size and time of a file, or of every file of a folder or of numbered pictures."""
    with _reading(clip):
        return [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in _files(clip)]


def _content(file: Path) -> str:
    with _reading(file):
        return file_sha256(file)


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise MediaError(f"{file} cannot be read ({reason}): check it.") from error


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


def target_of(job: Job) -> Path | None:
    """The picture that a job's look was learnt from, the first of them."""
    return job.look.pictures[0] if isinstance(job.look, Training) and job.look.pictures else None


def _safe(name: str) -> str:
    return _UNSAFE.sub("_", name)[:_NAME_CHARACTERS]


def _hash(told: Any) -> str:
    return sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()

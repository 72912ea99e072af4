"""Where the results of a batch go: names put together, and none that would replace another file of it."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from vidgan.errors import UsageError
from vidgan.jobs.batch.clips import name_of, would_match
from vidgan.jobs.batch.plan import Job, Trained, Training
from vidgan.jobs.batch.table import told_at
from vidgan.media.folder import looks_like_pattern
from vidgan.media.numbering import is_pattern, matching, without_number
from vidgan.media.output import CONTAINERS, container_of

DEFAULT_OUT = "{name}-{look}{ext}"
_PLACEHOLDER = re.compile(r"\{(\w*)\}|[{}]")


def words_of(clip: Path, look: str, number: int) -> Mapping[str, str]:
    """What each placeholder of an output stands for. number: the job's, from 1."""
    return {"name": name_of(clip), "look": look, "ext": _ending_of(clip), "number": f"{number:03d}"}


def output_of(pattern: str, words: Mapping[str, str], folder: Path, place: str) -> Path:
    """The output's path. Raises UsageError for an unknown placeholder, OutputError for an unknown ending."""

    def word(found: re.Match) -> str:
        if found[1] not in words:
            known = ", ".join(f"{{{name}}}" for name in words)
            raise UsageError(f"{place}: {found[0]} in {pattern} is no placeholder; known: {known}")
        return words[found[1]]

    out = folder / os.path.expanduser(_PLACEHOLDER.sub(word, pattern))
    _check_place(out, place)
    with told_at(place):
        container_of(out)
    return out


def check_outputs(jobs: Sequence[Job], patterns: Iterable[str]) -> None:
    """UsageError where two jobs have one output, or an output is read by any of them.

    patterns: of clips; one that takes an output for a clip would do so when the batch is called again.
    """
    _check_distinct(jobs)
    _check_unmatched(jobs, set(patterns))
    _check_apart(jobs)


def _check_unmatched(jobs: Iterable[Job], patterns: set[str]) -> None:
    for job in jobs:
        made = job.out.parent if is_pattern(job.out) else job.out
        pattern = next((pattern for pattern in sorted(patterns) if would_match(pattern, made)), None)
        if pattern is not None:
            raise UsageError(
                f"{job.place}: the output {job.out} would be taken for a clip by {pattern} the next time: "
                f'give out = "done/{DEFAULT_OUT}" or another place, or a narrower pattern'
            )


def _check_apart(jobs: Sequence[Job]) -> None:
    inputs = [path for job in jobs for path in _inputs(job)]
    files = {os.path.realpath(path) for path in inputs}
    patterns = {_key(path) for path in inputs if looks_like_pattern(path)}
    for job in jobs:
        if _replaced(job.out, files, patterns):
            raise UsageError(
                f"{job.place}: the output {job.out} of {job.clip} is also an input of the batch: "
                f'give out = "done/{DEFAULT_OUT}" or another place'
            )


def _ending_of(clip: Path) -> str:
    """The clip's own where that container can be written."""
    is_file = not os.path.isdir(clip) and not looks_like_pattern(clip)
    return clip.suffix if is_file and clip.suffix.lower() in CONTAINERS else ".mov"


def _check_place(out: Path, place: str) -> None:
    if os.path.isdir(out):
        raise UsageError(f"{place}: the output {out} is a folder: name a file in it")
    there = next(folder for folder in out.absolute().parents if os.path.lexists(folder))
    if not os.path.isdir(there):
        raise UsageError(f"{place}: the output {out} lies below {there}, which is no folder: name another")


def _check_distinct(jobs: Iterable[Job]) -> None:
    taken: dict[str, Job] = {}
    for job in jobs:
        first = taken.setdefault(_key(job.out), job)
        if first is not job:
            raise UsageError(
                f"{job.place}: {_told(job)} and {_told(first)} ({first.place}) would both be written to "
                f"{job.out}: tell them apart by {{name}}, {{look}} or {{number}} in out, or rename one"
            )


def _told(job: Job) -> str:
    return f"{job.clip} in {job.look.name}"


def _key(out: Path) -> str:
    """Equal for outputs that would replace each other: %04d.png and %05d.png meet at 10000."""
    return os.path.realpath(without_number(out) if is_pattern(out) else out)


def _inputs(job: Job) -> Iterator[Path]:
    yield job.clip
    if job.matte is not None:
        yield job.matte
    if isinstance(job.look, Trained):
        yield job.look.model
    if isinstance(job.look, Training):
        yield job.look.clip
        yield from job.look.pictures
        yield from (Path(mask.partition("=")[2]) for mask in job.look.masks)


def _replaced(out: Path, files: set[str], patterns: set[str]) -> bool:
    """Whether one of them would be; into a folder of pictures that is read none may be written, either."""
    if not is_pattern(out):
        return os.path.realpath(out) in files
    there = {os.path.realpath(file) for file in matching(out)}
    return os.path.realpath(out.parent) in files or _key(out) in patterns or bool(there & files)

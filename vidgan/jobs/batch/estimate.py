"""What a batch would take, before it is begun: from a few frames, measured on this machine."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from vidgan.errors import VidganError
from vidgan.jobs.batch.outcome import in_words
from vidgan.jobs.batch.plan import AsItIs, Job, LookSource, Plan, Trained, Training
from vidgan.jobs.batch.records import Records, key_of_job, recipe_of_training
from vidgan.jobs.batch.room import local_room
from vidgan.jobs.batch.run import options_of
from vidgan.jobs.batch.tasks import is_trained
from vidgan.jobs.batch.watch import BatchWatch
from vidgan.jobs.options import Options, Result, Watch
from vidgan.jobs.render import carry_out
from vidgan.jobs.request import Request
from vidgan.jobs.source import chosen_span, open_source
from vidgan.jobs.translate import translate
from vidgan.jobs.work import in_words as size_in_words
from vidgan.media import Clip
from vidgan.media.numbering import is_pattern

_FRAMES = 12
_STEPS = 12  # of a training that is only to be timed
_AT_ONCE_ON_DISK = 2  # parts, and what they are joined into


@dataclass(frozen=True)
class Unit:
    """A training or a job. seconds, bytes: about what it takes by itself. wrong: why it will fail."""

    what: str
    seconds: float | None = None
    bytes: int = 0
    frames: int = 0
    size: tuple[int, int] | None = None
    done: bool = False
    wrong: str | None = None

    def cells(self) -> tuple[str, str, str, str]:
        if self.done:
            return "", "", "done", ""
        if self.wrong:
            return "", "", "fails", ""
        size = "" if self.size is None else f"{self.size[1]}x{self.size[0]}"
        about = "?" if self.seconds is None else in_words(self.seconds)
        disk = size_in_words(self.bytes) if self.bytes else ""
        return str(self.frames or ""), size, about, disk


@dataclass(frozen=True)
class Estimate:
    """units: trainings first. seconds: for all of them. at_once: how many jobs would run at the same time."""

    units: tuple[Unit, ...]
    seconds: float
    bytes: int
    at_once: int
    measured: tuple[str, ...] = field(default=())

    def told(self) -> Iterator[str]:
        """What a table of the units leaves open."""
        for unit in self.units:
            if unit.wrong:
                yield f"will fail: {unit.what}: {unit.wrong}"
        yield from self.measured
        left = sum(not unit.done and not unit.wrong for unit in self.units)
        yield (
            f"{left} to do, {self.at_once} at a time: about {in_words(self.seconds)} on this machine, "
            f"{size_in_words(self.bytes)} of disk at most"
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Speed:
    """Per pixel of a frame, and per step of a training. cpu_share: of all cores, while rendering."""

    seconds: float
    bytes: float
    cpu_share: float
    step_seconds: float = 0.0


def estimate(plan: Plan, watch: BatchWatch) -> Estimate:
    """Open every clip, render a few frames of the first in each look's recipe, and reckon the rest.

    Untrained looks draw as fast as trained ones, but not what they will: the disk is a rough guess. Of a
    cluster it tells nothing. Leaves nothing behind. Raises VidganError.
    """
    records = Records(plan.folder)
    speeds: dict[str, _Speed] = {}
    clips: dict[Job, Clip] = {}
    units: dict[Job, Unit] = {}
    for job in plan.jobs:
        if records.done(job, key_of_job(job)):
            units[job] = Unit(_what(plan, job), done=True)
            continue
        try:
            clips[job] = open_source(job.clip, options_of(job), Watch())
            span = chosen_span(clips[job], options_of(job))
            speed = _speed_of(job, clips[job], plan, speeds, watch)
            pixels = clips[job].info.height * clips[job].info.width * len(span)
            size = (clips[job].info.height, clips[job].info.width)
            units[job] = Unit(
                _what(plan, job), speed.seconds * pixels, int(speed.bytes * pixels), len(span), size
            )
        except VidganError as error:
            units[job] = Unit(_what(plan, job), wrong=str(error))
    trainings = [_training(training, plan, records, units, speeds) for training in plan.trainings]
    return _summed(plan, [*trainings, *units.values()], len(trainings), speeds)


def _summed(plan: Plan, units: list[Unit], trainings: int, speeds: Mapping[str, _Speed]) -> Estimate:
    at_once, _ = local_room(plan.execution)
    training = sum(unit.seconds or 0.0 for unit in units[:trainings])
    rendering = sum(unit.seconds or 0.0 for unit in units[trainings:])
    share = median(speed.cpu_share for speed in speeds.values()) if speeds else 1.0
    seconds = training + rendering * max(share, 1 / at_once)
    kept = sum(unit.bytes for unit in units)
    largest = sorted((unit.bytes for unit in units), reverse=True)[:at_once]
    notes = [
        f"measured: {name}: {1e6 * speed.seconds:.2f} s a megapixel, {speed.cpu_share:.0%} of all cores"
        for name, speed in speeds.items()
    ]
    return Estimate(
        tuple(units), seconds, kept + (_AT_ONCE_ON_DISK - 1) * sum(largest), at_once, tuple(notes)
    )


def _training(
    training: Training,
    plan: Plan,
    records: Records,
    units: Mapping[Job, Unit],
    speeds: Mapping[str, _Speed],
) -> Unit:
    what = f"train {training.name}"
    if is_trained(records.look(training)) or all(units[job].done for job in plan.jobs_of(training)):
        return Unit(what, done=True)
    settings = recipe_of_training(training).train
    by_steps = None
    speed = speeds.get(_kind(training))
    if settings.steps and speed is not None:
        by_steps = settings.steps * speed.step_seconds
    seconds = [limit for limit in (settings.seconds or None, by_steps) if limit is not None]
    return Unit(what, min(seconds) if seconds else None)


def _speed_of(job: Job, clip: Clip, plan: Plan, known: dict[str, _Speed], watch: BatchWatch) -> _Speed:
    kind = _kind(job.look)
    if kind not in known:
        unit = f"measuring {kind}"
        watch.began(unit)
        known[kind] = _measured(job, clip, plan, watch.of(unit))
        watch.ended(unit, "done", f"{_FRAMES} frames")
    return known[kind]


def _measured(job: Job, clip: Clip, plan: Plan, watch: Watch) -> _Speed:
    """A look that is to be trained on the clip that it is trained on, hardly; others on the job's."""
    if isinstance(job.look, Training):
        clip = open_source(job.look.clip, options_of(job), Watch())
    start = 0 if isinstance(job.look, Training) else chosen_span(clip, options_of(job)).start
    options = replace(
        options_of(job),
        device=plan.execution.device,
        engine=plan.execution.engine,
        start=start,
        end=min(len(clip), start + _FRAMES),
        profile=True,
        verify=False,
        report=False,
    )
    with tempfile.TemporaryDirectory(prefix="vidgan-") as folder:
        out = Path(folder) / ("out.mkv" if is_pattern(job.out) else f"out{job.out.suffix}")
        result = _tried(job, out, options, Watch(progress=watch.progress))
        pixels = clip.info.height * clip.info.width * result.frames
        steps = sum(result.steps) if result.train_seconds else 0
        assert result.profile is not None
        return _Speed(
            result.render_seconds / pixels,
            out.stat().st_size / pixels,
            min(1.0, result.profile.cpu_share),
            result.train_seconds / steps if steps else 0.0,
        )


def _tried(job: Job, out: Path, options: Options, watch: Watch) -> Result:
    look = job.look
    if isinstance(look, Training):
        return translate(
            look.clip,
            look.target,
            out,
            keyframes=look.keyframes,
            masks=look.masks,
            pipeline=look.pipeline,
            overrides=(*look.overrides, *_for_any_container(job), "train.seconds=0", f"train.steps={_STEPS}"),
            frame=look.frame,
            options=options,
            watch=watch,
        )
    model = look.model if isinstance(look, Trained) else None
    pipeline = look.name if isinstance(look, AsItIs) else None
    overrides = _for_any_container(job)
    return carry_out(Request(job.clip, model, out, None, None, overrides, options, pipeline), watch)


def _for_any_container(job: Job) -> tuple[str, ...]:
    """Numbered pictures are measured as a film: their codec is for pictures alone."""
    without = (one for one in job.overrides if not one.startswith("encode.codec="))
    return tuple(without) if is_pattern(job.out) else job.overrides


def _kind(look: LookSource) -> str:
    """What takes the same time: looks of one recipe."""
    if isinstance(look, Training):
        return f"recipe {recipe_of_training(look).name}"
    return f"look {look.name}" if isinstance(look, Trained) else f"recipe {look.name}"


def _what(plan: Plan, job: Job) -> str:
    return f"{plan.label(job)} ({job.look.name})"

"""What a batch would take, before it is begun: from a few frames, measured on this machine."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from vidgan.errors import OutputError, VidganError
from vidgan.gan.look import load_look
from vidgan.jobs.batch.outcome import in_words, told_once
from vidgan.jobs.batch.plan import AsItIs, Job, LookSource, Plan, Trained, Training
from vidgan.jobs.batch.records import Records, key_of_job, recipe_name_of, recipe_of_training
from vidgan.jobs.batch.room import local_room
from vidgan.jobs.batch.run import require_free
from vidgan.jobs.batch.tasks import is_trained, options_of
from vidgan.jobs.batch.training_clips import settled, training_options
from vidgan.jobs.batch.watch import BatchWatch
from vidgan.jobs.options import Options, Result, Watch
from vidgan.jobs.prepared import Prepared
from vidgan.jobs.render import carry_out
from vidgan.jobs.request import Request
from vidgan.jobs.source import open_source
from vidgan.jobs.subject import Asked, prepare
from vidgan.jobs.training import check_holds_patches
from vidgan.jobs.translate import translate
from vidgan.jobs.work import in_words as size_in_words
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

    @property
    def is_to_do(self) -> bool:
        return not self.done and not self.wrong

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
    """trainings, jobs: each on its own. seconds: for all of them. at_once: how many jobs would run at the
    same time. refused: why the batch would not begin.
    """

    trainings: tuple[Unit, ...]
    jobs: tuple[Unit, ...]
    seconds: float
    bytes: int
    at_once: int
    measured: tuple[str, ...] = ()
    refused: str | None = None

    @property
    def units(self) -> tuple[Unit, ...]:
        return (*self.trainings, *self.jobs)

    def told(self) -> Iterator[str]:
        """What a table of the units leaves open."""
        for unit in self.units:
            if unit.wrong:
                yield f"will fail: {told_once(unit.what, unit.wrong)}"
        yield from self.measured
        yield (
            f"{self._to_do()}, {self.at_once} at a time: about {in_words(self.seconds)} on this machine, "
            f"{size_in_words(self.bytes)} of disk at most"
        )
        if self.refused:
            yield f"will not begin: {self.refused}"

    def _to_do(self) -> str:
        named = {"job": self.jobs, "training": self.trainings}
        counts = {name: sum(unit.is_to_do for unit in units) for name, units in named.items()}
        told = [f"{count} {name}{'s' * (count != 1)}" for name, count in counts.items() if count]
        return f"{' and '.join(told) or 'nothing'} to do"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Speed:
    """fixed: what every job takes, however short. seconds, bytes: per pixel of a frame. step_seconds: of a
    training. cpu_share: of all cores, while rendering.
    """

    fixed_seconds: float
    seconds: float
    bytes: float
    cpu_share: float
    step_seconds: float = 0.0


def estimate(plan: Plan, watch: BatchWatch, *, overwrite: bool = False) -> Estimate:
    """Open every clip, render a few frames of the first in each look's recipe, and reckon the rest.

    Untrained looks draw as fast as trained ones, but not what they will: the disk is a rough guess. Of a
    cluster it tells nothing. Leaves nothing behind. Raises VidganError where the device is not here.
    """
    at_once, _ = local_room(plan.execution, len(plan.jobs))
    plan = settled(plan, Records(plan.folder))
    estimator = _Estimator(plan, watch)
    jobs = tuple(map(estimator.job, plan.jobs))
    trainings = tuple(estimator.training(training, jobs) for training in plan.trainings)
    speeds = estimator.speeds
    left = [job for job, unit in zip(plan.jobs, jobs, strict=True) if not unit.done]
    share = median(speed.cpu_share for speed in speeds.values()) if speeds else 1.0
    rendering = sum(unit.seconds or 0.0 for unit in jobs) * max(share, 1 / at_once)
    largest = sorted((unit.bytes for unit in jobs), reverse=True)[:at_once]
    return Estimate(
        trainings,
        jobs,
        seconds=sum(unit.seconds or 0.0 for unit in trainings) + rendering,
        bytes=sum(unit.bytes for unit in jobs) + (_AT_ONCE_ON_DISK - 1) * sum(largest),
        at_once=at_once,
        measured=tuple(_told(name, speed) for name, speed in speeds.items()),
        refused=None if overwrite else _refused(plan, left),
    )


def _told(name: str, speed: _Speed) -> str:
    return f"measured: {name}: {1e6 * speed.seconds:.2f} s a megapixel, {speed.cpu_share:.0%} of all cores"


def _refused(plan: Plan, jobs: Sequence[Job]) -> str | None:
    try:
        require_free(plan, jobs, Records(plan.folder))
    except OutputError as error:
        return str(error)
    return None


class _Estimator:
    """speeds: by what takes the same time."""

    def __init__(self, plan: Plan, watch: BatchWatch) -> None:
        self.plan, self.watch = plan, watch
        self.records = Records(plan.folder)
        self.speeds: dict[str, _Speed] = {}
        self._wrong: dict[Training, str | None] = {}
        self._look = cache(load_look)

    def job(self, job: Job) -> Unit:
        what = self.plan.label(job)
        if self.records.done(job, key_of_job(job)):
            return Unit(what, done=True)
        if isinstance(job.look, Training) and self._wrong_with(job.look):
            return Unit(what, wrong=f"its look {job.look.name} cannot be trained")
        try:
            prepared = self._prepared(job)
            speed = self._speed(job, prepared)
        except VidganError as error:
            return Unit(what, wrong=str(error))
        info, frames = prepared.clip.info, len(prepared.span)
        pixels = info.height * info.width * frames
        seconds = speed.fixed_seconds + speed.seconds * pixels
        return Unit(what, seconds, int(speed.bytes * pixels), frames, (info.height, info.width))

    def training(self, training: Training, jobs: Sequence[Unit]) -> Unit:
        """jobs: all of the plan's."""
        what = f"look {training.name}"
        mine = [unit for job, unit in zip(self.plan.jobs, jobs, strict=True) if job.look == training]
        if is_trained(self.records.look(training)) or all(unit.done for unit in mine):
            return Unit(what, done=True)
        if self._wrong_with(training):
            return Unit(what, wrong=self._wrong_with(training))
        settings = recipe_of_training(training).train
        speed = self.speeds.get(_kind(training))
        by_steps = settings.steps * speed.step_seconds if settings.steps and speed else None
        seconds = [limit for limit in (settings.seconds or None, by_steps) if limit is not None]
        return Unit(what, min(seconds) if seconds else None)

    def _wrong_with(self, training: Training) -> str | None:
        """Why a look cannot be trained, as far as that is seen before."""
        if training not in self._wrong:
            self._wrong[training] = None
            if not is_trained(self.records.look(training)):
                try:
                    self._check_training(training)
                except VidganError as error:
                    self._wrong[training] = str(error)
        return self._wrong[training]

    def _check_training(self, training: Training) -> None:
        options = training_options(training, self.plan)
        clip, recipe = open_source(training.clip, options, Watch()), recipe_of_training(training)
        asked = Asked(training.target, training.frame, training.keyframes, training.masks)
        prepare(asked, clip, recipe, options, Watch())
        if training.target is not None:
            check_holds_patches(clip.frame(0).pixels, recipe.train, str(clip.path))

    def _prepared(self, job: Job) -> Prepared:
        """All that a job finds out before it renders. Raises VidganError."""
        overrides, look, pipeline = job.overrides, None, None
        if isinstance(job.look, Training):  # its look is still to come, its recipe is known
            overrides = (*job.look.overrides, *overrides)
            pipeline = recipe_name_of(job.look)
        elif isinstance(job.look, Trained):
            look = self._look(job.look.model)
        else:
            pipeline = job.look.name
        options = options_of(job, self.plan.execution)
        request = Request(job.clip, None, job.out, job.matte, job.feather, overrides, options, pipeline)
        return request.open(look, Watch())

    def _speed(self, job: Job, prepared: Prepared) -> _Speed:
        kind = _kind(job.look)
        if kind not in self.speeds:
            unit = f"measuring {kind}"
            self.watch.began(unit)
            self.speeds[kind] = self._measured(job, prepared, self.watch.of(unit))
            self.watch.ended(unit, "done", f"{_FRAMES} frames")
        return self.speeds[kind]

    def _measured(self, job: Job, prepared: Prepared, watch: Watch) -> _Speed:
        """A look that is to be trained on the clip that it is trained on, hardly; others on the job's."""
        clip, start, options = prepared.clip, prepared.span.start, prepared.options
        if isinstance(job.look, Training):
            options = training_options(job.look, self.plan)
            clip, start = open_source(job.look.clip, options, Watch()), 0
        options = replace(
            options,
            start=start,
            end=min(len(clip), start + _FRAMES),
            profile=True,
            report=False,
        )
        began = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="vidgan-") as folder:
            out = Path(folder) / ("out.mkv" if is_pattern(job.out) else f"out{job.out.suffix}")
            result = _tried(job, out, options, Watch(progress=watch.progress))
            seconds, size = time.perf_counter() - began, out.stat().st_size
        pixels = clip.info.height * clip.info.width * result.frames
        steps = sum(result.steps) if result.train_seconds else 0
        assert result.profile is not None
        return _Speed(
            max(0.0, seconds - result.render_seconds - result.train_seconds),
            result.render_seconds / pixels,
            size / pixels,
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

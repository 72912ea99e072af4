"""A batch: every look trained once, every clip rendered; what fails stops nothing but itself."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from vidgan.errors import Interrupted, OutputError, VidganError
from vidgan.jobs.batch.local import Fault, fault
from vidgan.jobs.batch.outcome import BatchResult, Outcome
from vidgan.jobs.batch.page import write_report
from vidgan.jobs.batch.plan import AsItIs, Job, Plan, Trained, Training
from vidgan.jobs.batch.records import Records, key_of_job, title_of
from vidgan.jobs.batch.tasks import EngineLost, Made, RenderTask, Task, TrainTask
from vidgan.jobs.batch.watch import BatchWatch
from vidgan.jobs.delivery import was_put_in_place
from vidgan.jobs.interrupt import stop_when_interrupted
from vidgan.jobs.options import Options, Watch
from vidgan.jobs.ownership import owned
from vidgan.jobs.request import Request
from vidgan.media.numbering import is_pattern
from vidgan.media.output import disk_errors

_LOOK_EVERY_SECONDS = 0.3
_FOLDERS = ("looks", "sheets", "jobs")
_NAMED = 3


class Engine(Protocol):
    """Where the work is done. at_once: how many pieces of it are worth having begun."""

    at_once: int
    name: str

    def run(self, task: Task, watch: Watch) -> Any:
        """What task.run returns, or raises; called in up to at_once threads."""
        ...

    def interrupt(self) -> None:
        """The user wants to stop: finish what is in hand, at a second call nothing."""
        ...


def carry_out_batch(
    plan: Plan,
    engine: Callable[[], AbstractContextManager[Engine]],
    watch: BatchWatch | None = None,
    *,
    overwrite: bool = False,
) -> BatchResult:
    """Do what of a plan is not done yet, and report on all of it.

    engine: begun when there is something to do. overwrite: outputs that are not this batch's, or that it made
    from other clips, looks or settings, are made anew. The report is on the disk when this returns, and after
    each job. Raises VidganError before any work where outputs are in the way or somebody else is at it;
    Interrupted where the user stopped it.
    """
    with disk_errors(plan.folder):
        for name in _FOLDERS:
            (plan.folder / name).mkdir(parents=True, exist_ok=True)
    with owned(plan.folder, plan.folder):
        run = _Run(plan, Records(plan.folder), watch or BatchWatch(), overwrite)
        run.look_around()
        if run.to_do:
            with engine() as started, stop_when_interrupted() as should_stop:
                run.carry_out(started, should_stop)
        result = run.report()
    if result.interrupted:
        done = result.count("done")
        raise Interrupted(
            f"stopped: {done} of {len(result.outcomes)} jobs are done ({plan.folder / 'report.html'}); "
            "the same command goes on there"
        )
    return result


@dataclass
class _Run:
    plan: Plan
    records: Records
    watch: BatchWatch
    overwrite: bool
    began: datetime = field(default_factory=lambda: datetime.now().astimezone())
    outcomes: dict[Job, Outcome] = field(default_factory=dict)
    keys: dict[Job, str] = field(default_factory=dict)
    train_seconds: dict[Training, float] = field(default_factory=dict)
    engine_name: str = ""
    stopped: bool = False

    @property
    def to_do(self) -> list[Job]:
        return [job for job in self.plan.jobs if self.outcomes[job].status != "done"]

    def look_around(self) -> None:
        """What is done already; and before any work: what is in the way of the rest."""
        in_the_way = []
        for job in self.plan.jobs:
            self.keys[job] = key_of_job(job)
            before = self.records.done(job, self.keys[job])
            self.outcomes[job] = replace(before, before=True) if before else self._waiting(job)
            if not before and not self.overwrite and self._is_in_the_way(job):
                in_the_way.append(job)
        if in_the_way:
            raise OutputError(_told_of(in_the_way, self.records))

    def _is_in_the_way(self, job: Job) -> bool:
        exists = not is_pattern(job.out) and job.out.exists()
        failed = self.records.wrote(job) and self.records.status(job, self.keys[job]) == "failed"
        return exists and not failed and not was_put_in_place(job.out)

    def carry_out(self, engine: Engine, should_stop: Callable[[], bool]) -> None:
        """Trainings first, jobs as soon as their looks are there."""
        self.engine_name = engine.name
        with ThreadPoolExecutor(engine.at_once, "batch") as pool:
            running = self._begin(pool, engine)
            try:
                while running:
                    ended, _ = wait(running, _LOOK_EVERY_SECONDS, FIRST_COMPLETED)
                    for future in ended:
                        running |= self._end(future, running.pop(future), pool, engine)
                    if should_stop() and not self.stopped:
                        self._stop(running, engine)
            except KeyboardInterrupt:  # the second
                self.stopped = True
                self._stop(running, engine)
                for future in running:
                    with suppress(BaseException):
                        future.result()

    def _begin(self, pool: ThreadPoolExecutor, engine: Engine) -> "_Running":
        running: _Running = {}
        wanted = self.to_do
        for training in self.plan.trainings:
            if any(job.look == training for job in wanted):
                running[pool.submit(self._train, training, engine)] = training
        for job in wanted:
            if not isinstance(job.look, Training):
                running[pool.submit(self._render, job, engine)] = job
        return running

    def _end(
        self, future: "Future[Any]", unit: "Job | Training", pool: ThreadPoolExecutor, engine: Engine
    ) -> "_Running":
        """Take note of what has ended; what can begin now."""
        if future.cancelled():
            return {}
        error = future.exception()
        if isinstance(unit, Job):
            self._note(unit, future.result() if error is None else self._failed(unit, error))
            return {}
        jobs = [job for job in self.plan.jobs_of(unit) if self.outcomes[job].status != "done"]
        if error is None:
            self.train_seconds[unit] = future.result()
            return {} if self.stopped else {pool.submit(self._render, job, engine): job for job in jobs}
        for job in jobs:
            self._note(job, self._failed(job, error, f"its look {unit.name} could not be trained: "))
        return {}

    def _stop(self, running: "_Running", engine: Engine) -> None:
        self.stopped = True
        for future in running:
            future.cancel()
        engine.interrupt()

    def _train(self, training: Training, engine: Engine) -> float:
        unit = f"look {training.name}"
        jobs = [job for job in self.plan.jobs_of(training) if job.clip == training.clip]
        told = options_of(jobs[0]) if jobs else Options()
        execution = self.plan.execution
        options = Options(
            device=execution.device, stream=told.stream, rate=told.rate, allow_truncated=told.allow_truncated
        )
        task = TrainTask(training, self.records.look(training), replace(options, overwrite=True))
        seconds: float = self._watched(unit, task, engine)
        self.watch.ended(unit, "done", f"{seconds:.1f} s" if seconds else "it was there")
        return seconds

    def _render(self, job: Job, engine: Engine) -> Outcome:
        notices: list[str] = []
        self.records.sheet(job).unlink(missing_ok=True)  # an earlier run's
        with disk_errors(job.out):
            (job.out.parent.parent if is_pattern(job.out) else job.out.parent).mkdir(
                parents=True, exist_ok=True
            )
        made: Made = self._watched(self.plan.label(job), self._task(job), engine, notices)
        result = made.result
        fps = result.frames / made.seconds if made.seconds else 0.0
        return replace(
            self._waiting(job),
            status="done",
            seconds=made.seconds,
            frames=result.frames,
            frames_per_second=fps,
            frames_sha256=result.frames_sha256,
            figures=made.figures,
            notices=tuple(notices),
            sheet=result.sheet,
        )

    def _task(self, job: Job) -> RenderTask:
        execution = self.plan.execution
        options = replace(
            options_of(job),
            device=execution.device,
            engine=execution.engine,
            overwrite=self.overwrite or self.records.wrote(job),
            sheet=self.records.sheet(job),
        )
        model, pipeline = self._model(job), job.look.name if isinstance(job.look, AsItIs) else None
        request = Request(job.clip, model, job.out, job.matte, job.feather, job.overrides, options, pipeline)
        return RenderTask(request, _target(job))

    def _model(self, job: Job) -> Path | None:
        if isinstance(job.look, Training):
            return self.records.look(job.look)
        return job.look.model if isinstance(job.look, Trained) else None

    def _watched(self, unit: str, task: Task, engine: Engine, notices: list[str] | None = None) -> Any:
        self.watch.began(unit)
        told = self.watch.of(unit)

        def note(notice: str) -> None:
            if notices is not None:
                notices.append(notice)
            told.notice(notice)

        try:
            return engine.run(task, Watch(told.progress, note))
        except VidganError as error:
            trace = getattr(error, "trace", "")
            if trace:
                self.watch.trouble(unit, trace)
            kind = "interrupted" if isinstance(error, Interrupted | EngineLost) else "failed"
            self.watch.ended(unit, kind, str(error))
            raise
        except Exception as error:
            found = fault(error)
            self.watch.trouble(unit, found.trace)
            self.watch.ended(unit, "failed", str(found))
            raise found from error

    def _note(self, job: Job, outcome: Outcome) -> None:
        seconds = self.train_seconds.get(job.look, 0.0) if isinstance(job.look, Training) else 0.0
        self.outcomes[job] = outcome = replace(outcome, train_seconds=seconds)
        if outcome.status in ("done", "failed"):
            self.records.remember(job, self.keys[job], outcome)
        if outcome.status == "done":
            rate = f"{outcome.frames} frames in {outcome.seconds:.1f} s ({outcome.frames_per_second:.1f}/s)"
            self.watch.ended(self.plan.label(job), "done", rate)
        self.report()

    def _failed(self, job: Job, error: BaseException, because: str = "") -> Outcome:
        if isinstance(error, Interrupted | KeyboardInterrupt | EngineLost):
            return replace(self._waiting(job), status="interrupted", error=str(error))
        message, remedy = divided(f"{because}{error}")
        if isinstance(error, Fault):
            remedy = remedy or "see --log for its traceback"
        if because:
            self.watch.ended(self.plan.label(job), "failed", f"{because}{error}")
        return replace(self._waiting(job), status="failed", error=message, remedy=remedy)

    def _waiting(self, job: Job) -> Outcome:
        return Outcome(str(job.clip), title_of(job.look), str(job.out), "waiting", target=_target(job))

    def report(self) -> BatchResult:
        seconds = (datetime.now().astimezone() - self.began).total_seconds()
        result = BatchResult(
            self.plan.folder.stem,
            self.plan.folder,
            tuple(self.outcomes[job] for job in self.plan.jobs),
            self.began.isoformat(timespec="seconds"),
            seconds,
            self.engine_name,
            self.stopped,
        )
        write_report(result)
        return result


_Running = dict["Future[Any]", Job | Training]


def options_of(job: Job) -> Options:
    """What of a job's own are options of its render."""
    return Options(
        stream=job.stream,
        rate=job.rate,
        allow_truncated=job.allow_truncated,
        start=job.start,
        end=job.end,
        report=job.report,
        verify=job.verify,
    )


def divided(message: str) -> tuple[str, str | None]:
    """What happened, and what to do: our errors say that behind their last colon."""
    what, colon, remedy = message.rpartition(": ")
    return (what, remedy) if colon else (message, None)


def _target(job: Job) -> Path | None:
    return job.look.pictures[0] if isinstance(job.look, Training) and job.look.pictures else None


def _told_of(jobs: Sequence[Job], records: Records) -> str:
    names = list(_named(jobs))
    ours = [job for job in jobs if records.wrote(job)]
    why = "made from other clips, looks or settings" if len(ours) == len(jobs) else "in the way"
    are = "outputs are there already" if len(jobs) > 1 else "output is there already"
    return f"{len(jobs)} {are}, {why} ({', '.join(names)}): move them away, or pass --overwrite."


def _named(jobs: Sequence[Job]) -> Iterator[str]:
    yield from (str(job.out) for job in jobs[:_NAMED])
    if len(jobs) > _NAMED:
        yield f"and {len(jobs) - _NAMED} more"

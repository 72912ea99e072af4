"""A batch: every look trained once, every clip rendered; what fails stops nothing but itself."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from vidgan.errors import Interrupted, OtherWorkError, OutputError, VidganError
from vidgan.jobs.batch.outcome import BatchResult, Outcome
from vidgan.jobs.batch.page import write_report
from vidgan.jobs.batch.plan import AsItIs, Job, Plan, Trained, Training
from vidgan.jobs.batch.records import Records, key_of_job, target_of, title_of
from vidgan.jobs.batch.tasks import EngineLost, Made, RenderTask, Task, TrainTask, is_trained, options_of
from vidgan.jobs.batch.training_clips import settled, training_options
from vidgan.jobs.batch.watch import BatchWatch
from vidgan.jobs.batch.worker import fault
from vidgan.jobs.delivery import was_put_in_place
from vidgan.jobs.interrupt import stop_when_interrupted
from vidgan.jobs.options import Progress, Watch
from vidgan.jobs.ownership import owned
from vidgan.jobs.request import Request
from vidgan.jobs.work import PARTS_ARE_KEPT, drop_work
from vidgan.media.numbering import is_pattern
from vidgan.media.output import disk_errors

_LOOK_EVERY_SECONDS = 0.3
_FOLDERS = ("looks", "sheets", "jobs")
_NAMED = 3
_OF_THE_TIME = 0.05  # that writing the report may take, while jobs are at work


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
    from other clips, looks or settings, are made anew. The report is on the disk when this returns, and now
    and then before. Raises VidganError before any work where outputs are in the way or somebody else is at
    it; Interrupted where the user stopped it.
    """
    run = _Run(plan, watch or BatchWatch(), overwrite)
    run.look_around()  # what is refused leaves no folder behind
    with disk_errors(plan.folder):
        for name in _FOLDERS:
            (plan.folder / name).mkdir(parents=True, exist_ok=True)
    with owned(plan.folder, plan.folder):
        run.look_around()  # another run may have ended just now
        run.tidy()
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


_Running = dict["Future[Any]", Job | Training]


@dataclass
class _Run:
    plan: Plan
    watch: BatchWatch
    overwrite: bool
    began: datetime = field(default_factory=lambda: datetime.now().astimezone())
    outcomes: dict[Job, Outcome] = field(default_factory=dict)
    train_seconds: dict[Training, float] = field(default_factory=dict)
    engine_name: str = "this machine"
    stopped: bool = False
    report_due: float = 0.0

    def __post_init__(self) -> None:
        self.records = Records(self.plan.folder)
        self.plan = settled(self.plan, self.records)
        self.keys = {job: key_of_job(job) for job in self.plan.jobs}

    @property
    def to_do(self) -> list[Job]:
        return [job for job in self.plan.jobs if self.outcomes[job].status != "done"]

    def look_around(self) -> None:
        """What is done already; OutputError where something is in the way of the rest."""
        for job in self.plan.jobs:
            before = self.records.done(job, self.keys[job])
            self.outcomes[job] = replace(before, before=True) if before else self._waiting(job)
        if not self.overwrite:
            require_free(self.plan, self.to_do, self.records)

    def tidy(self) -> None:
        """Remove what a run that was killed had no time to remove."""
        for job, outcome in self.outcomes.items():
            if outcome.status == "done" and was_put_in_place(job.out):
                drop_work(job.out)

    def carry_out(self, engine: Engine, should_stop: Callable[[], bool]) -> None:
        """Trainings first, jobs as soon as their looks are there."""
        self.engine_name = engine.name
        with ThreadPoolExecutor(engine.at_once, "batch") as pool:
            running = self._begin(pool, engine)
            trainings = sum(isinstance(unit, Training) for unit in running.values())
            self.watch.planned(trainings + len(self.to_do))
            try:
                self._go_on(running, pool, engine, should_stop)
            except KeyboardInterrupt:  # the second
                self._stop(running, engine)
                self._go_on(running, pool, engine, lambda: False)
            except BaseException:
                self._stop(running, engine)
                raise

    def _begin(self, pool: ThreadPoolExecutor, engine: Engine) -> _Running:
        running: _Running = {}
        wanted = {job.look for job in self.to_do}
        untrained = [
            look for look in self.plan.trainings if look in wanted and not is_trained(self.records.look(look))
        ]
        for training in untrained:
            running[pool.submit(self._train, training, engine)] = training
        for job in self.to_do:
            if job.look not in untrained:
                running[pool.submit(self._render, job, engine)] = job
        return running

    def _go_on(
        self, running: _Running, pool: ThreadPoolExecutor, engine: Engine, should_stop: Callable[[], bool]
    ) -> None:
        """Until nothing runs any more."""
        while running:
            ended, _ = wait(running, _LOOK_EVERY_SECONDS, FIRST_COMPLETED)
            for future in ended:
                running |= self._end(future, running[future], pool, engine)
                del running[future]
            if should_stop() and not self.stopped:
                self.watch.stopping()
                self._stop(running, engine)

    def _stop(self, running: _Running, engine: Engine) -> None:
        self.stopped = True
        for future in running:
            future.cancel()
        engine.interrupt()

    def _end(
        self, future: "Future[Any]", unit: Job | Training, pool: ThreadPoolExecutor, engine: Engine
    ) -> _Running:
        """Take note of what has ended; what can begin now."""
        if future.cancelled():
            return {}
        error = future.exception()
        if isinstance(unit, Job):
            self._note(unit, future.result() if error is None else self._failed(unit, error))
            return {}
        jobs = [job for job in self.to_do if job.look == unit]
        if error is None:
            self.train_seconds[unit] = future.result()
            return {} if self.stopped else {pool.submit(self._render, job, engine): job for job in jobs}
        if not isinstance(error, Interrupted | EngineLost):
            for job in jobs:
                failed = self._failed(job, error, f"its look {unit.name} could not be trained: ")
                self.watch.ended(self.plan.label(job), "failed", f"{failed.error}: {failed.remedy}")
                self._note(job, failed)
        return {}

    def _train(self, training: Training, engine: Engine) -> float:
        options = replace(training_options(training, self.plan), overwrite=True)
        task = TrainTask(training, self.records.look(training), options)
        unit = f"look {training.name}"
        seconds: float = self._watched(unit, lambda watch: engine.run(task, watch))
        self.watch.ended(unit, "done", f"{seconds:.1f} s")
        return seconds

    def _render(self, job: Job, engine: Engine) -> Outcome:
        notices: list[str] = []
        made: Made = self._watched(
            self.plan.label(job), lambda watch: self._made(job, engine, watch), notices
        )
        result = made.result
        new_frames = result.frames - result.reused
        return replace(
            self._waiting(job),
            status="done",
            seconds=made.seconds,
            frames=result.frames,
            frames_per_second=new_frames / made.seconds if made.seconds else 0.0,
            frames_sha256=result.frames_sha256,
            figures=made.figures,
            notices=tuple(notices),
            sheet=result.sheet,
        )

    def _made(self, job: Job, engine: Engine, watch: Watch) -> Made:
        """Rendered, from where an earlier attempt stopped.

        Anew where this batch had begun it from something else: nobody is here to be asked. The work folder
        stays until the job is noted as done: killed before, the same command goes on there.
        """
        self.records.sheet(job).unlink(missing_ok=True)  # an earlier run's
        with disk_errors(job.out):
            folder = job.out.parent.parent if is_pattern(job.out) else job.out.parent
            folder.mkdir(parents=True, exist_ok=True)
        self.records.begin(job)
        task = self._task(job)
        try:
            return engine.run(task, watch)
        except OtherWorkError as error:
            if not (self.overwrite or self.records.has_begun(job)):
                raise OtherWorkError(str(error).replace("--fresh", "--overwrite")) from error
            watch.notice(f"started over: {divided(str(error))[0]}")
            return engine.run(task.fresh(), watch)
        finally:
            self.records.end(job)

    def _task(self, job: Job) -> RenderTask:
        options = replace(
            options_of(job, self.plan.execution),
            overwrite=self.overwrite or self.records.may_replace(job),
            sheet=self.records.sheet(job),
            keep_work=True,
        )
        model, pipeline = self._model(job), job.look.name if isinstance(job.look, AsItIs) else None
        request = Request(job.clip, model, job.out, job.matte, job.feather, job.overrides, options, pipeline)
        return RenderTask(request, target_of(job))

    def _model(self, job: Job) -> Path | None:
        if isinstance(job.look, Training):
            return self.records.look(job.look)
        return job.look.model if isinstance(job.look, Trained) else None

    def _watched(self, unit: str, work: Callable[[Watch], Any], notices: list[str] | None = None) -> Any:
        """What the work gives, or raises; begun when it is first heard of: it may have to wait."""
        begun = False

        def begin() -> None:
            nonlocal begun
            if not begun:
                begun = True
                self.watch.began(unit)

        def progress(progress: Progress) -> None:
            begin()
            self.watch.progress(unit, progress)

        def note(notice: str) -> None:
            if notice.startswith(PARTS_ARE_KEPT):  # not for long
                return
            begin()
            if notices is not None:
                notices.append(notice)
            self.watch.notice(unit, notice)

        try:
            return work(Watch(progress, note))
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
        """A disk that refuses it stops nothing: what is not noted is gone on from, and the report is due."""
        seconds = self.train_seconds.get(job.look, 0.0) if isinstance(job.look, Training) else 0.0
        self.outcomes[job] = outcome = replace(outcome, train_seconds=seconds)
        with suppress(OutputError):
            if outcome.status in ("done", "failed"):
                self.records.remember(job, self.keys[job], outcome)
            if outcome.status == "done":
                drop_work(job.out)
        if outcome.status == "done":
            self.watch.ended(self.plan.label(job), "done", _told(outcome))
        if time.monotonic() >= self.report_due:
            with suppress(OutputError):
                self.report()

    def _failed(self, job: Job, error: BaseException, because: str = "") -> Outcome:
        if isinstance(error, Interrupted | EngineLost):
            return replace(self._waiting(job), status="interrupted", error=str(error))
        message, remedy = divided(str(error))
        return replace(self._waiting(job), status="failed", error=f"{because}{message}", remedy=remedy)

    def _waiting(self, job: Job) -> Outcome:
        return Outcome(str(job.clip), title_of(job.look), str(job.out), "waiting", target=target_of(job))

    def report(self) -> BatchResult:
        """Written, and given. Of many jobs it takes long: the next one is due when that weighs little."""
        began = time.monotonic()
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
        ended = time.monotonic()
        self.report_due = ended + (ended - began) / _OF_THE_TIME
        return result


def require_free(plan: Plan, jobs: Sequence[Job], records: Records) -> None:
    """OutputError where something is in the place of the outputs of jobs that are not done."""
    in_the_way = [job for job in jobs if records.is_in_the_way(job)]
    if in_the_way:
        ours = all(records.wrote(job) for job in in_the_way)
        why = "made from other clips, looks or settings" if ours else "in the way"
        are = "outputs are there already" if len(in_the_way) > 1 else "output is there already"
        named = ", ".join(_named(plan, in_the_way))
        raise OutputError(f"{len(in_the_way)} {are}, {why} ({named}): move them away, or pass --overwrite.")


def _named(plan: Plan, jobs: Sequence[Job]) -> Iterator[str]:
    yield from (plan.label(job) for job in jobs[:_NAMED])
    if len(jobs) > _NAMED:
        yield f"and {len(jobs) - _NAMED} more"


def _told(outcome: Outcome) -> str:
    made = round(outcome.frames_per_second * outcome.seconds)
    now = f"{made} frames in {outcome.seconds:.1f} s ({outcome.frames_per_second:.1f}/s)"
    before = f"{outcome.frames - made} were there"
    return ", ".join([now] * (made > 0) + [before] * (made < outcome.frames))


def divided(message: str) -> tuple[str, str | None]:
    """What happened, and what to do: our errors say that last, behind a colon or as a sentence."""
    *_, last = [None, *re.finditer(r": |\. (?=[A-Z])", message)]
    return (message, None) if last is None else (message[: last.start()], message[last.end() :])

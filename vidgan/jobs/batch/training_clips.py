"""Which clip a look is trained on where the user leaves that open."""

from dataclasses import replace
from pathlib import Path

from vidgan.errors import VidganError
from vidgan.jobs.batch.plan import Job, Plan, Training
from vidgan.jobs.batch.records import Records
from vidgan.jobs.batch.tasks import options_of
from vidgan.jobs.options import Options, Watch
from vidgan.jobs.source import open_source
from vidgan.jobs.train import checkpoint_of


def settled(plan: Plan, records: Records) -> Plan:
    """The plan with a clip for every training that may take any of its jobs', read as by the first of them.

    The one that the look was trained on before, so that a clip that is added or mended later changes no look;
    else the first that opens, so that one that is damaged is the only one to fail.
    """
    chosen = {training: _settled(training, plan, records) for training in plan.trainings}
    jobs = (
        replace(job, look=chosen[job.look]) if isinstance(job.look, Training) else job for job in plan.jobs
    )
    return replace(plan, jobs=tuple(jobs))


def training_options(training: Training, plan: Plan) -> Options:
    """How a settled training is carried out; its clip is read as by the jobs that render it."""
    jobs = (job for job in plan.jobs_of(training) if job.clip == training.clip)
    return Options(
        device=plan.execution.device,
        engine=plan.execution.engine,
        stream=training.stream,
        rate=training.rate,
        allow_truncated=any(job.allow_truncated for job in jobs),
    )


def _settled(training: Training, plan: Plan, records: Records) -> Training:
    jobs = list(plan.jobs_of(training))
    if not training.any_clip:
        return next((_read_as(job, training) for job in jobs if job.clip == training.clip), training)
    return next(
        (way for job in jobs if _is_begun(records.look(way := _read_as(job, training)))),
        next((_read_as(job, training) for job in jobs if _opens(job, plan)), training),
    )


def _read_as(job: Job, training: Training) -> Training:
    """The same on a job's clip."""
    return replace(training, clip=job.clip, stream=job.stream, rate=job.rate)


def _is_begun(look: Path) -> bool:
    return look.exists() or checkpoint_of(look).exists()


def _opens(job: Job, plan: Plan) -> bool:
    try:
        open_source(job.clip, options_of(job, plan.execution), Watch())
    except VidganError:
        return False
    return True

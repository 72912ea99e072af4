"""Which clip a look is trained on where the user leaves that open."""

from dataclasses import replace
from pathlib import Path

from vidgan.errors import VidganError
from vidgan.jobs.batch.plan import Job, Plan, Training
from vidgan.jobs.batch.records import Records
from vidgan.jobs.batch.tasks import options_of
from vidgan.jobs.options import Watch
from vidgan.jobs.source import open_source
from vidgan.jobs.train import checkpoint_of


def settled(plan: Plan, records: Records) -> Plan:
    """The plan with a clip for every training that may take any of its jobs'.

    The one that the look was trained on before, so that a clip that is added or mended later changes no look;
    else the first that opens, so that one that is damaged is the only one to fail.
    """
    chosen = {training: _on_a_clip(training, plan, records) for training in plan.trainings}
    jobs = (
        replace(job, look=chosen[job.look]) if isinstance(job.look, Training) else job for job in plan.jobs
    )
    return replace(plan, jobs=tuple(jobs))


def _on_a_clip(training: Training, plan: Plan, records: Records) -> Training:
    if not training.any_clip:
        return training
    jobs: dict[Path, Job] = {}
    for job in plan.jobs_of(training):
        jobs.setdefault(job.clip, job)
    for clip in jobs:
        on_clip = replace(training, clip=clip)
        look = records.look(on_clip)
        if look.exists() or checkpoint_of(look).exists():
            return on_clip
    clip = next((clip for clip, job in jobs.items() if _opens(job, plan)), training.clip)
    return replace(training, clip=clip)


def _opens(job: Job, plan: Plan) -> bool:
    try:
        open_source(job.clip, options_of(job, plan.execution), Watch())
    except VidganError:
        return False
    return True

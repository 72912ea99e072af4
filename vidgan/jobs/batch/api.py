"""vidgan.batch: what the command does, as a function."""

import multiprocessing
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from vidgan.errors import UsageError
from vidgan.jobs.batch.folder import jobs_of_folder
from vidgan.jobs.batch.jobfile import read_jobs
from vidgan.jobs.batch.outcome import BatchResult
from vidgan.jobs.batch.plan import Plan
from vidgan.jobs.batch.run import Engine, carry_out_batch
from vidgan.jobs.batch.watch import BatchWatch


def batch(
    source: str | Path,
    target: str | Path | None = None,
    out: str | Path | None = None,
    *,
    model: str | Path | None = None,
    pipeline: str | None = None,
    overrides: Sequence[str] = (),
    jobs: int | None = None,
    device: str | None = None,
    cluster: str | None = None,
    allow_mixed: bool = False,
    overwrite: bool = False,
    watch: BatchWatch | None = None,
) -> BatchResult:
    """Render many clips in many looks; what fails stops nothing but itself.

    It starts processes, which import the calling script once more: call it below
    `if __name__ == "__main__":` there.

    source: a job file, or a folder whose clips all get the look of `target`, or of `model`, a trained one.
    out: the folder that results go into; a job file's own where None. pipeline, overrides: as in
    vidgan.translate, for a folder; a job file says them itself. jobs: how many at the same time; as many as
    there is room for where None. device: the job file's where None. cluster: the address of a Ray cluster, or
    auto. allow_mixed: also with nodes whose frames differ in rounding. overwrite: replace outputs that are
    not this batch's. Called again, it skips what is done. Raises VidganError before any work; what fails
    later is in the result.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise UsageError(
            "vidgan.batch starts processes, which import this script once more: "
            'call it below if __name__ == "__main__":'
        )
    plan = plan_of_batch(
        source, target, out, model=model, pipeline=pipeline, overrides=overrides, jobs=jobs, device=device
    )
    return carry_out_batch(plan, engine_of(plan, cluster, allow_mixed), watch, overwrite=overwrite)


def plan_of_batch(
    source: str | Path,
    target: str | Path | None = None,
    out: str | Path | None = None,
    *,
    model: str | Path | None = None,
    pipeline: str | None = None,
    overrides: Sequence[str] = (),
    jobs: int | None = None,
    device: str | None = None,
) -> Plan:
    """What batch would do. Raises VidganError."""
    place = Path(source)
    if place.is_dir():
        if out is None:
            raise UsageError(f"-o is missing: vidgan batch {source} TARGET -o OUTFOLDER")
        plan = jobs_of_folder(
            place,
            Path(out),
            target=_path(target),
            model=_path(model),
            pipeline=pipeline,
            overrides=overrides,
        )
    else:
        _refuse(**{"TARGET": target, "-m": model, "-p": pipeline, "--set": overrides})
        plan = read_jobs(place, _path(out))
    if jobs is not None and jobs < 1:
        raise UsageError(f"--jobs {jobs} would do nothing: give 1 or more")
    execution = plan.execution
    execution = replace(execution, jobs=jobs or execution.jobs, device=device or execution.device)
    return replace(plan, execution=execution)


def engine_of(
    plan: Plan, cluster: str | None, allow_mixed: bool
) -> Callable[[], AbstractContextManager[Engine]]:
    """What begins the engine that a batch is done with. UsageError or DeviceError where it cannot be had."""
    if cluster is not None:
        from vidgan.jobs.batch.cluster import cluster_engine

        return cluster_engine(plan, cluster, allow_mixed)
    if allow_mixed:
        raise UsageError("--allow-mixed is about the machines of a cluster: give --cluster too")
    from vidgan.gan.device import choose_device
    from vidgan.gan.engine import require_engine
    from vidgan.jobs.batch.local import local_engine
    from vidgan.jobs.batch.room import local_room

    require_engine(plan.execution.engine, choose_device(plan.execution.device))
    slots, share = local_room(plan.execution, len(plan.jobs))
    return lambda: local_engine(slots, share)


def _refuse(**given: object) -> None:
    useless = [name for name, value in given.items() if value]
    if useless:
        raise UsageError(f"a job file says that itself: leave {', '.join(useless)} out, or name a folder")


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)

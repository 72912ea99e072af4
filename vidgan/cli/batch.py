"""vidgan batch: many clips, many looks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from vidgan.cli import arguments as a
from vidgan.cli.show import print_json
from vidgan.cli.showbatch import batch_watching, show_batch, show_estimate
from vidgan.errors import UsageError

if TYPE_CHECKING:
    from vidgan.jobs.batch.plan import Plan

EXAMPLE = "Example: vidgan batch shots.toml --dry-run; or: vidgan batch footage/ mosaic.png -o out/ -p draft"


def command(
    source: Annotated[
        Path, typer.Argument(metavar="JOBS.toml|FOLDER", help="A job file, or a folder of clips.")
    ],
    target: a.OptionalTarget = None,
    *,
    out: Annotated[
        Path | None,
        Option("-o", "--out", metavar="FOLDER", help="Where results go. (default: beside the job file)"),
    ] = None,
    model: Annotated[
        Path | None, Option("-m", "--model", metavar="LOOK", help="A trained look, instead of TARGET.")
    ] = None,
    pipeline: a.Pipeline = None,
    overrides: a.Overrides = None,
    jobs: Annotated[
        int | None,
        Option(
            "-j",
            "--jobs",
            metavar="N",
            help="How many at the same time. (default: as many as cores, memory and GPUs have room for)",
            show_default=False,
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        Option("--cluster", metavar="auto|ADDRESS", help="Render on a Ray cluster (vidgan[cluster])."),
    ] = None,
    allow_mixed: Annotated[
        bool, Option("--allow-mixed", help="Take machines of a cluster whose frames differ in rounding.")
    ] = False,
    log: Annotated[
        Path | None, Option("--log", metavar="FILE", help="Also write what happens there.")
    ] = None,
    device: Annotated[
        str | None,
        Option("--device", metavar="DEVICE", help="auto, cpu, cuda or mps. (default: the job file's)"),
    ] = None,
    overwrite: a.Overwrite = False,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Say what would be done, and how long it would take, and stop.")
    ] = False,
    json: a.Json = False,
) -> None:
    """Render many clips in many looks; what fails stops nothing but itself.

    Looks are trained once. Given again, the same command skips what is done and goes on with the rest.
    FOLDER.batch, beside the results, holds report.html, report.json and the looks.
    """
    plan = _plan(source, target, out, model, pipeline, overrides, jobs, device)
    if cluster is None and allow_mixed:
        raise UsageError("--allow-mixed is about the machines of a cluster: give --cluster too")
    if dry_run:
        from vidgan.jobs.batch.estimate import estimate

        with batch_watching(json, None) as watch:
            show_estimate(plan, estimate(plan, watch), json)
        return
    from vidgan.jobs.batch.run import batch

    with batch_watching(json, log, len(plan.jobs) + len(plan.trainings)) as watch:
        result = batch(plan, _engine(plan, cluster, allow_mixed), watch, overwrite=overwrite)
    if json:
        print_json(result.as_json())
    else:
        show_batch(result)
    if result.count("done") < len(result.outcomes):
        raise typer.Exit(1)


def _engine(plan: "Plan", cluster: str | None, allow_mixed: bool):  # type: ignore[no-untyped-def]
    if cluster is not None:
        from vidgan.jobs.batch.cluster import cluster_engine

        return cluster_engine(plan, cluster, allow_mixed)
    from vidgan.jobs.batch.local import local_engine
    from vidgan.jobs.batch.room import local_room

    slots, share = local_room(plan.execution)
    return lambda: local_engine(slots, share)


def _plan(
    source: Path,
    target: Path | None,
    out: Path | None,
    model: Path | None,
    pipeline: str | None,
    overrides: list[str] | None,
    jobs: int | None,
    device: str | None,
) -> "Plan":
    from dataclasses import replace

    from vidgan.jobs.batch.folder import jobs_of_folder
    from vidgan.jobs.batch.jobfile import read_jobs

    if source.is_dir():
        if out is None:
            raise UsageError(f"-o is missing: vidgan batch {source} TARGET -o OUTFOLDER")
        plan = jobs_of_folder(
            source, out, target=target, model=model, pipeline=pipeline, overrides=overrides or []
        )
    else:
        given = {"TARGET": target, "-m": model, "-p": pipeline, "--set": overrides}
        useless = [name for name, value in given.items() if value]
        if useless:
            raise UsageError(f"a job file says that itself: leave {', '.join(useless)} out, or name a folder")
        plan = read_jobs(source, out)
    if jobs is not None and jobs < 1:
        raise UsageError(f"--jobs {jobs} would do nothing: give 1 or more")
    execution = plan.execution
    return replace(
        plan,
        execution=replace(execution, jobs=jobs or execution.jobs, device=device or execution.device),
    )

"""vidgan batch: many clips, many looks."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from vidgan.cli import arguments as a
from vidgan.cli.show import print_json
from vidgan.cli.showbatch import batch_watching, show_batch, show_estimate

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
    from vidgan.jobs.batch.api import engine_of, plan_of_batch

    plan = plan_of_batch(
        source,
        target,
        out,
        model=model,
        pipeline=pipeline,
        overrides=overrides or (),
        jobs=jobs,
        device=device,
    )
    if dry_run:
        from vidgan.jobs.batch.estimate import estimate

        with batch_watching(json, log) as watch:
            found = estimate(plan, watch)
        show_estimate(found, json)
        return
    from vidgan.jobs.batch.run import carry_out_batch

    with batch_watching(json, log, len(plan.jobs) + len(plan.trainings)) as watch:
        engine = engine_of(plan, cluster, allow_mixed)
        result = carry_out_batch(plan, engine, watch, overwrite=overwrite)
    if json:
        print_json(result.as_json())
    else:
        show_batch(result)
    if result.count("done") < len(result.outcomes):
        raise typer.Exit(1)

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
        Path,
        typer.Argument(
            metavar="JOBS.toml|FOLDER", help="A job file, or a folder of clips.", show_default=False
        ),
    ],
    target: Annotated[
        Path | None,
        typer.Argument(
            metavar="TARGET", help="For a folder: the picture whose look its clips get.", show_default=False
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None,
        Option(
            "-o",
            "--out",
            metavar="FOLDER",
            help="Where results go. (default: the job file's own folder)",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        Path | None,
        Option(
            "-m",
            "--model",
            metavar="LOOK",
            help="For a folder: a trained look, instead of TARGET.",
            show_default=False,
        ),
    ] = None,
    pipeline: Annotated[
        str | None,
        Option(
            "-p",
            "--pipeline",
            metavar="NAME",
            help="For a folder: a recipe that `vidgan pipelines` lists, or a .toml file. (default: balanced)",
            show_default=False,
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        Option(
            "--set",
            metavar="KEY=VALUE",
            help="For a folder: change one value of the recipe, e.g. train.seconds=60. Repeatable.",
            show_default=False,
        ),
    ] = None,
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
        Option(
            "--cluster",
            metavar="auto|HOST:PORT|local",
            help=r"Render on a Ray cluster (needs vidgan\[cluster]): this machine's, a head's, or one of "
            "this machine alone, to try.",
            show_default=False,
        ),
    ] = None,
    allow_mixed: Annotated[
        bool, Option("--allow-mixed", help="Take machines of a cluster whose frames differ in rounding.")
    ] = False,
    log: Annotated[
        Path | None,
        Option(
            "--log",
            metavar="FILE",
            help="Also write there what happens, with times, and the tracebacks of faults.",
            show_default=False,
        ),
    ] = None,
    device: Annotated[
        str | None,
        Option(
            "--device",
            metavar="DEVICE",
            help="auto, cpu, cuda or mps. (default: the job file's, or auto)",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        Option(
            "--overwrite", help="Replace what was made from other clips, looks or settings, or by others."
        ),
    ] = False,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Say what would be done, and how long it would take, and stop.")
    ] = False,
    json: a.Json = False,
) -> None:
    """Render many clips in many looks; what fails stops nothing but itself.

    Looks are trained once. Given again, the same command skips what is done and goes on with the rest.
    JOBS.batch (vidgan.batch for a folder), beside the results, holds report.html, report.json and the looks.
    """
    with batch_watching(json, log) as watch:
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
        engine = engine_of(plan, cluster, allow_mixed)
        if dry_run:
            from vidgan.jobs.batch.estimate import estimate

            found = estimate(plan, watch, overwrite=overwrite)
        else:
            from vidgan.jobs.batch.run import carry_out_batch

            result = carry_out_batch(plan, engine, watch, overwrite=overwrite)
    if dry_run:
        show_estimate(found, json)
        return
    if json:
        print_json(result.as_json())
    else:
        show_batch(result)
    if result.count("done") < len(result.outcomes):
        raise typer.Exit(1)

"""What people see of a batch: bars of what is at work, then a table of what became of each job."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from vidgan.cli.show import PHASES, print_json
from vidgan.errors import OutputError

if TYPE_CHECKING:
    from vidgan.jobs.batch.estimate import Estimate
    from vidgan.jobs.batch.outcome import BatchResult, Outcome
    from vidgan.jobs.batch.watch import BatchWatch
    from vidgan.jobs.options import Progress as JobProgress

_STYLES = {"done": "green", "failed": "red", "interrupted": "yellow", "waiting": "dim"}


@contextmanager
def batch_watching(as_json: bool, log: Path | None, units: int = 0) -> Iterator["BatchWatch"]:
    """A watch that shows what is at work on standard error, and writes all it is told into a log.

    units: how many pieces of work there are. OutputError where the log cannot be written.
    """
    from vidgan.jobs.batch.watch import BatchWatch

    console = Console(stderr=True, quiet=as_json)
    with (
        _logging(log) as logger,
        Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[detail]}", style="dim", markup=False),
            console=console,
            disable=not console.is_terminal,
        ) as bars,
    ):
        shown = _Shown(console, bars, logger, units)
        yield BatchWatch(shown.began, shown.progress, shown.notice, shown.ended, shown.trouble)


class _Shown:
    """A bar for each piece of work while it is at work, one for all; where nobody sees bars, lines."""

    def __init__(self, console: Console, bars: Progress, logger: logging.Logger, units: int) -> None:
        self.console, self.bars, self.logger, self.units = console, bars, logger, units
        self.tasks: dict[str, TaskID] = {}
        self.phases: dict[str, tuple[str, int]] = {}
        self.all = bars.add_task("all", total=units or None, detail="") if units else None

    def began(self, unit: str) -> None:
        self.tasks[unit] = self.bars.add_task(unit, total=1.0, detail="")
        self._line(f"{unit}: begun")

    def progress(self, unit: str, progress: "JobProgress") -> None:
        detail = ", ".join(filter(None, [PHASES[progress.phase], progress.part, progress.detail]))
        self.bars.update(self.tasks[unit], completed=progress.fraction, detail=detail)
        quarter = progress.phase, int(progress.fraction * 4)
        if self.phases.get(unit) != quarter:
            self.phases[unit] = quarter
            self._line(f"{unit}: {PHASES[progress.phase]} {progress.fraction:.0%} {progress.detail}".rstrip())

    def notice(self, unit: str, notice: str) -> None:
        self._line(f"{unit}: note: {notice}")

    def ended(self, unit: str, how: str, more: str) -> None:
        task = self.tasks.pop(unit, None)
        if task is not None:
            self.bars.remove_task(task)
        if self.all is not None:
            self.bars.advance(self.all)
        self._line(f"{unit}: {how}: {more}", how)

    def trouble(self, unit: str, trace: str) -> None:
        self.logger.error("%s:\n%s", unit, trace)

    def _line(self, text: str, how: str = "") -> None:
        """Into the log; on the screen all where there are no bars, else what has ended."""
        text = " ".join(text.split())
        (self.logger.error if how == "failed" else self.logger.info)("%s", text)
        if how or not self.console.is_terminal:
            style = _STYLES[how] if how and self.console.is_terminal else ""
            self.console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _logging(log: Path | None) -> Iterator[logging.Logger]:
    """A logger of this batch alone, into a file that is added to."""
    logger = logging.getLogger("vidgan.batch")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler: logging.Handler = logging.NullHandler()
    if log is not None:
        try:
            handler = logging.FileHandler(log, encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{log} cannot be written ({error.strerror}): name another --log.") from error
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        handler.close()


def show_batch(result: "BatchResult") -> None:
    """A row for each job on standard output; below what failed, and what to do; last where the report is."""
    from vidgan.jobs.batch.outcome import in_words

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    for heading in ("output", "look", "status", "seconds", "frames/s"):
        numbers = heading in ("seconds", "frames/s")
        table.add_column(heading, overflow="fold", justify="right" if numbers else "left")
    for outcome in result.outcomes:
        table.add_row(*_row(outcome))
    console.print(table)
    for outcome in result.outcomes:
        if outcome.status == "failed":
            remedy = f": {outcome.remedy}" if outcome.remedy else ""
            text = f"[red]failed[/red] {escape(outcome.out)}: {escape(f'{outcome.error}{remedy}')}"
            console.print(text, soft_wrap=True)
    counts = [f"{result.count(status)} {status}" for status in _STYLES if result.count(status)]
    console.print(f"{', '.join(counts)} of {len(result.outcomes)} in {in_words(result.seconds)}")
    console.print(f"report: {escape(str(result.folder / 'report.html'))}", soft_wrap=True)


def _row(outcome: "Outcome") -> tuple[str, ...]:
    status = "done before" if outcome.before else outcome.status
    seconds = f"{outcome.seconds:.1f}" if outcome.seconds else ""
    rate = f"{outcome.frames_per_second:.1f}" if outcome.frames else ""
    style = _STYLES[outcome.status]
    return escape(outcome.out), escape(outcome.look), f"[{style}]{status}[/{style}]", seconds, rate


def show_estimate(found: "Estimate", as_json: bool) -> None:
    """What --dry-run tells: what would be done, and what it would take."""
    if as_json:
        print_json(found.as_json())
        return
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    for heading in ("what", "frames", "size", "about", "disk"):
        table.add_column(heading, overflow="fold", justify="left" if heading == "what" else "right")
    for unit in found.units:
        table.add_row(escape(unit.what), *unit.cells(), style="dim" if unit.done else "")
    console.print(table)
    for line in found.told():
        console.print(escape(line), soft_wrap=True)

"""What people see of a batch: bars of what is at work, then a table of what became of each job."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column, Table
from rich.text import Text

from vidgan import __version__
from vidgan.cli.show import PHASES, print_json
from vidgan.errors import OutputError, VidganError

if TYPE_CHECKING:
    from vidgan.jobs.batch.estimate import Estimate
    from vidgan.jobs.batch.outcome import BatchResult, Outcome
    from vidgan.jobs.batch.watch import BatchWatch
    from vidgan.jobs.options import Progress as JobProgress

_TELL_EVERY_SECONDS = 30.0
_WIDE, _SHORTEST_NAME = 10_000, 20
_STYLES = {"done": "green", "failed": "red", "interrupted": "yellow", "waiting": "dim"}


@contextmanager
def batch_watching(as_json: bool, log: Path | None) -> Iterator["BatchWatch"]:
    """A watch that shows what is at work on standard error, and writes all it is told into a log.

    So it does with an error that passes through. OutputError where the log cannot be written.
    """
    from vidgan.jobs.batch.watch import BatchWatch

    console = Console(stderr=True, quiet=as_json)
    with (
        _logging(log) as logger,
        Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=12),
            TextColumn("{task.percentage:3.0f}%"),
            _Elapsed(),
            TextColumn("{task.fields[detail]}", style="dim", markup=False, table_column=Column(no_wrap=True)),
            console=console,
            disable=not console.is_terminal,
        ) as bars,
    ):
        shown = _Shown(console, bars, logger)
        try:
            yield BatchWatch(
                shown.began,
                shown.progress,
                shown.notice,
                shown.ended,
                shown.trouble,
                shown.planned,
                shown.stopping,
            )
        except VidganError as error:
            logger.error("%s", error)
            raise
        except Exception:
            logger.exception("a fault of vidgan's own:")
            raise


class _Elapsed(ProgressColumn):
    """Since a bar began: rich's own stops when the first of its phases is full."""

    def render(self, task: Task) -> Text:
        seconds = int(task.get_time() - (task.start_time or task.get_time()))
        return Text(str(timedelta(seconds=seconds)), style="progress.elapsed")


class _Shown:
    """A bar for each piece of work while it is at work, one for all; where nobody sees bars, lines."""

    def __init__(self, console: Console, bars: Progress, logger: logging.Logger) -> None:
        self.console, self.bars, self.logger = console, bars, logger
        self.tasks: dict[str, TaskID] = {}
        self.told: dict[str, float] = {}
        self.all: TaskID | None = None
        self.units, self.done, self.failed = 0, 0, 0

    def planned(self, units: int) -> None:
        self.units = units
        self.all = self.bars.add_task("all", total=units, detail="")

    def began(self, unit: str) -> None:
        name = _fitted(unit, max(_SHORTEST_NAME, self.console.width // 3))
        self.tasks[unit] = self.bars.add_task(name, total=1.0, detail="")
        self.told[unit] = time.monotonic()
        self._line(f"begun: {unit}")

    def progress(self, unit: str, progress: "JobProgress") -> None:
        """Of what takes long a line now and then."""
        detail = ", ".join(filter(None, [PHASES[progress.phase], progress.part, progress.detail]))
        self.bars.update(self.tasks[unit], completed=progress.fraction, detail=detail)
        now = time.monotonic()
        if now - self.told[unit] >= _TELL_EVERY_SECONDS:
            self.told[unit] = now
            self._line(f"at work: {unit}: {progress.fraction:.0%} of {detail}")

    def notice(self, unit: str, notice: str) -> None:
        self._line(f"note: {unit}: {notice}")

    def ended(self, unit: str, how: str, more: str) -> None:
        from vidgan.jobs.batch.outcome import told_once

        task = self.tasks.pop(unit, None)
        if task is not None:
            self.bars.remove_task(task)
        self._count(how)
        self._line(f"{how}: {told_once(unit, more)}", how)

    def _count(self, how: str) -> None:
        if self.all is not None and how != "interrupted":
            self.done += 1
            self.failed += how == "failed"
            failed = f", {self.failed} failed" if self.failed else ""
            self.bars.update(self.all, completed=self.done, detail=f"{self.done} of {self.units}{failed}")

    def trouble(self, unit: str, trace: str) -> None:
        self.logger.error("%s:\n%s", unit, trace)

    def stopping(self) -> None:
        self._line("stopping: what is in hand is finished first; once more stops at once", "interrupted")

    def _line(self, text: str, how: str = "") -> None:
        """Into the log; on the screen all where there are no bars, else what has ended."""
        text = " ".join(text.split())
        (self.logger.error if how == "failed" else self.logger.info)("%s", text)
        if how or not self.console.is_terminal:
            style = _STYLES[how] if how and self.console.is_terminal else ""
            self.console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)


def _fitted(name: str, width: int) -> str:
    """Its beginning and its end, which tell names apart, in so many characters."""
    end = width // 2
    return name if len(name) <= width else f"{name[: width - end - 1]}…{name[-end:]}"


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
    logger.info("vidgan %s", __version__)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        handler.close()


def show_batch(result: "BatchResult") -> None:
    """A row for each job on standard output; below what failed, and what to do; last where the report is."""
    from vidgan.jobs.batch.outcome import in_words, told_once

    console = _console()
    table = Table(box=None, pad_edge=False)
    for heading in ("output", "look", "status", "seconds", "frames/s"):
        numbers = heading in ("seconds", "frames/s")
        table.add_column(heading, overflow="fold", justify="right" if numbers else "left")
    for outcome in result.outcomes:
        table.add_row(escape(_short(outcome, result)), *_row(outcome))
    console.print(table)
    for outcome in result.outcomes:
        if outcome.status == "failed":
            error = ": ".join(filter(None, [outcome.error, outcome.remedy]))
            console.print(
                f"[red]failed[/red] {escape(told_once(_short(outcome, result), error))}", soft_wrap=True
            )
    counts = [f"{result.count(status)} {status}" for status in _STYLES if result.count(status)]
    console.print(f"{', '.join(counts)} of {len(result.outcomes)} in {in_words(result.seconds)}")
    console.print(f"report: {escape(str(result.folder / 'report.html'))}", soft_wrap=True)


def _console() -> Console:
    """Wide where nobody sees a terminal's edge: names stay whole for programs."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDE)


def _short(outcome: "Outcome", result: "BatchResult") -> str:
    """An output from where all of them are."""
    out, folder = Path(outcome.out), result.folder.parent
    return str(out.relative_to(folder) if out.is_relative_to(folder) else out)


def _row(outcome: "Outcome") -> tuple[str, ...]:
    status = "done before" if outcome.before else outcome.status
    seconds = f"{outcome.seconds:.1f}" if outcome.seconds else ""
    rate = f"{outcome.frames_per_second:.1f}" if outcome.frames_per_second else ""
    style = _STYLES[outcome.status]
    return escape(outcome.look), f"[{style}]{status}[/{style}]", seconds, rate


def show_estimate(found: "Estimate", as_json: bool) -> None:
    """What --dry-run tells: what would be done, and what it would take."""
    if as_json:
        print_json(found.as_json())
        return
    console = _console()
    table = Table(box=None, pad_edge=False)
    for heading in ("what", "frames", "size", "about", "disk"):
        table.add_column(heading, overflow="fold", justify="left" if heading == "what" else "right")
    for unit in found.units:
        table.add_row(escape(unit.what), *unit.cells(), style="dim" if unit.done else "")
    console.print(table)
    for line in found.told():
        console.print(escape(line), soft_wrap=True)

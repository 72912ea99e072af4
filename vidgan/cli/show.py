"""What people see while a job runs and when it has ended; programs get JSON instead."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

if TYPE_CHECKING:
    from vidgan.config import Recipe
    from vidgan.jobs.options import Profile, Result, Watch
    from vidgan.jobs.options import Progress as JobProgress
    from vidgan.jobs.segmented import Listed, Rendered

PHASES = {
    "survey": "looking at the clip",
    "train": "training",
    "render": "rendering",
    "join": "joining",
    "compare": "comparing frames",
    "verify": "verifying",
}
# The losses that tell whether training gets anywhere.
_SHOWN = {
    "patch": "patches",
    "adversarial": "adversarial",
    "cycle": "cycle",
    "critic": "critic",
    "difference": "difference",
}


@contextmanager
def watching(as_json: bool) -> Iterator[tuple["Watch", list[str]]]:
    """A watch that shows progress with ETA on standard error, and the notices that it was told."""
    from vidgan.jobs.options import Watch

    console = Console(stderr=True, quiet=as_json)
    # Disabled where nobody sees bars: it would leave an empty line.
    with _Display(
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=28),
        TextColumn("{task.percentage:3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as bars:
        notices: list[str] = []

        def note(notice: str) -> None:
            notices.append(notice)
            _note(console, notice)

        yield Watch(_Bars(bars, console), note), notices


def _note(console: Console, notice: str) -> None:
    console.print(f"note: {notice}", highlight=False, markup=False, soft_wrap=True)


class _Display(Progress):
    """Bars, and below them where the work stands: beside them it would squeeze out the ETA."""

    detail = ""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        yield Text(self.detail, style="dim", no_wrap=True, overflow="ellipsis")


class _Bars:
    """One bar per phase. Where nobody sees bars, a line at every tenth and at every part's beginning."""

    def __init__(self, bars: _Display, console: Console) -> None:
        self.bars, self.console = bars, console
        self.tasks: dict[str, TaskID] = {}
        self.last_line: tuple[str, str, int] | None = None

    def __call__(self, progress: "JobProgress") -> None:
        where = ", ".join(filter(None, [progress.part, progress.detail]))
        detail = "  ".join([where, *_losses(progress)])
        if not self.console.is_terminal:
            self._line(progress, detail)
            return
        if progress.phase not in self.tasks:
            self._begin(progress.phase)
        self.bars.detail = detail
        self.bars.update(self.tasks[progress.phase], completed=progress.fraction)

    def _begin(self, phase: str) -> None:
        """A new bar, which draws the display: a phase shorter than its refresh is seen to have ended."""
        for finished in self.tasks.values():
            self.bars.update(finished, completed=1.0)
        self.tasks[phase] = self.bars.add_task(PHASES[phase], total=1.0)

    def _line(self, progress: "JobProgress", detail: str) -> None:
        place = progress.phase, progress.part, int(progress.fraction * 10)
        if place != self.last_line:
            self.last_line = place
            line = f"{PHASES[progress.phase]} {progress.fraction:4.0%}  {detail}"
            self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def _losses(progress: "JobProgress") -> list[str]:
    return [f"{_SHOWN[name]} {value:.2f}" for name, value in progress.losses.items() if name in _SHOWN]


def show_result(result: "Result", as_json: bool, notices: Sequence[str] = ()) -> None:
    """Where the result is and how long it took, on standard output."""
    if as_json:
        print_json({**result.as_json(), "notices": list(notices)})
        return
    console = Console(soft_wrap=True, highlight=False)
    for name, value in _result_rows(result):
        console.print(f"[bold]{name:>13}[/bold]  {escape(value)}")


def show_segments(listed: Sequence["Listed"], as_json: bool) -> None:
    """A line each, for programs that cut columns: number, first frame, last frame, done or missing."""
    if as_json:
        print_json([one.as_json() for one in listed])
        return
    for one in listed:
        print(one.number, one.start, one.stop - 1, "done" if one.done else "missing")


def show_segment(rendered: "Rendered", as_json: bool) -> None:
    if as_json:
        print_json(rendered.as_json())
        return
    one = rendered.segment
    how = "was there already" if rendered.before else "is rendered"
    print(
        f"segment {one.number} of {rendered.of} (frames {one.start} to {one.stop - 1}) {how}: {rendered.work}"
    )


def show_recipe(recipe: "Recipe", as_json: bool) -> None:
    """What --dry-run prints: the recipe with every value that would count."""
    from dataclasses import asdict

    from vidgan.config import dump_recipe

    if as_json:
        print_json(asdict(recipe))
    else:
        print(dump_recipe(recipe), end="")


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))


def _result_rows(result: "Result") -> Iterator[tuple[str, str]]:
    yield "written", str(result.out)
    if result.sheet:
        yield "contact sheet", str(result.sheet)
    if result.report:
        yield "report", str(result.report)
        yield "flickers most", "; ".join(result.worst) or "no frame, beyond its source"
    if result.verified is not None:
        unheld = f"; cannot be held: {', '.join(result.verified.unheld)}" if result.verified.unheld else ""
        yield "verified", f"{result.verified.kept} properties of the clip are kept{unheld}"
    if result.recipe:
        yield "recipe", str(result.recipe)
    if result.representative is not None:
        numbers = result.keyframes or (result.representative,)
        frames = f"frame{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
        yield "trained on", f"{frames}, {sum(result.steps)} steps"
    if result.train_seconds:
        yield "training", f"{result.train_seconds:.1f} s on {result.device}"
    if result.render_seconds:
        made = result.frames - result.reused
        rate = made / result.render_seconds
        before = f"{result.reused} frames were there"
        now = f"{made} frames in {result.render_seconds:.1f} s ({rate:.1f} frames/s)"
        yield "rendering", ", ".join([now] * (made > 0) + [before] * (result.reused > 0))
    if result.profile:
        yield from _profile_rows(result.profile)


def _profile_rows(profile: "Profile") -> Iterator[tuple[str, str]]:
    for number, stage in enumerate(profile.stages):
        each = 1000 * stage.busy_seconds / max(1, stage.items)
        slowest = "  <- the slowest" if number == 0 else ""
        crew = f" by {stage.workers} at once" if stage.workers > 1 else ""
        yield stage.name, f"busy {stage.share:4.0%}, {each:7.1f} ms each, {stage.items} times{crew}{slowest}"
    yield "processor", f"busy {profile.cpu_share:4.0%} of all cores"

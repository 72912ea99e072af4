"""Who watches a batch: told of each of its pieces of work by name."""

from collections.abc import Callable
from dataclasses import dataclass

from vidgan.jobs.options import Progress, Watch


def _ignore(*_: object) -> None:
    """Where nobody watches."""


@dataclass(frozen=True)
class BatchWatch:
    """unit: "look mosaic" for a training, or an output's name for a job.

    planned: how many units there are to do, before the first. began: a unit is begun. progress, notice: as a
    Watch is told, with the unit. ended: with "done", "failed" or "interrupted", and a line that says more.
    trouble: the traceback of a fault of our own, for a log. stopping: the user wants to stop; what is in hand
    is finished first.
    """

    began: Callable[[str], None] = _ignore
    progress: Callable[[str, Progress], None] = _ignore
    notice: Callable[[str, str], None] = _ignore
    ended: Callable[[str, str, str], None] = _ignore
    trouble: Callable[[str, str], None] = _ignore
    planned: Callable[[int], None] = _ignore
    stopping: Callable[[], None] = _ignore

    def of(self, unit: str) -> Watch:
        return Watch(
            progress=lambda progress: self.progress(unit, progress),
            notice=lambda notice: self.notice(unit, notice),
        )

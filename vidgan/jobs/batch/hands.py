"""Pieces of a batch's work, done one at a time by whoever is at hand in a cluster."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidgan.gan.look import Look, load_look
from vidgan.jobs.batch.figures import figures_of
from vidgan.jobs.batch.tasks import Made, RenderTask, TrainTask
from vidgan.jobs.encoding import GOING_ON, Draw
from vidgan.jobs.facts import Facts
from vidgan.jobs.options import Watch
from vidgan.jobs.prepared import Prepared
from vidgan.jobs.request import Request
from vidgan.jobs.segments import Segment
from vidgan.jobs.work import shared_work

_OPEN = 2  # clips, with the looks ready for them

FetchLook = Callable[[], Look]


@dataclass(frozen=True)
class Begun:
    """What has to be known of a render before its work folder can be claimed. frames: of its output."""

    facts: Facts
    frames: int


class Hands:
    """Does pieces of any render and any training; what it has opened for one segment serves the next."""

    def __init__(self) -> None:
        self._open: OrderedDict[Request, tuple[Prepared, dict[tuple[int, ...], Draw]]] = OrderedDict()
        self.notices: list[str] = []

    def train(self, task: TrainTask) -> float:
        """See TrainTask.run."""
        return task.run(self._watch())

    def begin(self, request: Request, fetch: FetchLook | None = None) -> Begun:
        """Open and check everything. Raises VidganError, before anything slow."""
        prepared, _ = self._opened(request, fetch)
        return Begun(request.facts(prepared), len(prepared.span))

    def plan(self, request: Request, fetch: FetchLook | None = None) -> tuple[tuple[int, ...], list[Segment]]:
        """Where shots begin, and the segments; kept in the work folder, which somebody else owns."""
        prepared, _ = self._opened(request, fetch)
        work = shared_work(request.out)
        cuts = tuple(prepared.cuts(work))
        return cuts, prepared.plan(work, cuts)

    def render(
        self, request: Request, cuts: Sequence[int], segment: Segment, fetch: FetchLook | None = None
    ) -> int:
        """Render a segment and enter it in the journal: how many frames it has."""
        prepared, draws = self._opened(request, fetch)
        key = tuple(cuts)
        if key not in draws:
            draws[key] = prepared.draw(key)
        prepared.encode(segment, shared_work(request.out), key, draws[key])
        return len(segment)

    def finish(self, task: RenderTask, cuts: Sequence[int], fetch: FetchLook | None = None) -> Made:
        """Join what is rendered, put it in its place, verify and judge it. What is damaged is made again."""
        prepared, _ = self._opened(task.request, fetch)
        result = prepared.result(shared_work(task.request.out), tuple(cuts))
        self.notices[:] = [told for told in self.notices if not told.startswith(GOING_ON)]  # others' work
        return Made(result, figures_of(task.request, task.target), 0.0)

    def take_notices(self) -> list[str]:
        """What the user should know, each once; what was opened keeps telling."""
        told = list(dict.fromkeys(self.notices))
        self.notices.clear()
        return told

    def _opened(self, request: Request, fetch: FetchLook | None) -> tuple[Prepared, dict[Any, Draw]]:
        if request not in self._open:
            look = None
            if request.model is not None:
                look = load_look(Path(request.model)) if fetch is None else fetch()
            while len(self._open) >= _OPEN:
                self._open.popitem(last=False)
            self._open[request] = request.open(look, self._watch()), {}
        self._open.move_to_end(request)
        return self._open[request]

    def _watch(self) -> Watch:
        return Watch(notice=self.notices.append)

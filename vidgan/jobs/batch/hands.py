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
from vidgan.jobs.heap import keep_heap_level
from vidgan.jobs.options import Watch
from vidgan.jobs.prepared import Prepared
from vidgan.jobs.request import Request
from vidgan.jobs.segments import Segment
from vidgan.jobs.work import shared_work
from vidgan.media import Clip

_OPEN = 2  # clips, with the looks ready for them


@dataclass(frozen=True)
class Means:
    """Where a render's look and clip come from; None: from their files, all of which is read."""

    look: Callable[[], Look] | None = None
    clip: Callable[[], Clip] | None = None


@dataclass(frozen=True)
class Begun:
    """What has to be known of a render before its work folder can be claimed.

    span: of the clip's frames. has_shots: whether it matters where they begin. clip: opened, for all others.
    """

    facts: Facts
    span: range
    has_shots: bool
    clip: Clip


class Hands:
    """Does pieces of any render and any training; what it has opened for one segment serves the next."""

    def __init__(self) -> None:
        keep_heap_level()
        self._open: OrderedDict[Request, tuple[Prepared, dict[tuple[int, ...], Draw]]] = OrderedDict()
        self.notices: list[str] = []

    def train(self, task: TrainTask) -> float:
        """See TrainTask.run."""
        return task.run(self._watch())

    def begin(self, request: Request, means: Means = Means()) -> Begun:
        """Open and check everything. Raises VidganError, before anything slow."""
        prepared, _ = self._opened(request, means)
        return Begun(request.facts(prepared), prepared.span, prepared.has_shots, prepared.clip)

    def cuts_within(self, request: Request, part: range, means: Means = Means()) -> tuple[int, ...]:
        """Where shots begin in a part of the span."""
        prepared, _ = self._opened(request, means)
        return prepared.cuts_within(part)

    def plan(self, request: Request, cuts: Sequence[int], means: Means = Means()) -> list[Segment]:
        """The segments, in a work folder that somebody else owns."""
        prepared, _ = self._opened(request, means)
        return prepared.plan(shared_work(request.out), cuts)

    def render(self, request: Request, cuts: Sequence[int], segment: Segment, means: Means = Means()) -> int:
        """Render a segment and enter it in the journal: how many frames it has."""
        prepared, draws = self._opened(request, means)
        key = tuple(cuts)
        if key not in draws:
            draws[key] = prepared.draw(key)
        prepared.encode(segment, shared_work(request.out), key, draws[key])
        return len(segment)

    def finish(self, task: RenderTask, cuts: Sequence[int], means: Means = Means()) -> Made:
        """Join what is rendered, put it in its place, verify and judge it. What is damaged is made again."""
        prepared, _ = self._opened(task.request, means)
        result = prepared.result(shared_work(task.request.out), tuple(cuts))
        self.notices[:] = [told for told in self.notices if not told.startswith(GOING_ON)]  # others' work
        return Made(result, figures_of(task.request, task.target), 0.0)

    def take_notices(self) -> list[str]:
        """What the user should know, each once; what was opened keeps telling."""
        told = list(dict.fromkeys(self.notices))
        self.notices.clear()
        return told

    def _opened(self, request: Request, means: Means) -> tuple[Prepared, dict[Any, Draw]]:
        if request not in self._open:
            look = None
            if request.model is not None:
                look = load_look(Path(request.model)) if means.look is None else means.look()
            clip = None if means.clip is None else means.clip()
            while len(self._open) >= _OPEN:
                self._open.popitem(last=False)
            self._open[request] = request.open(look, self._watch(), clip), {}
        self._open.move_to_end(request)
        return self._open[request]

    def _watch(self) -> Watch:
        return Watch(notice=self.notices.append)

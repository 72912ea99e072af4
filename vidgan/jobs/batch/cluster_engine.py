"""An engine for run.py that is a Ray cluster: trainings given to one actor, renders in segments to all.

The journal in each work folder is the truth: a worker, a node, the driver or the head may die at any time,
and the same command goes on with what is not entered there.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray

from vidgan.errors import DeviceError
from vidgan.gan.look import load_look
from vidgan.jobs.batch.actors import Stock, fitting, hiring, put
from vidgan.jobs.batch.crew import Crew
from vidgan.jobs.batch.hands import Begun
from vidgan.jobs.batch.nodes import MIXED, answers, unlike
from vidgan.jobs.batch.plan import Execution
from vidgan.jobs.batch.tasks import Made, RenderTask, Task, TrainTask
from vidgan.jobs.encoding import GOING_ON
from vidgan.jobs.facts import Facts
from vidgan.jobs.options import Progress, Watch
from vidgan.jobs.prepared import keep_cuts, kept_cuts
from vidgan.jobs.request import Request
from vidgan.jobs.segments import Segment
from vidgan.jobs.work import Work, open_work
from vidgan.meter import Meter

_IN_FLIGHT = 32  # jobs whose segments are given out at the same time
_SURVEYED_FRAMES = 1000  # at a time: the margins of a part weigh nothing, and there are parts for all
_LOOK_EVERY_SECONDS = 1.0


class ClusterEngine:
    """kind: what all nodes say of themselves, as far as it decides about bits."""

    at_once = _IN_FLIGHT

    def __init__(self, execution: Execution, kind: Facts, address: str, allow_mixed: bool) -> None:
        self.name = f"the cluster at {address}"
        self._kind, self._mixed = kind, allow_mixed
        self._notices: deque[str] = deque()  # about nodes
        self._told: set[str] = set()
        self._looks: dict[Path, Any] = {}
        self._interrupted = False
        hire = hiring(execution)
        self._crew = Crew(hire, self._accept, lambda: fitting(execution), _head_answers, self._notices.append)

    def run(self, task: Task, watch: Watch) -> Any:
        """What task.run returns, or raises."""
        task = task.absolute()
        if isinstance(task, TrainTask):
            watch.progress(Progress("train", 0.0, "on the cluster"))
            training = self._crew.submit("train", task, notice=_once(watch), spare=True)
            _wait_for([training], lambda: self._tell(watch))
            return training.result()
        return self._render(task, watch)

    @property
    def is_lost(self) -> bool:
        """Whether the cluster has gone."""
        return self._crew.is_lost

    def interrupt(self) -> None:
        self._crew.stop(now=self._interrupted)
        self._interrupted = True

    def close(self) -> None:
        self._crew.close()

    def _render(self, task: RenderTask, watch: Watch) -> Made:
        request, meter = task.request, Meter()
        watch = replace(watch, notice=_once(watch))
        request.check_outputs()
        stock = Stock(look=self._look(request))
        begun: Begun = self._soon("begin", request, stock, watch=watch).result()
        stock = replace(stock, clip=put(begun.clip))
        facts = {**begun.facts, **{fact: told for fact, told in self._kind.items() if told == MIXED}}
        with open_work(request.out, facts, len(begun.span), request.options, watch) as work:
            request.check_outputs()
            cuts = self._cuts(request, begun, stock, work, watch)
            plan = self._soon("plan", request, cuts, stock, watch=watch).result()
            reused = self._render_missing(request, cuts, plan, stock, work, watch)
            watch.progress(Progress("join", 0.0, "on the cluster"))
            made: Made = self._soon("finish", task, cuts, stock, watch=watch).result()
        seconds = meter.wall_seconds()
        return Made(replace(made.result, reused=reused, render_seconds=seconds), made.figures, seconds)

    def _cuts(
        self, request: Request, begun: Begun, stock: Stock, work: Work, watch: Watch
    ) -> tuple[int, ...]:
        """Where shots begin, looked for by all, each in a part; kept, as a driver may die."""
        kept = kept_cuts(work) if begun.has_shots else ()
        if kept is not None:
            return kept
        # Where damage is carried on with, every range is decoded from the clip's start.
        each = len(begun.span) if begun.clip.lenient else _SURVEYED_FRAMES
        starts = begun.span[::each]
        parts = [range(start, min(start + each, begun.span.stop)) for start in starts]
        asked = [self._soon("cuts_within", request, part, stock, watch=watch) for part in parts]

        def tell() -> None:
            done = sum(future.done() for future in asked) / len(asked)
            watch.progress(Progress("survey", done, "on the cluster"))
            self._tell(watch)

        _wait_for(asked, tell)
        cuts = tuple(sorted({cut for future in asked for cut in future.result()}))
        keep_cuts(cuts, work)
        return cuts

    def _render_missing(
        self,
        request: Request,
        cuts: Sequence[int],
        plan: Sequence[Segment],
        stock: Stock,
        work: Work,
        watch: Watch,
    ) -> int:
        """Give out what is not in the journal, and wait for it; how many frames were there."""
        missing = [segment for segment in plan if work.journal.entry(segment) is None]
        total = sum(map(len, plan))
        reused = total - sum(map(len, missing))
        if reused:
            watch.notice(f"{GOING_ON}: {reused} of {total} frames are in {work.size()}")

        def tell() -> None:
            done = work.journal.frames_done()
            watch.progress(Progress("render", min(1.0, done / total), f"frame {done}/{total}"))
            self._tell(watch)

        asked = [
            self._crew.submit("render", request, cuts, part, stock, notice=watch.notice) for part in missing
        ]
        _wait_for(asked, tell)
        return reused

    def _soon(self, method: str, *given: Any, watch: Watch) -> "Future[Any]":
        """Before what renders, of this job or another: much waits for it."""
        return self._crew.submit(method, *given, notice=watch.notice, first=True)

    def _look(self, request: Request) -> Any:
        """A reference to it in the object store, where it is put once; None without one."""
        if request.model is None:
            return None
        path = Path(request.model)
        if path not in self._looks:
            self._looks[path] = put(load_look(path))
        return self._looks[path]

    def _accept(self, told: tuple[str, Facts]) -> None:
        name, kind = told
        changed = unlike(self._kind, kind, self._mixed)
        if changed:
            raise DeviceError(f"node {name} is left out, for its frames would differ: {', '.join(changed)}")

    def _tell(self, watch: Watch) -> None:
        """Of nodes; to one of the jobs, for it concerns them all."""
        with suppress(IndexError):
            while notice := self._notices.popleft():
                if notice not in self._told:
                    self._told.add(notice)
                    watch.notice(notice)


def _once(watch: Watch) -> Callable[[str], None]:
    """Its notice; what several actors say of one job is told once."""
    told: set[str] = set()

    def tell(notice: str) -> None:
        if notice not in told:
            told.add(notice)
            watch.notice(notice)

    return tell


def _wait_for(asked: "Sequence[Future[Any]]", tell: Callable[[], None]) -> None:
    """Until all are done, or one fails: what has begun by then is, and stays in the journal."""
    pending = set(asked)
    while pending:
        ended, pending = wait(pending, _LOOK_EVERY_SECONDS, FIRST_EXCEPTION)
        for error in (future.exception() for future in ended):
            if error is not None:
                _give_up(pending)
                raise error
        tell()


def _give_up(pending: "set[Future[Any]]") -> None:
    wait([future for future in pending if not future.cancel()])


def _head_answers() -> bool:
    host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
    return answers(host, int(port))

"""A batch on a Ray cluster: segments of renders, whole trainings, on every node that sees the same disk.

The journal in each work folder is the truth: a worker, a node, the driver or the head may die at any time,
and the same command goes on with what is not entered there.
"""

import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import AbstractContextManager, contextmanager, redirect_stdout, suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO, cast

from vidgan.errors import DeviceError, UsageError, VidganError
from vidgan.gan.look import load_look
from vidgan.gan.threads import limit_cores
from vidgan.jobs.batch.hands import Hands
from vidgan.jobs.batch.local import fault
from vidgan.jobs.batch.nodes import MIXED, REMEDY, kind_of_nodes, own_kind, unlike
from vidgan.jobs.batch.plan import Execution, Plan
from vidgan.jobs.batch.tasks import Made, RenderTask, Task, TrainTask
from vidgan.jobs.encoding import GOING_ON
from vidgan.jobs.facts import Facts
from vidgan.jobs.options import Progress, Watch
from vidgan.jobs.request import Request
from vidgan.jobs.segments import Segment
from vidgan.jobs.work import Work, open_work
from vidgan.meter import Meter

_IN_FLIGHT = 32  # jobs whose segments are given out at the same time
_NO_HOST = ("auto", "local")  # addresses that Ray finds, or begins, by itself
_LOOK_EVERY_SECONDS = 1.0
_KNOCK_SECONDS = 10.0


def cluster_engine(
    plan: Plan, address: str, allow_mixed: bool
) -> Callable[[], AbstractContextManager["ClusterEngine"]]:
    """What begins an engine on the cluster at `address` (host:port, or auto: the one of this machine).

    Raises UsageError or DeviceError, before any work, where there is none.
    """
    if find_spec("ray") is None:
        raise DeviceError(f"--cluster needs Ray, which is not installed: {REMEDY}")
    _check_address(address)
    return lambda: _connected(plan, address, allow_mixed)


@contextmanager
def _connected(plan: Plan, address: str, allow_mixed: bool) -> Iterator["ClusterEngine"]:
    """Connected to the cluster; all its nodes are asked first who they are."""
    import ray
    from ray.exceptions import RayError

    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except ConnectionError as error:
        raise (_no_cluster if address in _NO_HOST else _shut_out)(address) from error
    except (RuntimeError, ValueError, OSError, RayError) as error:
        said = " ".join(str(error).split())[:300]
        raise DeviceError(
            f"the cluster at {address} cannot be joined ({said}): check it with ray status."
        ) from error
    engine: ClusterEngine | None = None
    try:
        with _without_rays_words():
            kind = kind_of_nodes(plan, allow_mixed)
            engine = ClusterEngine(plan.execution, kind, address, allow_mixed)
            try:
                yield engine
            finally:
                engine.close()
    finally:
        if not (engine and engine.is_lost):  # it would wait for a head that has gone
            ray.shutdown()


@contextmanager
def _without_rays_words() -> Iterator[None]:
    """What Ray's own thread prints of dead nodes goes nowhere: standard output may be a program's.

    It prints it by sys.stdout, whatever it is told about logs; the dead node's log has it, too.
    """
    with redirect_stdout(cast(TextIO, _Muted(sys.stdout))):
        yield


class _Muted:
    """A file that drops what Ray's threads write."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        if threading.current_thread().name.startswith("ray_"):
            return len(text)
        return self._file.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class ClusterEngine:
    """kind: what all nodes say of themselves, as far as it decides about bits."""

    at_once = _IN_FLIGHT

    def __init__(self, execution: Execution, kind: Facts, address: str, allow_mixed: bool) -> None:
        from vidgan.jobs.batch.crew import Crew

        self.name = f"the cluster at {address}"
        self._kind, self._mixed = kind, allow_mixed
        self._notices: list[str] = []
        self._told: set[str] = set()
        self._looks: dict[Path, Any] = {}
        self._interrupted = False
        hire = _hiring(execution)
        self._crew = Crew(
            hire, self._accept, lambda: _fitting(execution), _head_answers, self._notices.append
        )

    def run(self, task: Task, watch: Watch) -> Any:
        """What task.run returns, or raises."""
        task = task.absolute()
        if isinstance(task, TrainTask):
            watch.progress(Progress("train", 0.0, "on the cluster"))
            return self._crew.submit("train", task).result()
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
        request.check_outputs()
        look = self._look(request)
        begun = self._crew.submit("begin", request, look, first=True).result()
        facts = {**begun.facts, **{fact: told for fact, told in self._kind.items() if told == MIXED}}
        with open_work(request.out, facts, begun.frames, request.options, watch) as work:
            request.check_outputs()
            cuts, plan = self._crew.submit("plan", request, look, first=True).result()
            reused = self._render_missing(request, cuts, plan, look, work, watch)
            watch.progress(Progress("join", 0.0, "on the cluster"))
            made: Made = self._crew.submit("finish", task, cuts, look, first=True).result()
        self._tell(watch)
        seconds = meter.wall_seconds()
        return Made(replace(made.result, reused=reused, render_seconds=seconds), made.figures, seconds)

    def _render_missing(
        self,
        request: Request,
        cuts: Sequence[int],
        plan: Sequence[Segment],
        look: Any,
        work: Work,
        watch: Watch,
    ) -> int:
        """Give out what is not in the journal, and wait for it; how many frames were there."""
        missing = [segment for segment in plan if work.journal.entry(segment) is None]
        total = sum(map(len, plan))
        reused = total - sum(map(len, missing))
        if reused:
            watch.notice(f"{GOING_ON}: {reused} of {total} frames are in {work.size()}")
        pending = {self._crew.submit("render", request, cuts, segment, look) for segment in missing}
        while pending:
            ended, pending = wait(pending, _LOOK_EVERY_SECONDS, FIRST_EXCEPTION)
            if any(future.exception() for future in ended):
                _give_up(pending)
                _raise_first(ended)
            done = work.journal.frames_done()
            watch.progress(Progress("render", min(1.0, done / total), f"frame {done}/{total}"))
        return reused

    def _look(self, request: Request) -> Any:
        """A list with the look's reference in the object store, where it is put once; empty without one."""
        import ray

        if request.model is None:
            return []
        path = Path(request.model)
        if path not in self._looks:
            self._looks[path] = ray.put(load_look(path))
        return [self._looks[path]]

    def _accept(self, told: tuple[str, Facts]) -> None:
        name, kind = told
        changed = unlike(self._kind, kind, self._mixed)
        if changed:
            raise DeviceError(f"node {name} is left out, for its frames would differ: {', '.join(changed)}")

    def _tell(self, watch: Watch) -> None:
        while self._notices:
            notice = self._notices.pop(0)
            if notice not in self._told:
                self._told.add(notice)
                watch.notice(notice)


def _give_up(pending: "set[Future[Any]]") -> None:
    """Of a job that cannot be finished now: what is begun is, and stays in the journal."""
    for future in pending:
        future.cancel()
    wait(pending)


def _raise_first(ended: "set[Future[Any]]") -> None:
    for future in ended:
        error = future.exception()
        if error is not None:
            raise error


def _hiring(execution: Execution) -> Callable[[], Any]:
    """A Ray actor's beginning, with its share of a node."""
    import ray

    options = {"num_cpus": execution.cpus, "num_gpus": execution.gpus, "max_restarts": 0}
    actor = ray.remote(_Actor)
    return lambda: actor.options(**options).remote(max(1, int(execution.cpus)))


class _Actor:
    """Hands in a process of a node. Every answer: done or failed, what, and what the user should know."""

    def __init__(self, cores: int) -> None:
        limit_cores(cores)
        self.hands = Hands()

    def ready(self) -> tuple[str, Facts]:
        return socket.gethostname(), own_kind()

    def train(self, task: TrainTask) -> tuple[str, Any, list[str]]:
        return self._told(lambda: self.hands.train(task))

    def begin(self, request: Request, look: list[Any]) -> tuple[str, Any, list[str]]:
        return self._told(lambda: self.hands.begin(request, _fetching(look)))

    def plan(self, request: Request, look: list[Any]) -> tuple[str, Any, list[str]]:
        return self._told(lambda: self.hands.plan(request, _fetching(look)))

    def render(
        self, request: Request, cuts: Sequence[int], segment: Segment, look: list[Any]
    ) -> tuple[str, Any, list[str]]:
        return self._told(lambda: self.hands.render(request, cuts, segment, _fetching(look)))

    def finish(self, task: RenderTask, cuts: Sequence[int], look: list[Any]) -> tuple[str, Any, list[str]]:
        return self._told(lambda: self.hands.finish(task, cuts, _fetching(look)))

    def _told(self, do: Callable[[], Any]) -> tuple[str, Any, list[str]]:
        try:
            return "done", do(), self.hands.take_notices()
        except VidganError as error:
            return "failed", type(error)(str(error)), self.hands.take_notices()
        except Exception as error:
            return "failed", fault(error), self.hands.take_notices()


def _fetching(look: list[Any]) -> Callable[[], Any]:
    import ray

    return lambda: ray.get(look[0])


def _fitting(execution: Execution) -> int:
    """How many actors the cluster's nodes have room for, as they are now."""
    import ray

    total = ray.cluster_resources()
    rooms = [total.get("CPU", 0.0) / execution.cpus]
    if execution.gpus:
        rooms.append(total.get("GPU", 0.0) / execution.gpus)
    return int(min(rooms))


def _head_answers() -> bool:
    import ray

    host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
    return _answers(host, int(port))


def _answers(host: str, port: int) -> bool:
    with suppress(OSError):
        socket.create_connection((host, port), _KNOCK_SECONDS).close()
        return True
    return False


def _check_address(address: str) -> None:
    """Ray itself would knock for minutes."""
    if address.startswith("ray://"):
        raise UsageError(
            f"{address} is a Ray Client's address: start the batch on a machine of the cluster with "
            "--cluster auto, or give the head's own, HOST:6379."
        )
    if address in _NO_HOST:
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"--cluster {address} is no address: give auto, or the head's HOST:PORT")
    if not _answers(host, int(port)):
        raise _no_cluster(address)


def _no_cluster(address: str) -> DeviceError:
    return DeviceError(
        f"no Ray cluster answers at {address}: start one with `ray start --head`, join machines with "
        "`ray start --address HOST:6379`, or leave --cluster out."
    )


def _shut_out(address: str) -> DeviceError:
    return DeviceError(
        f"what answers at {address} does not let vidgan in: see that it is a Ray head of the same version, "
        "and set RAY_AUTH_MODE=token here if the cluster has a token."
    )

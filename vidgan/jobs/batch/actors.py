"""What of a batch runs on the nodes of a Ray cluster, and what it is given."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ray

from vidgan.errors import VidganError
from vidgan.gan.threads import limit_cores
from vidgan.jobs.batch.hands import Hands, Means
from vidgan.jobs.batch.local import fault
from vidgan.jobs.batch.nodes import own_kind
from vidgan.jobs.batch.plan import Execution
from vidgan.jobs.batch.tasks import RenderTask, TrainTask
from vidgan.jobs.facts import Facts
from vidgan.jobs.request import Request
from vidgan.jobs.segments import Segment


@dataclass(frozen=True)
class Stock:
    """References to what of a render lies in the object store. Inside of this they are sent as such."""

    look: Any = None
    clip: Any = None

    def means(self) -> Means:
        return Means(_fetching(self.look), _fetching(self.clip))


def put(thing: Any) -> Any:
    return ray.put(thing)


def _fetching(reference: Any) -> Callable[[], Any] | None:
    return None if reference is None else lambda: ray.get(reference)


def hiring(execution: Execution) -> Callable[[], Any]:
    """A Ray actor's beginning, with its share of a node."""
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

    def begin(self, request: Request, stock: Stock) -> tuple[str, Any, list[str]]:
        return self._told(lambda: self.hands.begin(request, stock.means()))

    def cuts_within(self, request: Request, part: range, stock: Stock) -> tuple[str, Any, list[str]]:
        return self._told(lambda: self.hands.cuts_within(request, part, stock.means()))

    def plan(self, request: Request, cuts: Sequence[int], stock: Stock) -> tuple[str, Any, list[str]]:
        return self._told(lambda: self.hands.plan(request, cuts, stock.means()))

    def render(
        self, request: Request, cuts: Sequence[int], segment: Segment, stock: Stock
    ) -> tuple[str, Any, list[str]]:
        return self._told(lambda: self.hands.render(request, cuts, segment, stock.means()))

    def finish(self, task: RenderTask, cuts: Sequence[int], stock: Stock) -> tuple[str, Any, list[str]]:
        return self._told(lambda: self.hands.finish(task, cuts, stock.means()))

    def _told(self, do: Callable[[], Any]) -> tuple[str, Any, list[str]]:
        try:
            return "done", do(), self.hands.take_notices()
        except VidganError as error:
            return "failed", type(error)(str(error)), self.hands.take_notices()
        except Exception as error:
            return "failed", fault(error), self.hands.take_notices()


def fitting(execution: Execution) -> int:
    """How many actors the cluster's nodes have room for, as they are now."""
    total = ray.cluster_resources()
    rooms = [total.get("CPU", 0.0) / execution.cpus]
    if execution.gpus:
        rooms.append(total.get("GPU", 0.0) / execution.gpus)
    return int(min(rooms))

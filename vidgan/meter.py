"""How long each stage of a pipeline is at work, leaving out what it waits: which one is the slowest."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class StageTime:
    """busy_seconds: at work, all its workers together. items: how many it made. workers: at most at once."""

    busy_seconds: float = 0.0
    items: int = 0
    workers: int = 1


class Meter:
    """Adds up what the stages of one job say; each speaks from a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stages: dict[str, StageTime] = {}
        self._began, self._cpu_began = time.perf_counter(), time.process_time()

    def add(self, name: str, busy_seconds: float, items: int, workers: int = 1) -> None:
        with self._lock:
            stage = self._stages.setdefault(name, StageTime(workers=workers))
            stage.busy_seconds += busy_seconds
            stage.items += items

    def stages(self) -> dict[str, StageTime]:
        """By name, in the order in which they first spoke."""
        with self._lock:
            return dict(self._stages)

    def wall_seconds(self) -> float:
        return time.perf_counter() - self._began

    def cpu_seconds(self) -> float:
        """Of all threads of this process."""
        return time.process_time() - self._cpu_began


_meter: ContextVar[Meter | None] = ContextVar("meter", default=None)
_waited = threading.local()


@contextmanager
def metered() -> Iterator[Meter]:
    """Within it, stages that begin in this context say to the meter how long they work."""
    meter = Meter()
    token = _meter.set(meter)
    try:
        yield meter
    finally:
        _meter.reset(token)


@contextmanager
def working(name: str, workers: int = 1) -> Iterator[None]:
    """Count what is done within as a stage's work on one item, but for what it waits for another stage.

    workers: how many of that name may be at it at once. A stage without a name is not counted.
    """
    meter = _meter.get()
    if meter is None or not name:
        yield
        return
    began, waited_before, made = time.perf_counter(), _waited_here(), 0
    try:
        yield
        made = 1
    finally:
        meter.add(name, time.perf_counter() - began - (_waited_here() - waited_before), made, workers)


@contextmanager
def waiting() -> Iterator[None]:
    """What passes within is no work of this thread's."""
    began = time.perf_counter()
    try:
        yield
    finally:
        _waited.seconds = _waited_here() + time.perf_counter() - began


def _waited_here() -> float:
    return getattr(_waited, "seconds", 0.0)

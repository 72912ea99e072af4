"""Pieces of work in processes of this machine, several at a time.

Each slot has one process, which stays for the next piece: starting torch takes seconds. One that dies, killed
for its memory or by a fault of a codec's, fails what it had in hand and nothing else.
"""

import math
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from queue import LifoQueue
from typing import Any

from vidgan.errors import Interrupted, MemoryShortageError, VidganError
from vidgan.jobs.batch.tasks import Task, TrainTask
from vidgan.jobs.batch.worker import SIGNALS, STOPPED, Fault, fault, serve
from vidgan.jobs.options import Watch

__all__ = ["Fault", "LocalEngine", "Share", "fault", "local_engine"]

_TRAINING_THREADS = 4
_KILL = 9  # Windows has no name for it
_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True)
class Share:
    """What each process may use. threads: of a CPU. gpus: numbers of those, of which each slot gets one."""

    threads: int
    gpus: tuple[int, ...] = ()


class LocalEngine:
    """Runs pieces of work, as many at a time as there are slots; run is called in as many threads."""

    def __init__(self, slots: int, share: Share) -> None:
        self.at_once = slots
        self.name = f"this machine, {slots} at a time"
        self._share = share
        self._slots = [_Slot(share.gpus[n % len(share.gpus)] if share.gpus else None) for n in range(slots)]
        self._idle: LifoQueue[_Slot] = LifoQueue()  # the last one's process is there already
        self._turn = threading.Lock()  # who wants several is not overtaken by those who want one
        for slot in reversed(self._slots):
            self._idle.put(slot)

    def run(self, task: Task, watch: Watch) -> Any:
        """What task.run returns, or raises, in a process of its own."""
        with self._turn:
            taken = [self._idle.get() for _ in range(self._room_of(task))]
        try:
            return taken[0].run(task, len(taken) * self._share.threads, watch)
        finally:
            for slot in taken:
                self._idle.put(slot)

    def interrupt(self) -> None:
        """As Ctrl-C does: the first time a segment is finished, the second time all stops at once."""
        for slot in self._slots:
            slot.interrupt()

    def close(self) -> None:
        for slot in self._slots:
            slot.close()

    def _room_of(self, task: Task) -> int:
        """How many slots it takes: a training that time bounds would learn less beside others."""
        if not isinstance(task, TrainTask) or self._share.gpus:
            return 1
        return min(self.at_once, math.ceil(_TRAINING_THREADS / self._share.threads))


class _Slot:
    """One process, begun with its first piece of work and again after it died. gpu: as in serve."""

    def __init__(self, gpu: int | None) -> None:
        self._gpu, self._stopping = gpu, False
        self._lock = threading.Lock()  # nothing is begun that an interruption has not seen
        self._process: Any = None
        self._connection: Connection | None = None

    def run(self, task: Task, threads: int, watch: Watch) -> Any:
        with self._lock:
            if self._stopping:
                raise Interrupted(STOPPED)
            connection = self._begun()
        try:
            connection.send((threads, task))
            kind, told = self._told(connection, watch)
        except (EOFError, OSError) as error:
            raise self._death() from error
        except BaseException:  # of who watches: the process still works, for nobody
            self.close(0)
            raise
        if kind == "done":
            return told
        raise told

    def interrupt(self) -> None:
        with self._lock:
            self._stopping, process = True, self._process  # which may end meanwhile
            if process is not None and process.is_alive():
                with suppress(OSError):
                    os.kill(process.pid, signal.SIGINT)

    def close(self, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.join(patience_seconds)
            if self._process.is_alive():
                self._process.kill()
            self._process.join()
        self._process = self._connection = None

    def _told(self, connection: Connection, watch: Watch) -> tuple[str, Any]:
        while True:
            kind, told = connection.recv()
            if kind == "progress":
                watch.progress(told)
            elif kind == "notice":
                watch.notice(told)
            else:
                return kind, told

    def _begun(self) -> Connection:
        if self._process is not None and not self._process.is_alive():  # ended while it had nothing to do
            self.close()
        if self._connection is None:
            self._connection, self._process = self._start()
        return self._connection

    def _start(self) -> tuple[Connection, Any]:
        context = multiprocessing.get_context("spawn")
        try:
            ours, theirs = context.Pipe()
            with closing(theirs):
                process = context.Process(target=serve, args=(theirs, self._gpu), name="vidgan", daemon=False)
                with _signals_held_back():
                    process.start()
        except OSError as error:
            raise MemoryShortageError(
                f"no process can be started for it ({(error.strerror or str(error)).lower()}): lower --jobs "
                "or close other programs; the same command goes on where it stopped."
            ) from error
        return ours, process

    def _death(self) -> VidganError:
        self._process.join(_PATIENCE_SECONDS)
        code = self._process.exitcode
        self.close()
        if self._stopping:
            return Interrupted(STOPPED)
        if code in (-_KILL, None):
            return MemoryShortageError(
                "the process that worked on it was killed, which systems do when memory runs out: lower "
                "--jobs or close other programs; the same command goes on where it stopped."
            )
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return Fault(
            f"the process that worked on it ended without a word ({how}): the same command goes on where it "
            "stopped; render it alone with --debug to see more."
        )


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """For a process that begins: until it knows what to do with them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which would let them through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def local_engine(slots: int, share: Share) -> Iterator[LocalEngine]:
    engine = LocalEngine(slots, share)
    try:
        yield engine
    finally:
        engine.close()

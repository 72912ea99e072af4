"""Pieces of work in processes of this machine, several at a time.

Each slot has one process, which stays for the next piece: starting torch takes seconds. One that dies, killed
for its memory or by a fault of a codec's, fails what it had in hand and nothing else.
"""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from vidgan.errors import Interrupted, MemoryShortageError, VidganError
from vidgan.jobs.batch.tasks import Task
from vidgan.jobs.options import Progress, Watch

_TOLD_EVERY_SECONDS = 0.1


class Fault(VidganError):
    """A fault of vidgan's own in another process. trace: its traceback there."""

    def __init__(self, message: str, trace: str = "") -> None:
        super().__init__(message)
        self.trace = trace


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
        self._slots = [_Slot(share, number) for number in range(slots)]
        self._idle: SimpleQueue[_Slot] = SimpleQueue()
        for slot in self._slots:
            self._idle.put(slot)

    def run(self, task: Task, watch: Watch) -> Any:
        """What task.run returns, or raises, in a process of its own."""
        slot = self._idle.get()
        try:
            return slot.run(task, watch)
        finally:
            self._idle.put(slot)

    def interrupt(self) -> None:
        """As Ctrl-C does: the first time a segment is finished, the second time all stops at once."""
        for slot in self._slots:
            slot.interrupt()

    def close(self) -> None:
        for slot in self._slots:
            slot.close()


class _Slot:
    """One process, begun with its first piece of work and again after it died."""

    def __init__(self, share: Share, number: int) -> None:
        gpu = share.gpus[number % len(share.gpus)] if share.gpus else None
        self._share, self._gpu = share, gpu
        self._process: Any = None
        self._connection: Connection | None = None

    def run(self, task: Task, watch: Watch) -> Any:
        connection = self._begun()
        try:
            connection.send(task)
            while True:
                kind, told = connection.recv()
                if kind == "progress":
                    watch.progress(told)
                elif kind == "notice":
                    watch.notice(told)
                elif kind == "done":
                    return told
                else:
                    raise told
        except (EOFError, ConnectionError, BrokenPipeError) as error:
            raise self._death() from error

    def interrupt(self) -> None:
        if self._process is not None and self._process.is_alive():
            with suppress(OSError):
                os.kill(self._process.pid, signal.SIGINT)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.join(5)
            if self._process.is_alive():
                self._process.kill()
            self._process.join()
        self._process = self._connection = None

    def _begun(self) -> Connection:
        if self._connection is None:
            context = multiprocessing.get_context("spawn")
            self._connection, theirs = context.Pipe()
            self._process = context.Process(
                target=_serve, args=(theirs, self._share.threads, self._gpu), name="vidgan", daemon=False
            )
            self._process.start()
            theirs.close()
        return self._connection

    def _death(self) -> VidganError:
        process = self._process
        process.join(5)
        code = process.exitcode
        self.close()
        if code in (-signal.SIGKILL, None):
            return MemoryShortageError(
                "the process that worked on it was killed, which systems do when memory runs out: lower "
                "--jobs or close other programs; the same command goes on where it stopped."
            )
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return Fault(
            f"the process that worked on it ended without a word ({how}): the same command goes on where it "
            "stopped; render it alone with --debug to see more."
        )


def _serve(connection: Connection, threads: int, gpu: int | None) -> None:
    """In the process: one piece of work after another, until nobody wants more."""
    _settle(threads, gpu)
    teller = _Teller(connection)
    while True:
        try:
            task: Task = connection.recv()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        with suppress(BrokenPipeError):
            teller.tell(*_outcome(task, teller))


def _outcome(task: Task, teller: "_Teller") -> tuple[str, Any]:
    try:
        return "done", task.run(Watch(teller.progress, teller.notice))
    except KeyboardInterrupt:
        return "failed", Interrupted("stopped: the same command goes on")
    except VidganError as error:
        return "failed", type(error)(str(error))
    except Exception as error:
        return "failed", fault(error)


def fault(error: Exception) -> Fault:
    """What to tell of an error that nobody expected."""
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return Fault(f"a fault of vidgan's own ({said}): the log has its traceback.", traceback.format_exc())


def _settle(threads: int, gpu: int | None) -> None:
    """Before torch is loaded: its threads, its GPU; and signals from our parent alone, and not without it."""
    with suppress(OSError, AttributeError):
        os.setpgrp()
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(gpu)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()


def _end_with(parent: Any) -> None:
    """What is journaled is safe; what works on for nobody would only hold the lock."""
    parent.join()
    os._exit(1)


class _Teller:
    """Sends what a Watch is told, not more than a few times a second."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, threading.Lock()
        self._last: tuple[str, float] = ("", 0.0)

    def tell(self, kind: str, told: Any) -> None:
        with self._lock:
            self._connection.send((kind, told))

    def progress(self, progress: Progress) -> None:
        phase, before = self._last
        now = time.monotonic()
        if phase != progress.phase or progress.fraction >= 1 or now - before > _TOLD_EVERY_SECONDS:
            self._last = progress.phase, now
            self.tell("progress", progress)

    def notice(self, notice: str) -> None:
        self.tell("notice", notice)


@contextmanager
def local_engine(slots: int, share: Share) -> Iterator[LocalEngine]:
    engine = LocalEngine(slots, share)
    try:
        yield engine
    finally:
        engine.close()

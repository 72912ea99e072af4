"""A process that does a batch's pieces of work, one after another, for the process that began it."""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from vidgan.errors import Interrupted, VidganError
from vidgan.jobs.options import Progress, Watch

if TYPE_CHECKING:
    from vidgan.jobs.batch.tasks import Task

STOPPED = "stopped: the same command goes on"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
_TOLD_EVERY_SECONDS = 0.1
_STDOUT, _STDERR = 1, 2


class Fault(VidganError):
    """A fault of vidgan's own in another process. trace: its traceback there."""

    def __init__(self, message: str, trace: str = "") -> None:
        super().__init__(message)
        self.trace = trace


def fault(error: Exception) -> Fault:
    """What to tell of an error that nobody expected."""
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return Fault(f"a fault of vidgan's own ({said}): --log FILE keeps its traceback.", traceback.format_exc())


def serve(connection: Connection, gpu: int | None) -> None:
    """Take (threads, task) and send back what becomes of it, until nobody wants more, or at a signal.

    threads: of a CPU, for this task. gpu: the number of the one that this process is to see; all where None.
    """
    with suppress(KeyboardInterrupt):
        _settle(gpu)
        from vidgan.gan.threads import limit_cores  # torch, which must not have seen other GPUs

        teller = _Teller(connection)
        while True:
            try:
                threads, task = connection.recv()
            except (EOFError, OSError):
                return
            limit_cores(threads)
            with suppress(BrokenPipeError):
                teller.tell(*_outcome(task, teller))


def _outcome(task: "Task", teller: "_Teller") -> tuple[str, Any]:
    try:
        return "done", task.run(Watch(teller.progress, teller.notice))
    except KeyboardInterrupt:
        return "failed", Interrupted(STOPPED)
    except VidganError as error:
        return "failed", type(error)(str(error))
    except Exception as error:
        return "failed", fault(error)


def _settle(gpu: int | None) -> None:
    """Signals come from our parent alone, which holds them back until here; and not without it."""
    with suppress(OSError, AttributeError):
        os.setsid()  # another group of the terminal's would be stopped for touching it
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = visible_gpu(gpu, os.environ.get("CUDA_VISIBLE_DEVICES", ""))
    os.dup2(_STDERR, _STDOUT)  # our parent's may be a program's
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def visible_gpu(number: int, visible: str) -> str:
    """What CUDA calls a GPU that torch counts by that number. visible: CUDA_VISIBLE_DEVICES so far."""
    names = [name.strip() for name in visible.split(",") if name.strip()]
    return names[number] if number < len(names) else str(number)


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

"""Ctrl-C during a training: finish the iteration and keep what stands, instead of losing it."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_SAME_SECONDS = 0.2  # timeout(1) sends its signal to the process and then to its group, us again


@contextmanager
def stop_when_interrupted() -> Iterator[Callable[[], bool]]:
    """Within it, a first SIGINT or SIGTERM makes the yielded question answer yes; a second stops at once.

    Signals reach the main thread alone: elsewhere the answer stays no.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    asked = threading.Event()
    first = 0.0

    def ask(number: int, frame: Any) -> None:
        nonlocal first
        if not asked.is_set():
            first = time.monotonic()
            asked.set()
        elif time.monotonic() - first > _SAME_SECONDS:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            if handler is not None:  # None: it was not set from Python, and cannot be
                signal.signal(number, handler)

"""Encoders that would have the machine to themselves."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def ordinary_scheduling() -> Iterator[None]:
    """Within it an encoder is opened; then all threads of this process are scheduled as the caller was.

    SVT-AV1, when root runs it, makes the thread that opens it and all of its own real-time ones (SCHED_FIFO,
    priority 99; seen with SVT-AV1 in PyAV 18.1.0). Whatever they begin inherits that, other programs too, and
    OpenMP's threads, which wait for each other by spinning, then keep those that they wait for from running:
    a training that began after an AV1 encoder was opened hung for good.
    """
    if sys.platform != "linux":
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            for task in Path("/proc/self/task").iterdir():
                with suppress(OSError):  # it has ended
                    if os.sched_getscheduler(int(task.name)) != policy:
                        os.sched_setscheduler(int(task.name), policy, parameters)

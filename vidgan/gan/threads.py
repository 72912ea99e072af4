"""How many threads a CPU should work with, right now.

OpenMP's threads wait for each other by spinning. Where another program wants the processor too, two
threads can be several times slower than one: 4 training steps in 24 s against 34 in 6 s were measured
beside a busy process on two cores. In a render, the other stages are such programs: there frames, which know
nothing of each other, are drawn at the same time rather than each by all cores.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F

_ALL = torch.get_num_threads()
_ROUNDS = 6
_limit = 0  # none
_MOST_AT_ONCE = 4  # frames, whose features all lie in memory


@contextmanager
def working_with(ways: int, same: int, timed: bool) -> Iterator[int]:
    """Let torch use so many threads for each of that many ways, then as many as before; gives the count.

    same: the count of the run that is repeated or gone on with, 0 if there is none. timed: the run is bounded
    by time, and may take whatever is fastest now.
    """
    before = torch.get_num_threads()
    try:
        count = same or (choose_thread_count(ways) if timed else max(1, before // ways))
        torch.set_num_threads(count)
        yield count
    finally:
        torch.set_num_threads(before)


def usable_cores() -> int:
    """Those that this process may run on."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(here, _limit) if _limit else here


def limit_cores(cores: int) -> None:
    """Leave the rest to other processes, until another limit is set; they render beside this one."""
    global _limit
    _limit = cores
    torch.set_num_threads(min(cores, _ALL))


def frames_at_once(device: torch.device) -> int:
    """How many frames are drawn at the same time, each in a thread of Python's."""
    return max(1, min(_MOST_AT_ONCE, usable_cores())) if device.type == "cpu" else 1


@contextmanager
def rendering_threads(device: torch.device) -> Iterator[None]:
    """Within it torch works on a frame with its share of the cores, also in threads that begin there.

    Results do not depend on how many those are.
    """
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(max(1, before // frames_at_once(device)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def choose_thread_count(ways: int) -> int:
    """Time a small convolution with one thread and with each way's share, and stay with the faster.

    ways: how many Python threads will work at the same time. Costs some 50 ms; results may differ in
    rounding between counts, so only runs that are bounded by time ask for it. Returns the count.
    """
    share = max(1, min(_ALL, _limit or _ALL) // ways)
    if share > 1:
        share = min((1, share), key=_seconds_with)
    torch.set_num_threads(share)
    return share


def _seconds_with(threads: int) -> float:
    torch.set_num_threads(threads)
    weight = torch.ones(32, 32, 3, 3).to(memory_format=torch.channels_last)
    picture = torch.ones(1, 32, 80, 80).to(memory_format=torch.channels_last)
    with torch.no_grad():
        F.conv2d(picture, weight, padding=1)
        began = time.perf_counter()
        for _ in range(_ROUNDS):
            picture = F.leaky_relu(F.conv2d(picture, weight, padding=1), 0.05)
        return time.perf_counter() - began

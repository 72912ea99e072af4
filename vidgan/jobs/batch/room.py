"""How many jobs a machine has room for at the same time."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from vidgan.gan.device import choose_device
from vidgan.gan.threads import usable_cores
from vidgan.jobs.batch.local import Share
from vidgan.jobs.batch.plan import Execution

_CORES_EACH = 4  # what a render keeps busy by itself
_BYTES_EACH = 3 * 2**30  # of memory, for clips up to 1080p
_OF_MEMORY = 0.75
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class Machine:
    """memory_bytes: all of it, whoever uses it. gpus: how many a batch may use; 0 where it uses a CPU."""

    cores: int
    memory_bytes: int
    gpus: int = 0


def local_room(execution: Execution, most: int) -> tuple[int, Share]:
    """room, on this machine as it is. Raises DeviceError where it lacks the device."""
    return room(execution, Machine(usable_cores(), _memory_bytes(), _gpus(execution.device)), most)


def room(execution: Execution, machine: Machine, most: int) -> tuple[int, Share]:
    """As many jobs as execution.jobs says, or as cores, memory and GPUs allow; and what each may use.

    Two on a small machine: while one reads its clip, joins or verifies, the other draws. most: jobs that
    there are.
    """
    jobs = max(1, min(most, execution.jobs or _fitting(execution, machine)))
    gpus = tuple(range(machine.gpus)) if machine.gpus > 1 else ()
    return jobs, Share(max(1, machine.cores // jobs), gpus)


def _fitting(execution: Execution, machine: Machine) -> int:
    if machine.gpus:
        return machine.gpus * int(1 / min(1.0, execution.gpus or 1.0))
    by_cores = max(min(2, machine.cores), machine.cores // _CORES_EACH)
    return min(by_cores, int(machine.memory_bytes * _OF_MEMORY / _BYTES_EACH))


def _gpus(device: str) -> int:
    """cuda is all of them, cuda:1 is one."""
    chosen = choose_device(device)
    if chosen.type == "cuda" and chosen.index is None:
        return torch.cuda.device_count()
    return int(chosen.type != "cpu")


def _memory_bytes() -> int:
    """What this machine has, or the container that we are in."""
    sizes = [2**34]
    with suppress(ValueError, OSError, AttributeError):
        sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in _LIMITS:
        with suppress(OSError, ValueError):  # "max"
            sizes.append(int(Path(limit).read_text(encoding="utf-8")))
    return min(sizes)

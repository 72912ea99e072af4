"""How many jobs a machine has room for at the same time."""

import os

import torch

from vidgan.gan.threads import usable_cores
from vidgan.jobs.batch.local import Share
from vidgan.jobs.batch.plan import Execution

_CORES_EACH = 4  # what a render keeps busy by itself
_BYTES_EACH = 3 * 2**30  # of memory, for clips up to 1080p
_OF_MEMORY = 0.75


def local_room(execution: Execution) -> tuple[int, Share]:
    """room, on this machine as it is."""
    return room(execution, torch.cuda.device_count() if torch.cuda.is_available() else 0)


def room(execution: Execution, gpus: int) -> tuple[int, Share]:
    """As many jobs as execution.jobs says, or as cores, memory and GPUs allow; and what each may use.

    Two on a small machine: while one reads its clip, joins or verifies, the other draws. gpus: that are here.
    """
    cores = usable_cores()
    if gpus and execution.device in ("auto", "cuda"):
        jobs = execution.jobs or int(gpus / min(1.0, execution.gpus or 1.0))
        return jobs, Share(max(1, cores // jobs), tuple(range(gpus)))
    by_cores = max(min(2, cores), cores // _CORES_EACH)
    jobs = execution.jobs or max(1, min(by_cores, int(_memory() * _OF_MEMORY / _BYTES_EACH)))
    return jobs, Share(max(1, cores // jobs))


def _memory() -> int:
    """Bytes that this machine has, whoever uses them."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 2**34

"""How a render shares out the processor: frames are drawn at the same time rather than each by all cores.

Threads that work on one convolution wait for each other by spinning, and the other stages want the cores
meanwhile. Frames know nothing of each other.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from vidgan.jobs.profile import usable_cores

_MOST_AT_ONCE = 4  # frames, whose features all lie in memory


def frames_at_once(device: torch.device) -> int:
    """How many frames are drawn at the same time."""
    return max(1, min(_MOST_AT_ONCE, usable_cores())) if device.type == "cpu" else 1


@contextmanager
def rendering_threads(device: torch.device) -> Iterator[None]:
    """Within it, torch works on each frame with its share of the cores; also in threads that begin within.

    Results do not depend on how many those are.
    """
    if device.type != "cpu":
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before // frames_at_once(device)))
    try:
        yield
    finally:
        torch.set_num_threads(before)

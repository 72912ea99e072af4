"""Keeping memory level over a long render."""

import ctypes
import sys
from contextlib import suppress

_SETTINGS = {-8: 1, -4: 0, -1: 2**30}  # malloc.h: M_ARENA_MAX, M_MMAP_MAX, M_TRIM_THRESHOLD


def keep_heap_level() -> None:
    """Let the C library's allocator use one heap, for frames too, and keep it (glibc; elsewhere nothing).

    A frame's pixels are taken in one thread and given back in another; spread over many heaps they leave
    holes, and a render of 1320 frames of 720p had grown by a third over one of 132. Taken from the system
    and given back with every frame, they cost more time than turning them into RGB.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # musl has neither the call nor the heaps
            mallopt = ctypes.CDLL(None).mallopt
            for setting, value in _SETTINGS.items():
                mallopt(setting, value)

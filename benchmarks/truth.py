"""The sample clip's frames, and the exact motion between them, as the benchmarks take them."""

import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

SAMPLES = Path(__file__).parents[1] / "samples"
Motion = Callable[[NDArray, NDArray], NDArray[np.float32]]


@cache
def sample_scene() -> ModuleType:
    """samples/make.py: render, exact_flow, exact_visible."""
    spec = importlib.util.spec_from_file_location("make", SAMPLES / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def exact_motion(frames: Sequence[NDArray], first: int = 0) -> Motion:
    """What knows the motion between these very arrays, the sample clip's frames from `first` on."""
    numbers = {id(frame): first + place for place, frame in enumerate(frames)}
    exact_flow = cache(sample_scene().exact_flow)
    return lambda a, b: exact_flow(numbers[id(a)], numbers[id(b)])

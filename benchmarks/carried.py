"""What the benchmarks of painted keyframes share: their heading, and frames rendered as in a job."""

import os
import platform
import time
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from vidgan.config import Recipe
from vidgan.gan.model import Translation
from vidgan.jobs.rendering import estimator_for, steady_moments
from vidgan.resample import to_pixels

Pixels = NDArray[np.uint8]


class Still(NamedTuple):
    """A decoded frame of no clip."""

    index: int
    pixels: Pixels


def print_heading(recipe: Recipe, device: torch.device) -> None:
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {device}, torch {torch.__version__}, {date.today()}; "
        f"{recipe.name}, {recipe.train.seconds:g} s"
    )


def rendered(
    frames: Sequence[Pixels], translate: Translation, recipe: Recipe, device: torch.device
) -> tuple[list[Pixels], float]:
    """From decoded pixels to those that are encoded; and the seconds that a frame takes."""
    stills = [Still(number, frame) for number, frame in enumerate(frames)]
    shown = steady_moments(stills, translate, recipe.smooth, (), estimator_for(recipe, device, None))
    pictures = [to_pixels(next(shown).translated)]  # the first one starts the threads
    began = time.monotonic()
    pictures += [to_pixels(moment.translated) for moment in shown]
    return pictures, (time.monotonic() - began) / (len(frames) - 1)

"""What do the published methods cost? Seconds an iteration at every stage, and a whole training's projected.

    python benchmarks/methods.py [--recipe structural-analogy] [--media ../shared/media]
            [--source volcano.mp4] [--target goose.png] [--iterations 3] [--set KEY=VALUE]

Nothing is trained to the end: each stage is entered, a few iterations are timed (the median counts), and the
recipe's own number of iterations is multiplied with it.
"""

import argparse
import os
import platform
import statistics
import time
from datetime import date
from pathlib import Path

import torch

from vidgan.config import Recipe, load_recipe
from vidgan.gan.device import choose_device
from vidgan.gan.published.training import PublishedTrainer
from vidgan.gan.pyramid import size_of
from vidgan.gan.schedule import Tick
from vidgan.jobs.training import trained_size
from vidgan.media import open_clip, read_picture
from vidgan.resample import to_tensor


def main() -> None:
    arguments = _arguments()
    recipe, device = load_recipe(arguments.recipe, arguments.set), choose_device(arguments.device)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {device}, torch {torch.__version__}, {date.today()}"
    )
    pictures = [picture.to(device) for picture in _pictures(recipe, arguments)]
    trainer = PublishedTrainer(pictures, recipe)
    own = recipe.train.steps // trainer.stages
    print(f"{recipe.name}: {trainer.stages} stages of {own} iterations")
    total = 0.0
    for stage in range(trainer.stages):
        trainer.enter(stage)
        seconds = _seconds_an_iteration(trainer, arguments.iterations)
        total += seconds * own
        height, width = size_of(trainer.sides[0].real)
        print(f"  stage {stage + 1}: {width}x{height}  {seconds:8.3f} s an iteration", flush=True)
    print(f"  whole training: {total / 3600:.1f} hours, {total / 86400:.1f} days")


def _seconds_an_iteration(trainer: PublishedTrainer, count: int) -> float:
    tick = Tick(0, trainer.train.learning_rate, 0.0)
    taken = []
    for _ in range(count + 1):
        began = time.perf_counter()
        trainer._iterate(tick)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[1:])  # the first one allocates


def _pictures(recipe: Recipe, arguments: argparse.Namespace) -> list[torch.Tensor]:
    """The source alone, or with the target at its texture scale, as a training has them."""
    path = arguments.media / arguments.source
    is_clip = path.suffix == ".mp4"
    pixels = next(iter(open_clip(path).frames())).pixels if is_clip else read_picture(path)
    source = trained_size(to_tensor(pixels), recipe)
    if recipe.parts.conditioning == "none":
        return [source]
    return [source, trained_size(to_tensor(read_picture(arguments.media / arguments.target)), recipe)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="structural-analogy")
    parser.add_argument("--media", type=Path, default=Path("../shared/media"))
    parser.add_argument("--source", default="volcano.mp4")
    parser.add_argument("--target", default="goose.png")
    parser.add_argument("--iterations", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--device", default="auto")
    return parser.parse_args()


if __name__ == "__main__":
    main()

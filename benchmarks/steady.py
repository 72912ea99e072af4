"""How steady are the pictures, and how crisp still?

    python benchmarks/steady.py [--media FOLDER] [--pair volcano-goose bunny-tiles] [--seeds 0 1 2]
                                [--look LOOK.safetensors] [--recipe balanced] [--budget 180] [--set KEY=VALUE]
                                [--frames 40] [--start 0] [--shown 1 83] [--width 480] [--out out/steady]

Trains on a pair (or takes the look given) and renders some of its clip's frames four ways: with noise fixed
to the screen and carried, each as the generator draws them and smoothed. For each: e_warp, its ratio to the
first row's, detail over the first row's, and of some frames the figures of quality.py and a sheet.
"""

import argparse
import os
import platform
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import torch
from carried import rendered
from numpy.typing import NDArray
from quality import NAMES, PAIRS, figures

from vidgan import metrics
from vidgan.config import Recipe, load_recipe, override_recipe
from vidgan.gan.device import choose_device
from vidgan.gan.look import Look, load_look
from vidgan.jobs.options import Watch
from vidgan.jobs.rendering import estimator_for
from vidgan.jobs.subject import choose_footage, frame_beside
from vidgan.jobs.training import Footage, train_look
from vidgan.keyframes import survey
from vidgan.media import Clip, open_clip, read_picture, write_picture

WAYS = {
    "fixed noise, as drawn": ("translate.anchor_every=0", "smooth.window=0"),
    "carried noise, as drawn": ("smooth.window=0",),
    "fixed noise, smoothed": ("translate.anchor_every=0",),
    "carried noise, smoothed": (),
}


def main() -> None:
    parser = pair_arguments(__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--shown", type=int, nargs="+", help="for figures and sheet (default: every eighth)")
    parser.add_argument("--out", type=Path, default=Path("out/steady"))
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    arguments.out.mkdir(parents=True, exist_ok=True)
    print_machine(device, f"{arguments.recipe}, {arguments.frames} frames from {arguments.start}")
    for pair, seed in product(arguments.pair, arguments.seeds):
        look, frames, target = read_pair(pair, seed, arguments, device)
        print(f"\n{pair}, {_size(frames)}, seed {seed}, {sum(look.steps)} steps", flush=True)
        sheet = _measure(look, frames, target, arguments, device)
        write_picture(arguments.out / f"{pair}-{seed}.png", sheet)


def read_pair(
    pair: str, seed: int, arguments: argparse.Namespace, device: torch.device
) -> tuple[Look, list[NDArray], NDArray]:
    """The look, some frames of its clip, the target."""
    source, target = (arguments.media / file for file in PAIRS[pair])
    clip, picture = open_clip(source), read_picture(target)
    wanted = clip.frames(arguments.start, min(len(clip), arguments.start + arguments.frames))
    frames = [_narrowed(frame.pixels, arguments.width) for frame in wanted]
    if arguments.look:
        return load_look(arguments.look), frames, picture
    budget = [f"train.seconds={arguments.budget:g}"] if arguments.budget else []
    recipe = load_recipe(arguments.recipe, [f"train.seed={seed}", *budget, *arguments.set])
    footage = _footage(clip, recipe, arguments.width, device)
    return train_look(footage, picture, recipe, device, Watch())[0], frames, picture


def print_machine(device: torch.device, what: str) -> None:
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {device}, torch {torch.__version__}"
    print(f"{machine}, {date.today()}; {what}")


def pair_arguments(doc: str | None) -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=doc, formatter_class=raw)
    parser.add_argument("--media", type=Path, default=Path("../shared/media"))
    parser.add_argument("--pair", nargs="+", choices=PAIRS, default=["volcano-goose", "bunny-tiles"])
    parser.add_argument("--look", type=Path, help="instead of training: a look of the one pair given")
    parser.add_argument("--recipe", default="balanced")
    parser.add_argument("--budget", type=float, default=0.0, help="seconds of training, if not the recipe's")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--width", type=int, default=0, help="frames are brought to it; 0: as they are")
    parser.add_argument("--device", default="auto")
    return parser


def _measure(
    look: Look,
    frames: Sequence[NDArray],
    target: NDArray,
    arguments: argparse.Namespace,
    device: torch.device,
) -> NDArray:
    """A row for each way; the sheet: sources above, then each way."""
    names = "".join(f"{name:>14}" for name in NAMES)
    print(f"{'':26}{'e_warp':>10}{'ratio':>8}{'detail':>8}{'s/frame':>9}{names}")
    shown = arguments.shown or range(0, len(frames), 8)
    sheet, first = [np.hstack([frames[n] for n in shown])], []
    for way, changes in WAYS.items():
        recipe = override_recipe(look.recipe, [*arguments.set, *changes])
        translate = look.translation(device, recipe.translate)
        results, seconds = rendered(frames, translate, recipe, device)
        first = first or [metrics.e_warp(results, frames), results]
        flicker = metrics.e_warp(results, frames)
        crisp = np.mean([metrics.detail(a, b) for a, b in zip(results, first[1], strict=True)])
        row = figures([results[n] for n in shown], [frames[n] for n in shown], target)
        values = "".join(f"{value:14.4f}" for value in row)
        print(
            f"{way:26}{flicker:10.6f}{flicker / first[0]:8.2f}{crisp:8.3f}{seconds:9.3f}{values}", flush=True
        )
        sheet.append(np.hstack([results[n] for n in shown]))
    return np.vstack(sheet)


def _footage(clip: Clip, recipe: Recipe, width: int, device: torch.device) -> Footage:
    found = survey(clip.frames(), recipe.decode.cut_threshold)
    footage = choose_footage(clip, found, found.representative, recipe.train.frames)
    if recipe.train.lambda_steady:
        if width:
            raise SystemExit("--width and train.lambda_steady: flow is measured at the clip's own size")
        motion = estimator_for(recipe, device, None)
        footage = replace(footage, beside=frame_beside(clip, found, found.representative, motion))
    others, held_out = ([_narrowed(p, width) for p in part] for part in (footage.others, footage.held_out))
    return replace(footage, frame=_narrowed(footage.frame, width), others=others, held_out=held_out)


def _narrowed(pixels: NDArray, width: int) -> NDArray:
    if not width or pixels.shape[1] <= width:
        return pixels
    height = round(pixels.shape[0] * width / pixels.shape[1])
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)


def _size(frames: Sequence[NDArray]) -> str:
    height, width = frames[0].shape[:2]
    return f"{width}x{height}"


if __name__ == "__main__":
    main()

"""How steady are the pictures, and what does that cost?

    python benchmarks/steady.py [--media FOLDER] [--pair volcano-goose bunny-tiles] [--look LOOK.safetensors]
                                [--recipe balanced] [--budget 180] [--frames 40] [--out out/steady]
    python benchmarks/steady.py --scene [--budget 45]     the sample clip, its texture moved along exact flow
    python benchmarks/steady.py --cost [--pair ...]       where a frame's time goes

Trains on a pair (or takes the look given) and renders some of its clip's frames four ways: with noise fixed
to the screen and carried, each as the generator draws them and smoothed. For each: e_warp, its ratio to the
first row's, detail over the first row's, and of some frames the figures of quality.py and a sheet.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path

import numpy as np
import torch
from carried import Still, rendered
from numpy.typing import NDArray
from quality import NAMES, PAIRS, figures
from scene import SAMPLES, exact_motion, sample_scene

from vidgan import metrics
from vidgan.config import Recipe, SmoothSettings, load_recipe, override_recipe
from vidgan.gan.device import choose_device
from vidgan.gan.look import Look, load_look
from vidgan.gan.noise import draw_noise, moved_noise
from vidgan.jobs.options import Watch
from vidgan.jobs.rendering import estimator_for, steady_moments
from vidgan.jobs.subject import choose_footage
from vidgan.jobs.training import train_look
from vidgan.keyframes import survey
from vidgan.media import open_clip, read_picture, write_picture
from vidgan.motion import in_steps, origins, smooth
from vidgan.resample import blur, to_pixels, to_tensor

WAYS = {
    "fixed noise, as drawn": ("translate.anchor_every=0", "smooth.window=0"),
    "carried noise, as drawn": ("smooth.window=0",),
    "fixed noise, smoothed": ("translate.anchor_every=0",),
    "carried noise, smoothed": (),
}


def main() -> None:
    arguments = _arguments()
    device = choose_device(arguments.device)
    arguments.out.mkdir(parents=True, exist_ok=True)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {device}, torch {torch.__version__}"
    print(f"{machine}, {date.today()}; {arguments.recipe}, {arguments.frames} frames")
    if arguments.scene:
        _measure_scene(arguments, device)
        return
    for pair, seed in product(arguments.pair, arguments.seeds):
        look, frames, target = _read(pair, seed, arguments, device)
        size = f"{frames[0].shape[1]}x{frames[0].shape[0]}"
        print(f"\n{pair}, {size}, seed {seed}, {sum(look.steps)} steps", flush=True)
        if arguments.cost:
            _measure_cost(look, frames, device, arguments.set)
        else:
            _measure_ways(pair, look, frames, target, arguments, device)


def _measure_ways(
    pair: str,
    look: Look,
    frames: Sequence[NDArray],
    target: NDArray,
    arguments: argparse.Namespace,
    device: torch.device,
) -> None:
    print(
        f"{'':26}{'e_warp':>10}{'ratio':>8}{'detail':>8}{'s/frame':>9}" + "".join(f"{n:>14}" for n in NAMES)
    )
    every = arguments.shown or range(0, len(frames), 8)
    sheet = [np.hstack([frames[n] for n in every])]
    first: list[NDArray] = []
    for way, changes in WAYS.items():
        recipe = override_recipe(look.recipe, [*arguments.set, *changes])
        results, seconds = _rendered(look, frames, recipe, device)
        first = first or results
        flicker, before = metrics.e_warp(results, frames), metrics.e_warp(first, frames)
        crisp = np.mean([metrics.detail(a, b) for a, b in zip(results, first, strict=True)])
        row = figures([results[n] for n in every], [frames[n] for n in every], target)
        shown = "".join(f"{value:14.4f}" for value in row)
        print(f"{way:26}{flicker:10.6f}{flicker / before:8.2f}{crisp:8.3f}{seconds:9.3f}{shown}", flush=True)
        sheet.append(np.hstack([results[n] for n in every]))
    write_picture(arguments.out / f"{pair}-{look.recipe.train.seed}.png", np.vstack(sheet))


def _rendered(
    look: Look, frames: Sequence[NDArray], recipe: Recipe, device: torch.device
) -> tuple[list[NDArray], float]:
    return rendered(frames, look.translation(device, recipe.translate), recipe, device)


def _measure_scene(arguments: argparse.Namespace, device: torch.device) -> None:
    """Noise as a picture, and a look's texture, moved along the sample clip's exact flow."""
    frames = [sample_scene().render(number) for number in range(96)][: arguments.frames]
    motion = exact_motion(frames)
    print("\nsample clip, exact flow\n" + f"{'':40}{'fixed':>10}{'carried':>10}{'fewer':>8}")
    for softness in (0.0, 1.0):
        fixed, carried = (_noise_pictures(frames, motion, softness, moved) for moved in (False, True))
        _print_fewer(f"noise alone, softness {softness:g}", fixed, carried, frames, motion)
    recipe = load_recipe(arguments.recipe, [f"train.seconds={arguments.budget or 45}", *arguments.set])
    clip = open_clip(SAMPLES / "clip.mp4")
    found = survey(clip.frames())
    footage = choose_footage(clip, found, found.representative, 0)
    target = read_picture(SAMPLES / "target.png")
    look = train_look(footage, target, recipe, device, Watch())[0]
    for strength in (0.0, recipe.translate.strength):
        ways = [
            _drawn(
                look, frames, replace(recipe.translate, strength=strength, anchor_every=every), motion, device
            )
            for every in (0, recipe.translate.anchor_every)
        ]
        _print_fewer(f"a look's texture, strength {strength:g}", *ways, frames, motion)
        sheet = [np.hstack([row[n] for n in range(0, len(frames), 8)]) for row in (frames, *ways)]
        write_picture(arguments.out / f"scene-{strength:g}.png", np.vstack(sheet))


def _drawn(look, frames, settings, motion, device) -> list[NDArray]:
    translate = look.translation(device, settings)
    stills = [Still(number, frame) for number, frame in enumerate(frames)]
    shown = steady_moments(stills, translate, SmoothSettings(window=0), (), motion)
    return [to_pixels(moment.translated) for moment in shown]


def _noise_pictures(frames, motion, softness: float, moved: bool) -> list[NDArray]:
    """A field of noise as large as the frames; hard noise is blurred, to be compared between pixels."""
    size = frames[0].shape[:2]
    noises = draw_noise([size, size], torch.Generator().manual_seed(0), softness)
    stills = [Still(number, frame) for number, frame in enumerate(frames)]
    pictures = []
    for _, found in origins(in_steps(stills, motion), (), 32):
        shown = moved_noise(noises, found if moved else [], 0, softness)[0] if moved else noises[0]
        grey = 0.25 * (blur(shown, 1.0) if softness == 0 else shown)
        pictures.append(to_pixels(grey.expand(1, 3, -1, -1)))
    return pictures


def _print_fewer(name: str, fixed, carried, frames, motion) -> None:
    before, after = (metrics.e_warp(pictures, frames, motion) for pictures in (fixed, carried))
    print(f"{name:40}{before:10.6f}{after:10.6f}{before / after:8.1f}", flush=True)


def _measure_cost(look: Look, frames: Sequence[NDArray], device: torch.device, overrides: list[str]) -> None:
    """Each stage alone, in milliseconds a frame, with all cores: no stage waits for another."""
    recipe = override_recipe(look.recipe, overrides)
    estimator = estimator_for(recipe, device, None)
    stills = [Still(number, frame) for number, frame in enumerate(frames)]
    translate = look.translation(device, recipe.translate)
    steps, flow_ms = _timed(lambda: _measured(list(in_steps(stills, estimator))), len(frames))
    placed, carry_ms = _timed(lambda: list(origins(steps, (), recipe.translate.anchor_every)), len(frames))
    translate.across(to_tensor(frames[0]), placed[0][1])
    still, still_ms = _timed(lambda: [translate.across(to_tensor(f), ()) for f in frames], len(frames))
    _, drawn_ms = _timed(
        lambda: [translate.across(to_tensor(s.frame.pixels), o) for s, o in placed], len(frames)
    )
    moments = [_moment(step, shown) for step, shown in zip(steps, still, strict=True)]
    _, smooth_ms = _timed(lambda: list(smooth(moments, recipe.smooth)), len(frames))
    rows = {
        f"flow, both ways ({recipe.flow.preset})": flow_ms,
        "noise carried": carry_ms + max(0.0, drawn_ms - still_ms),
        "generator": still_ms,
        f"smoothing, K = {recipe.smooth.window}": smooth_ms,
    }
    total = sum(rows.values())
    for name, ms in rows.items():
        print(f"{name:32}{ms:9.1f} ms{ms / total:8.1%}")


def _timed(work: Callable, frames: int):
    began = time.perf_counter()
    result = work()
    return result, 1000 * (time.perf_counter() - began) / frames


def _measured(steps):
    for _, step in steps:
        if step is not None:
            _ = step.back, step.forth
    return steps


def _moment(stepped, shown):
    from vidgan.motion import Moment

    return Moment(stepped.frame.index, stepped.frame.pixels, shown, stepped.step)


def _read(
    pair: str, seed: int, arguments: argparse.Namespace, device: torch.device
) -> tuple[Look, list[NDArray], NDArray]:
    """The look, the clip's first frames (no wider than --width), the target."""
    source, target = (arguments.media / file for file in PAIRS[pair])
    clip = open_clip(source)
    picture = read_picture(target)
    frames = [
        _narrowed(f.pixels, arguments.width)
        for f in clip.frames(arguments.start, arguments.start + arguments.frames)
    ]
    if arguments.look:
        return load_look(arguments.look), frames, picture
    budget = [f"train.seconds={arguments.budget:g}"] if arguments.budget else []
    recipe = load_recipe(arguments.recipe, [f"train.seed={seed}", *budget, *arguments.set])
    found = survey(clip.frames())
    footage = choose_footage(clip, found, found.representative, recipe.train.frames)
    pictures = [[_narrowed(p, arguments.width) for p in part] for part in (footage.others, footage.held_out)]
    footage = replace(
        footage, frame=_narrowed(footage.frame, arguments.width), others=pictures[0], held_out=pictures[1]
    )
    look = train_look(footage, picture, recipe, device, Watch())[0]
    return look, frames, picture


def _narrowed(pixels: NDArray, width: int) -> NDArray:
    import cv2

    if not width or pixels.shape[1] <= width:
        return pixels
    height = round(pixels.shape[0] * width / pixels.shape[1])
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)


def _arguments() -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--media", type=Path, default=Path("../shared/media"))
    parser.add_argument("--pair", nargs="+", choices=PAIRS, default=["volcano-goose", "bunny-tiles"])
    parser.add_argument("--look", type=Path, help="instead of training: a look of the one pair given")
    parser.add_argument("--recipe", default="balanced")
    parser.add_argument("--budget", type=float, default=0.0, help="seconds of training, if not the recipe's")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--shown", type=int, nargs="+", help="whose figures and sheet; every eighth frame")
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument(
        "--width", type=int, default=0, help="frames are brought to this width; 0: as they are"
    )
    parser.add_argument("--scene", action="store_true")
    parser.add_argument("--cost", action="store_true")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path("out/steady"))
    return parser.parse_args()


if __name__ == "__main__":
    main()

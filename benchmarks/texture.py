"""Does texture stay on things? Noise moved along the sample clip's exact flow, against noise on the screen.

    python benchmarks/texture.py [--budget 45] [--recipe draft] [--set KEY=VALUE] [--frames 96] [--out FOLDER]

Prints e_warp along the exact flow with noise fixed to the screen and carried, unsmoothed: of noise itself as
a picture, hard (blurred by a pixel afterwards, to be compared between pixels) and soft, and of a look trained
on the sample pair, at strength 0 and the recipe's, of which the last column is what it draws without any
noise: what is not noise's to steady. Writes every eighth frame: source, fixed, carried, without noise.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from carried import Still
from numpy.typing import NDArray
from steady import print_machine
from truth import SAMPLES, Motion, exact_motion, sample_scene

from vidgan import metrics
from vidgan.config import Recipe, SmoothSettings, TranslateSettings, load_recipe
from vidgan.gan.device import choose_device
from vidgan.gan.look import Look
from vidgan.gan.noise import between_pixels, draw_noise, moved_noise
from vidgan.jobs.options import Watch
from vidgan.jobs.rendering import steady_moments
from vidgan.jobs.subject import choose_footage
from vidgan.jobs.training import train_look
from vidgan.keyframes import survey
from vidgan.media import open_clip, read_picture, write_picture
from vidgan.motion import in_steps, origins
from vidgan.resample import blur, to_pixels


def main() -> None:
    arguments = _arguments()
    device = choose_device(arguments.device)
    arguments.out.mkdir(parents=True, exist_ok=True)
    recipe = load_recipe(arguments.recipe, [f"train.seconds={arguments.budget}", *arguments.set])
    frames = [sample_scene().render(number) for number in range(arguments.frames)]
    motion = exact_motion(frames)
    print_machine(device, f"{recipe.name}, {recipe.train.seconds:g} s, sample clip, exact flow")
    print(f"{'e_warp':40}{'fixed':>10}{'carried':>10}{'less':>8}{'silent':>10}")
    for softness in (0.0, recipe.train.noise_softness):
        every = recipe.translate.anchor_every
        ways = [_noise_pictures(frames, motion, softness, moved * every) for moved in (False, True)]
        _print(f"noise alone, softness {softness:g}", ways, frames, motion)
    look, strengths = _trained(recipe, device), sorted({0.0, recipe.translate.strength})
    for strength in strengths:
        settings = replace(recipe.translate, strength=strength)
        changes = (replace(settings, anchor_every=0), settings, replace(settings, noise_amp=0.0))
        ways = [_drawn(look, frames, changed, motion, device) for changed in changes]
        _print(f"a look's texture, strength {strength:g}", ways, frames, motion)
        sheet = [np.hstack([row[n] for n in range(0, len(frames), 8)]) for row in (frames, *ways)]
        write_picture(arguments.out / f"strength-{strength:g}.png", np.vstack(sheet))


def _trained(recipe: Recipe, device: torch.device) -> Look:
    clip = open_clip(SAMPLES / "clip.mp4")
    found = survey(clip.frames())
    footage = choose_footage(clip, found, found.representative, recipe.train.frames)
    return train_look(footage, read_picture(SAMPLES / "target.png"), recipe, device, Watch())[0]


def _drawn(
    look: Look,
    frames: Sequence[NDArray],
    settings: TranslateSettings,
    motion: Motion,
    device: torch.device,
) -> list[NDArray]:
    stills = [Still(number, frame) for number, frame in enumerate(frames)]
    translate = look.translation(device, settings)
    shown = steady_moments(stills, translate, SmoothSettings(window=0), (), motion)
    return [to_pixels(moment.translated) for moment in shown]


def _noise_pictures(frames: Sequence[NDArray], motion: Motion, softness: float, every: int) -> list[NDArray]:
    """One field of noise as large as the frames, moved from anchors so far apart; 0: not at all."""
    height, width = frames[0].shape[:2]
    fields = draw_noise([(height, width)] * 2, torch.Generator().manual_seed(0), softness)
    doubled = [between_pixels(field) for field in fields]
    stills = [Still(number, frame) for number, frame in enumerate(frames)]
    pictures = []
    for _, found in origins(in_steps(stills, motion), (), every or 1):
        shown = moved_noise(doubled, found, 0, softness)[0] if every else fields[0]
        grey = shown if softness else blur(shown, 1.0)
        pictures.append(to_pixels(0.25 * grey.expand(1, 3, -1, -1)))
    return pictures


def _print(name: str, ways: Sequence[list[NDArray]], frames: list[NDArray], motion: Motion) -> None:
    fixed, carried, *silent = (metrics.e_warp(pictures, frames, motion) for pictures in ways)
    alone = "".join(f"{value:10.6f}" for value in silent)
    print(f"{name:40}{fixed:10.6f}{carried:10.6f}{fixed / carried:8.1f}{alone}", flush=True)


def _arguments() -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--budget", type=float, default=45)
    parser.add_argument("--recipe", default="draft")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--frames", type=int, default=96)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path("out/texture"))
    return parser.parse_args()


if __name__ == "__main__":
    main()

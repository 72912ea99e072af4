"""Do strokes stay on what they are painted on? The sample clip's painted keyframe, against its exact flow.

    python benchmarks/strokes.py [--budget 60] [--recipe keyframe] [--set KEY=VALUE] [--out out/strokes.png]

Prints detail (mean absolute Laplacian over the keyframe's; 1 is as crisp) and flicker: e_warp along the
exact flow, over that of the keyframe warped by the exact flow onto every frame, where nothing is occluded
(1 is as steady as the strokes themselves are). Writes a sheet of every tenth frame: source above, result
below.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from carried import print_heading, rendered
from numpy.typing import NDArray
from truth import SAMPLES, sample_scene

from vidgan import metrics
from vidgan.config import load_recipe
from vidgan.gan.device import choose_device
from vidgan.gan.look import Look
from vidgan.gan.painted.anchor import Keyframe
from vidgan.gan.painted.training import PaintedTrainer
from vidgan.jobs.rendering import estimator_for
from vidgan.media import open_clip, read_picture, write_picture
from vidgan.resample import to_tensor, warp_array

KEY = 48
OTHERS = (0, 95, 24, 72)  # shown to the critic, where there is one


def main() -> None:
    arguments = _arguments()
    device = choose_device(arguments.device)
    overrides = [f"train.seconds={arguments.budget}"] if arguments.budget else []
    recipe = load_recipe(arguments.recipe, [*overrides, *arguments.set])
    print_heading(recipe, device)
    frames = [frame.pixels for frame in open_clip(SAMPLES / "clip.mp4").frames()]
    painting = read_picture(SAMPLES / "keyframe_48.png")
    began = time.monotonic()
    frame, painted = to_tensor(frames[KEY], device), to_tensor(painting, device)
    keyframe = Keyframe(KEY, frame, painted, torch.ones_like(frame[:, :1]))
    others = [(n, to_tensor(frames[n], device)) for n in OTHERS[: recipe.train.frames]]
    motion = estimator_for(recipe, device, None)
    trained = PaintedTrainer([keyframe], recipe, None, others, motion).run()
    seconds = time.monotonic() - began
    translate = Look.of(trained, recipe).translation(device, motion=motion)
    results, _ = rendered(frames, translate, recipe, device)
    ours, theirs = flicker(results, painting)
    detail = [metrics.detail(result, painting) for result in results]
    print(f"  {sum(trained.steps)} steps, {seconds:.1f} s")
    print(f"  detail {np.mean(detail):.3f}, least {min(detail):.3f}, most {max(detail):.3f}")
    print(f"  e_warp {ours:.5f}, of the keyframe carried by exact flow {theirs:.5f}: {ours / theirs:.2f}")
    every = range(8, len(frames), 10)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    rows = [np.hstack([row[n] for n in every]) for row in (frames, results)]
    write_picture(arguments.out, np.vstack(rows))


def flicker(results: Sequence[NDArray], painting: NDArray) -> tuple[float, float]:
    """e_warp of the results and of the painting carried along exact flow, over the same pixels."""
    make = sample_scene()
    ours, theirs = [], []
    before = None
    for number, result in enumerate(results):
        seen = make.exact_visible(number, KEY)
        carried = warp_array(painting, make.exact_flow(number, KEY))
        if before is not None:
            flow = make.exact_flow(number, number - 1)
            known = before[2].astype(np.float32)
            steady = make.exact_visible(number, number - 1) & seen & (warp_array(known, flow) > 0.999)
            for errors, now, then in ((ours, result, before[0]), (theirs, carried, before[1])):
                moved = warp_array(then.astype(np.float32), flow)
                squared = ((now.astype(np.float32) - moved) / 255) ** 2
                errors.append(float(squared.mean(-1)[steady].mean()))
        before = (result, carried, seen)
    return float(np.mean(ours)), float(np.mean(theirs))


def _arguments() -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--budget", type=float, help="seconds of training (default: the recipe's)")
    parser.add_argument("--recipe", default="keyframe")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path("out/strokes.png"))
    return parser.parse_args()


if __name__ == "__main__":
    main()

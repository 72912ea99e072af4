"""How near to the truth does a painted keyframe carry? PSNR, SSIM and flicker against known looks.

    python benchmarks/keyframe.py [--media FOLDER] [--clips nasa bikes bunny] [--looks grade cartoon kuwahara]
                                  [--budget 60] [--recipe keyframe] [--set KEY=VALUE] [--out out/keyframe]

Each look (looks.py) is a function of a frame, so its truth is known for all of a clip's 40 frames. The
middle one is the keyframe; frames are compared before any encoding, as 8-bit pixels. Prints, for each clip
and look and in the mean over clips: the source as it is, the keyframe warped along optical flow, a colour
table fitted to it, and vidgan; over all frames but the keyframe, near it (1 to 5 frames), and far from it (15
to 20). SSIM is scikit-image's, over colours. Flicker is e_warp over the truth's own, detail the mean
absolute Laplacian over its.
"""

import argparse
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from carried import Pixels, print_heading, rendered
from looks import LOOKS
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from vidgan import metrics
from vidgan.config import Recipe, load_recipe
from vidgan.gan.device import choose_device
from vidgan.gan.look import Look
from vidgan.gan.painted.anchor import Keyframe
from vidgan.gan.painted.training import PaintedTrainer
from vidgan.jobs.rendering import estimator_for
from vidgan.media import open_clip, write_picture
from vidgan.resample import to_pixels, to_tensor, warp_array

CLIPS = {"nasa": ("nasa.mp4", 1, 241), "bikes": ("bikes.mp4", None, 84), "bunny": ("bunny.mp4", None, 12)}
FRAMES, KEY, WIDTH = 40, 20, 480
NEAR, FAR = range(1, 6), range(15, 21)
OTHERS = (0, 39, 10, 30, 5, 35)  # shown to the critic, where there is one


@dataclass(frozen=True)
class Row:
    """One method on one clip: (PSNR in dB, SSIM) at every frame, e_warp and detail over the truth's."""

    figures: Mapping[int, tuple[float, float]]
    flicker: float
    detail: float

    def mean(self, frames: Sequence[int]) -> NDArray[np.float64]:
        return np.mean([self.figures[frame] for frame in frames], 0)

    def cells(self) -> list[float]:
        near = [n for n in self.figures if abs(n - KEY) in NEAR]
        far = [n for n in self.figures if abs(n - KEY) in FAR]
        return [*self.mean(list(self.figures)), *self.mean(near), *self.mean(far), self.flicker, self.detail]


def main() -> None:
    arguments = _arguments()
    device = choose_device(arguments.device)
    overrides = [f"train.seconds={arguments.budget}"] if arguments.budget else []
    recipe = load_recipe(arguments.recipe, [*overrides, *arguments.set])
    print_heading(recipe, device)
    print(f"{'':22}{'all':>15}{'near':>15}{'far':>15}   flicker  detail", flush=True)
    for look in arguments.looks:
        rows: dict[str, list[list[float]]] = {}
        for clip in arguments.clips:
            for method, row in measure(clip, look, recipe, device, arguments).items():
                rows.setdefault(method, []).append(row.cells())
        for method, cells in rows.items():
            _print_row(f"{look}, mean, {method}", np.mean(cells, 0))


def measure(
    clip: str, look: str, recipe: Recipe, device: torch.device, arguments: argparse.Namespace
) -> dict[str, Row]:
    frames = read_frames(Path(arguments.media), clip)
    truth = [LOOKS[look](frame) for frame in frames]
    began = time.monotonic()
    frame, painting = (to_tensor(pictures[KEY], device) for pictures in (frames, truth))
    keyframe = Keyframe(KEY, frame, painting, torch.ones_like(frame[:, :1]))
    others = [(n, to_tensor(frames[n], device)) for n in OTHERS[: recipe.train.frames]]
    motion = estimator_for(recipe, device, None)
    trainer = PaintedTrainer([keyframe], recipe, None, others, motion)
    fitted, (anchor,) = time.monotonic() - began, trainer.anchors
    trained = trainer.run()
    seconds = time.monotonic() - began
    translate = Look.of(trained, recipe).translation(device, motion=motion)
    methods: dict[str, Callable[[int], Pixels]] = {
        "source": lambda n: frames[n],
        "warped": _warper(frames, truth[KEY], recipe, device),
        "table": lambda n: to_pixels(anchor.table(to_tensor(frames[n], device))),
    }
    results = {method: [make(n) for n in range(FRAMES)] for method, make in methods.items()}
    results["vidgan"], taken = rendered(frames, translate, recipe, device)
    own = metrics.e_warp(truth, frames)
    rows = {method: _row(pictures, truth, frames, own) for method, pictures in results.items()}
    for method, row in rows.items():
        _print_row(f"{look}, {clip}, {method}", row.cells())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    kept = "refined" if trained.model.refiner is not None else "colours and flow alone"
    print(
        f"  {sum(trained.steps)} steps, {seconds:.1f} s with {fitted:.1f} s for the table, {kept}; "
        f"{taken:.3f} s a frame, {peak:.0f} MiB",
        flush=True,
    )
    _write_sheet(Path(arguments.out) / f"{look}-{clip}.png", frames, truth, results)
    return rows


def read_frames(media: Path, name: str) -> list[Pixels]:
    """Forty frames, WIDTH wide, none of them across a cut."""
    file, stream, first = CLIPS[name]
    clip = open_clip(media / file, stream=stream)
    frames = [frame.pixels for frame in clip.frames(first, first + FRAMES)]
    height, width = frames[0].shape[:2]
    size = (WIDTH, round(height * WIDTH / width / 2) * 2)
    return frames if width == WIDTH else [cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in frames]


def _warper(
    frames: Sequence[Pixels], keyframe: Pixels, recipe: Recipe, device: torch.device
) -> Callable[[int], Pixels]:
    motion = estimator_for(recipe, device, None)
    return lambda n: warp_array(keyframe, motion(frames[n], frames[KEY]))


def _row(pictures: Sequence[Pixels], truth: Sequence[Pixels], frames: Sequence[Pixels], own: float) -> Row:
    pairs = zip(pictures, truth, strict=True)
    figures = {n: (metrics.psnr(a, b), _ssim(a, b)) for n, (a, b) in enumerate(pairs) if n != KEY}
    detail = np.mean([metrics.detail(a, b) for a, b in zip(pictures, truth, strict=True)])
    return Row(figures, metrics.e_warp(pictures, frames) / own, float(detail))


def _ssim(ours: Pixels, truth: Pixels) -> float:
    return float(structural_similarity(ours, truth, channel_axis=2, data_range=255))


def _print_row(name: str, cells: Sequence[float] | NDArray) -> None:
    *figures, flicker, detail = cells
    pairs = "".join(
        f"{psnr:8.2f} {ssim:6.3f}" for psnr, ssim in zip(figures[::2], figures[1::2], strict=True)
    )
    print(f"{name:24}{pairs}  {flicker:6.2f}  {detail:6.2f}", flush=True)


def _write_sheet(
    path: Path, frames: Sequence[Pixels], truth: Sequence[Pixels], results: Mapping[str, Sequence[Pixels]]
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = (2, 14, KEY, 26, 38)
    rows = [frames, truth, results["warped"], results["table"], results["vidgan"]]
    write_picture(path, np.vstack([np.hstack([row[n] for n in shown]) for row in rows]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--media", default="../shared/media")
    parser.add_argument("--clips", nargs="+", choices=CLIPS, default=list(CLIPS))
    parser.add_argument("--looks", nargs="+", choices=LOOKS, default=list(LOOKS))
    parser.add_argument("--budget", type=float, help="seconds of training (default: the recipe's)")
    parser.add_argument("--recipe", default="keyframe")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", default="out/keyframe")
    return parser.parse_args()


if __name__ == "__main__":
    main()

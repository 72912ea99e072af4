"""The main job's figures: volcano -> goose by a recipe, beside the published rows.

    python benchmarks/draft.py [--media FOLDER] [--recipe draft] [--set train.seed=1] [--out out/bench]

Trains on the clip and the target, renders the whole clip, and measures design figures (metrics.py): on
the five published frames each translated by itself, and flicker on the rendered clip.
"""

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import vidgan
from vidgan import metrics
from vidgan.gan.look import Translator, load_look
from vidgan.media import open_clip, read_picture, write_picture
from vidgan.resample import to_pixels, to_tensor

PUBLISHED = {
    "structural-analogy, published": (0.0164, 27.5, 26.9, 0.928, 1.25),
    "the thesis, published": (0.0254, 23.5, 24.7, 0.724, 0.81),
}
FLICKER_FRAMES = 40


def main() -> None:
    arguments = _arguments()
    clip, target = arguments.media / "volcano.mp4", arguments.media / "goose.png"
    if not clip.is_file():
        raise SystemExit(
            f"{clip} is not here: pass --media FOLDER with volcano.mp4, goose.png and published/"
        )
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        look = Path(folder) / "look.safetensors"
        trained = vidgan.train(clip, target, look, pipeline=arguments.recipe, overrides=arguments.set)
        print(f"{arguments.recipe}: trained {trained.train_seconds:.1f} s, steps {trained.steps}")
        _print_rows(look, arguments)
        _print_flicker(clip, look, Path(folder))


def _print_rows(look: Path, arguments: argparse.Namespace) -> None:
    target = read_picture(arguments.media / "goose.png")
    sources = [
        read_picture(path) for path in sorted((arguments.media / "published").glob("volcano_source_*.png"))
    ]
    print(f"{'':32}  appearance  coherence  completeness  structure  detail")
    for name, row in PUBLISHED.items():
        _print_row(name, row)
    for strength in arguments.strengths:
        results = _translated(look, sources, strength)
        _print_row(f"{arguments.recipe}, strength {strength}", _figures(results, sources, target))
        write_picture(arguments.out / f"volcano-goose-{strength}.png", _sheet(sources, results))


def _translated(look: Path, sources: list[np.ndarray], strength: float) -> list[np.ndarray]:
    loaded = load_look(look)
    settings = type(loaded.recipe.translate)(strength=strength)
    translate = Translator(loaded, torch.device("cpu"), settings)
    return [to_pixels(translate(to_tensor(source))) for source in sources]


def _figures(results: list[np.ndarray], sources: list[np.ndarray], target: np.ndarray) -> tuple[float, ...]:
    against_target = (metrics.appearance, metrics.coherence, metrics.completeness)
    rows = [
        [
            *(figure(result, target) for figure in against_target),
            metrics.structure(result, source),
            metrics.detail(result, target),
        ]
        for result, source in zip(results, sources, strict=True)
    ]
    return tuple(np.mean(rows, axis=0))


def _print_row(name: str, row: tuple[float, ...]) -> None:
    a, c, m, s, d = row
    print(f"{name:32}  {a:10.4f}  {c:9.1f}  {m:12.1f}  {s:9.3f}  {d:6.2f}")


def _print_flicker(clip: Path, look: Path, folder: Path) -> None:
    for window in (0, 1, 2):
        out = folder / f"window-{window}.mkv"
        began = time.monotonic()
        vidgan.render(clip, look, out, overrides=[f"smooth.window={window}"])
        seconds = time.monotonic() - began
        results, sources = (
            [frame.pixels for frame in open_clip(path).frames(0, FLICKER_FRAMES)] for path in (out, clip)
        )
        crisp = np.mean([metrics.detail(result, sources[0]) for result in results])
        flicker = metrics.e_warp(results, sources)
        print(f"window {window}: e_warp {flicker:.5f}, detail over source {crisp:.2f}, {seconds:.1f} s")


def _sheet(sources: list[np.ndarray], results: list[np.ndarray]) -> np.ndarray:
    return np.vstack([np.hstack(sources), np.hstack(results)])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--media", type=Path, default=Path("../shared/media"))
    parser.add_argument("--recipe", default="draft")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--strengths", type=float, nargs="+", default=[0.0, 0.25, 0.5, 1.0])
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    return parser.parse_args()


if __name__ == "__main__":
    main()

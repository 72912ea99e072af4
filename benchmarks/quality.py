"""How good are the pictures? The figures of vidgan/metrics.py for the published pairs, and contact sheets.

    python benchmarks/quality.py [--media FOLDER] [--pair volcano-goose] [--recipe balanced] [--budget 180]
                                 [--seeds 0 1 2] [--strengths 0 0.5 1] [--set train.channels=48]
                                 [--ablate] [--device auto] [--out out/quality]

Trains on each pair by the recipe and prints its figures at several strengths beside the published rows,
the seconds of each stage and the peak memory; writes a sheet (source, target, results) for each. --ablate
trains once for each of the named changes, at an equal budget, and prints a row for each.
"""

import argparse
import os
import platform
import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import torch

from vidgan import metrics
from vidgan.config import load_recipe
from vidgan.gan.device import choose_device
from vidgan.gan.look import Look
from vidgan.gan.training import Trained
from vidgan.jobs.options import Watch
from vidgan.jobs.subject import choose_footage
from vidgan.jobs.training import Footage, train_look
from vidgan.keyframes import survey
from vidgan.media import Clip, open_clip, read_picture, write_picture
from vidgan.resample import resize, to_pixels, to_tensor

SIDE_PX = 220
MOST_FRAMES = 8  # beside the pair's own: what train.frames can ask for here
PAIRS = {
    "volcano-goose": ("volcano.mp4", "goose.png"),
    "pyramids-mountain": ("pyramids.jpg", "mountain.jpg"),
    "tiles-cracks": ("tiles.png", "cracks.png"),
    "letter-goose": ("letter.png", "goose.png"),
    "eggs-bowls": ("eggs.jpg", "bowls.jpg"),
    "bunny-tiles": ("bunny.mp4", "tiles.png"),
}
NAMES = ("appearance", "coherence", "completeness", "structure", "detail", "shape")
PUBLISHED = {
    "structural-analogy": (0.0164, 27.5, 26.9, 0.928, 1.25),
    "the thesis": (0.0254, 23.5, 24.7, 0.724, 0.81),
}
AIM = (0.015, 25.0, 25.5, 0.93, 1.0)
ABLATIONS = {
    "the recipe": (),
    "objective non-saturating": ("train.objective=non-saturating",),
    "objective wgan-gp": ("train.objective=wgan-gp",),
    "no critics": ("train.lambda_adv=0",),
    "no patch distributions": ("train.lambda_patch=0",),
    "patches not whitened": ("train.patch_whitening=0",),
    "no cycle": ("train.lambda_cyc=0",),
    "no arrangements drawn": ("train.arranged_every=0",),
    "nothing redrawn": ("train.redraw_steps=0",),
    "no analogies drawn": ("train.imitated_every=0",),
    "tones as they are": ("translate.match_tones=0",),
    "no rebuilding": ("train.lambda_rec=0",),
    "no pictures of noise alone": ("train.generated_every=0",),
    "24 channels": ("train.channels=24",),
    "48 channels": ("train.channels=48",),
    "4 more frames": ("train.frames=4",),
    "coarsest 40 px": ("train.coarsest_px=40",),
    "stages of equal time": ("train.stage_growth=1",),
}


@dataclass(frozen=True)
class Case:
    """A pair to train on, and the frames that its figures are measured on, (H, W, 3) uint8 all."""

    name: str
    footage: Footage
    target: np.ndarray
    sources: Sequence[np.ndarray]
    is_clip: bool


def main() -> None:
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    device = choose_device(arguments.device)
    print(f"{_machine(device)}, torch {torch.__version__}, {date.today()}")
    for name in arguments.pair or PAIRS:
        case = read_case(name, arguments)
        changes = ABLATIONS if arguments.ablate else {"": ()}
        _print_head(case)
        for change, overrides in changes.items():
            rows = [measure(case, change, overrides, seed, arguments, device) for seed in arguments.seeds]
            if len(rows) > 1:
                _print_spread(rows)


def measure(
    case: Case,
    change: str,
    overrides: Sequence[str],
    seed: int,
    arguments: argparse.Namespace,
    device: torch.device,
) -> np.ndarray:
    """Train once; print a row for each strength and direction. Returns the row at the default strength."""
    recipe = load_recipe(arguments.recipe, [*_overrides(arguments, seed), *overrides])
    began = time.monotonic()
    footage = replace(case.footage, others=case.footage.others[: recipe.train.frames])
    look, trained = train_look(footage, case.target, recipe, device, Watch())
    seconds = time.monotonic() - began
    default = recipe.translate.strength
    strengths = [default] if arguments.ablate else arguments.strengths or sorted({0.0, default, 0.5, 1.0})
    results = {}
    for strength in strengths:
        results[strength] = _translated(look, case.sources, strength, device)
        row = figures(results[strength], case.sources, case.target)
        _print_row(f"{change or arguments.recipe}, seed {seed}, strength {strength:g}", row)
    if not case.is_clip and not arguments.ablate:
        _print_way_back(case, look, strengths, device, seed)
    _print_cost(trained, seconds)
    label = "-".join([case.name, *change.split(), str(seed)])
    write_picture(arguments.out / f"{label}.png", _sheet(case, look, results, device))
    return figures(results.get(default, next(iter(results.values()))), case.sources, case.target)


def figures(results: Sequence[np.ndarray], sources: Sequence[np.ndarray], target: np.ndarray) -> np.ndarray:
    """NAMES, each the mean over all results."""
    rows = [
        (
            metrics.appearance(result, target),
            metrics.coherence(result, target),
            metrics.completeness(result, target),
            metrics.structure(result, source),
            metrics.detail(result, target),
            metrics.shape(result, target),
        )
        for result, source in zip(results, sources, strict=True)
    ]
    return np.mean(rows, axis=0)


def read_case(name: str, arguments: argparse.Namespace) -> Case:
    """The pair from the media folder; pictures are brought to the published size."""
    source, target = (arguments.media / file for file in PAIRS[name])
    if not source.is_file() or not target.is_file():
        raise SystemExit(f"{source} or {target} is not here: pass --media FOLDER, or another --pair")
    if source.suffix == ".mp4":
        clip = open_clip(source)
        found = survey(clip.frames())
        footage = choose_footage(clip, found, found.representative, MOST_FRAMES)
        published = sorted((arguments.media / "published").glob("volcano_source_*.png"))
        if source.stem != "volcano":
            small, sources = _small_clip(clip, footage)
            return Case(name, small, read_picture(target), sources, is_clip=True)
        sources = [read_picture(path) for path in published] or [footage.frame]
        return Case(name, footage, read_picture(target), sources, is_clip=True)
    picture = _square(read_picture(source))
    return Case(name, Footage(picture), _square(read_picture(target)), [picture], is_clip=False)


def _overrides(arguments: argparse.Namespace, seed: int) -> list[str]:
    budget = [f"train.seconds={arguments.budget:g}", "train.steps=0"] if arguments.budget else []
    return [f"train.seed={seed}", *budget, *arguments.set]


def _translated(
    look: Look, sources: Sequence[np.ndarray], strength: float, device: torch.device, reverse: bool = False
) -> list[np.ndarray]:
    translate = look.translation(device, replace(look.recipe.translate, strength=strength, reverse=reverse))
    return [to_pixels(translate(to_tensor(source))) for source in sources]


def _print_way_back(
    case: Case, look: Look, strengths: Sequence[float], device: torch.device, seed: int
) -> None:
    for strength in strengths:
        back = _translated(look, [case.target], strength, device, reverse=True)
        _print_row(
            f"  and back, seed {seed}, strength {strength:g}",
            figures(back, [case.target], case.footage.frame),
        )


def _print_head(case: Case) -> None:
    print(f"\n{case.name}\n{'':44}" + "".join(f"{name:>14}" for name in NAMES))
    if case.name == "volcano-goose":
        for name, row in (*PUBLISHED.items(), ("aim", AIM)):
            _print_row(name, np.array(row))


def _print_row(name: str, row: np.ndarray) -> None:
    digits = (4, 1, 1, 3, 2, 1)
    print(f"{name:44}" + "".join(f"{v:14.{d}f}" for v, d in zip(row, digits, strict=False)), flush=True)


def _print_spread(rows: Sequence[np.ndarray]) -> None:
    columns = list(zip(*rows, strict=True))
    worst = [_worst(name, column) for name, column in zip(NAMES, columns, strict=True)]
    _print_row("median of the seeds", np.array([statistics.median(column) for column in columns]))
    _print_row("worst of the seeds", np.array(worst))


def _worst(name: str, values: Sequence[float]) -> float:
    if name == "detail":
        return max(values, key=lambda value: abs(value - 1))
    return min(values) if name == "structure" else max(values)


def _print_cost(trained: Trained, seconds: float) -> None:
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    stages = ", ".join(f"{s:.0f}" for s in trained.seconds)
    health = ", ".join(f"structure {h.structure:.3f} distance {h.distance:.2f}" for h in trained.health)
    print(
        f"    {seconds:.0f} s in all, steps {trained.steps} in {stages} s, peak so far {peak_mib:.0f} MiB\n"
        f"    held out: {health}; findings: {'; '.join(trained.findings) or 'none'}"
    )


def _sheet(
    case: Case, look: Look, results: dict[float, list[np.ndarray]], device: torch.device
) -> np.ndarray:
    """Sources, then a row for each strength; for pictures a row each way: source, strengths, target."""
    if case.is_clip:
        return np.vstack([np.hstack(list(case.sources)), *(np.hstack(row) for row in results.values())])
    back = [_translated(look, [case.target], s, device, reverse=True)[0] for s in results]
    there = [case.footage.frame, *(row[0] for row in results.values()), case.target]
    return np.vstack([np.hstack(there), np.hstack([case.target, *back, case.footage.frame])])


def _small_clip(clip: Clip, footage: Footage) -> tuple[Footage, list[np.ndarray]]:
    """The footage, and five frames from all over the clip, at the published pictures' height."""
    numbers = np.linspace(0, len(clip) - 1, 5).round().astype(int)
    others, held_out = ([_short(p) for p in pictures] for pictures in (footage.others, footage.held_out))
    return Footage(_short(footage.frame), others, held_out), [
        _short(clip.frame(int(n)).pixels) for n in numbers
    ]


def _short(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    return to_pixels(resize(to_tensor(picture), (SIDE_PX, round(width * SIDE_PX / height))))


def _square(picture: np.ndarray) -> np.ndarray:
    return to_pixels(resize(to_tensor(picture), (SIDE_PX, SIDE_PX)))


def _machine(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--media", type=Path, default=Path("../shared/media"))
    parser.add_argument("--pair", nargs="+", choices=PAIRS)
    parser.add_argument("--recipe", default="balanced")
    parser.add_argument("--budget", type=float, default=0.0, help="seconds of training, if not the recipe's")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--strengths", type=float, nargs="+", default=[])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--ablate", action="store_true")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path("out/quality"))
    return parser.parse_args()


if __name__ == "__main__":
    main()

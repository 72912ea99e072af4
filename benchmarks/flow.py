"""How right is the optical flow? Against the exact motion of the sample clip.

    python benchmarks/flow.py [--presets fast brisk medium] [--raft small FILE] [--apart 1 2] [--size 1]

Prints, over every fourth frame of the sample clip: the mean end-point error in pixels over what stays in
sight, that of the worst tenth of it, the share of pixels more than 1 px wrong, occlusion precision, recall
and F1 (the forward-backward check against the truth, hidden is positive), and the milliseconds of one flow.
--apart: how many frames further, the flows of neighbours composed. --size 2: frames drawn twice as large;
--max-side: no larger than this are flows measured, --refinements: then refined at full size.
"""

import argparse
import os
import platform
import time
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from truth import sample_scene

from vidgan.motion import DisFlow, FlowEstimator, RaftFlow, compose, visible

PRESETS = ("ultrafast", "fast", "brisk", "medium")


class Errors(NamedTuple):
    """Of one flow: each visible pixel's end-point error in px, and the counts of hidden pixels."""

    end_points: NDArray[np.float32]
    right: int
    wrong: int
    missed: int


def main() -> None:
    arguments = _arguments()
    frames = [sample_scene().render(number, arguments.size) for number in range(96)]
    height, width = frames[0].shape[:2]
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(
        f"{machine}, {date.today()}; sample clip at {width}x{height}, flow at {arguments.max_side} px at most"
    )
    print(f"{'':24}{'EPE':>8}{'worst 10%':>11}{'> 1 px':>9}{'precision':>11}{'recall':>8}{'F1':>7}{'ms':>8}")
    for name, estimator in _estimators(arguments):
        for apart in arguments.apart:
            _print(f"{name}, {apart} apart", *measured(frames, estimator, apart, arguments.size))


def measured(
    frames: Sequence[NDArray], estimator: FlowEstimator, apart: int, size: int
) -> tuple[list[Errors], float]:
    """The errors from every fourth frame to the one so far behind it, and the seconds of a flow."""
    errors, seconds, flows = [], 0.0, 0
    for first in range(0, len(frames) - apart, 4):
        run = frames[first : first + apart + 1]
        began = time.perf_counter()
        forth = [estimator(a, b) for a, b in pairwise(run)]
        back = [estimator(b, a) for a, b in pairwise(run)][::-1]
        seconds, flows = seconds + time.perf_counter() - began, flows + 2 * apart
        there, home = forth[0], back[0]
        for one, other in zip(forth[1:], back[1:], strict=True):
            there, home = compose(there, one), compose(home, other)
        errors.append(_errors(there, visible(there, home), first, apart, size))
    return errors, seconds / flows


def _errors(flow: NDArray, seen: NDArray, first: int, apart: int, size: int) -> Errors:
    make = sample_scene()
    exact = _enlarged(make.exact_flow(first, first + apart), size) * size
    visible_truth = _enlarged(make.exact_visible(first, first + apart).astype(np.float32), size) > 0.5
    distance = np.linalg.norm(flow - exact, axis=-1)
    hidden, told = ~visible_truth, ~seen
    return Errors(
        distance[visible_truth],
        int((hidden & told).sum()),
        int((~hidden & told).sum()),
        int((hidden & ~told).sum()),
    )


def _enlarged(image: NDArray, size: int) -> NDArray:
    if size == 1:
        return image
    return cv2.resize(image, None, fx=size, fy=size, interpolation=cv2.INTER_LINEAR)


def _print(name: str, errors: Sequence[Errors], seconds: float) -> None:
    distances = np.concatenate([one.end_points for one in errors])
    right, wrong, missed = (sum(getattr(one, key) for one in errors) for key in ("right", "wrong", "missed"))
    precision, recall = right / max(1, right + wrong), right / max(1, right + missed)
    f1 = 2 * right / max(1, 2 * right + wrong + missed)
    worst = np.sort(distances)[-len(distances) // 10 :].mean()
    print(
        f"{name:24}{distances.mean():8.3f}{worst:11.3f}{(distances > 1).mean():9.1%}"
        f"{precision:11.2f}{recall:8.2f}{f1:7.2f}{1000 * seconds:8.1f}",
        flush=True,
    )


def _estimators(arguments: argparse.Namespace) -> list[tuple[str, FlowEstimator]]:
    found: list[tuple[str, FlowEstimator]] = [
        (f"DIS {preset}", DisFlow(preset, arguments.max_side, arguments.refinements))
        for preset in arguments.presets
    ]
    if arguments.raft:
        size, weights = arguments.raft
        raft = RaftFlow(Path(weights), arguments.device, size, arguments.max_side, arguments.refinements)
        found.append((f"RAFT {size}", raft))
    return found


def _arguments() -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--presets", nargs="*", default=list(PRESETS), choices=PRESETS)
    parser.add_argument("--raft", nargs=2, metavar=("SIZE", "FILE"))
    parser.add_argument("--apart", type=int, nargs="+", default=[1])
    parser.add_argument("--size", type=int, default=1)
    parser.add_argument("--max-side", type=int, default=960)
    parser.add_argument("--refinements", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


if __name__ == "__main__":
    main()

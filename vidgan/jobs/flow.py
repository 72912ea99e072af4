"""What optical flow makes of a clip: from one frame to another, as a picture."""

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidgan.config import DEFAULT_RECIPE, load_recipe
from vidgan.errors import UsageError
from vidgan.gan.device import choose_device
from vidgan.jobs.options import Options, Watch
from vidgan.jobs.rendering import estimator_for
from vidgan.jobs.source import frame_number, open_source
from vidgan.media import Clip, check_output, write_picture
from vidgan.media.output import PICTURES
from vidgan.motion import FlowEstimator, Step, compose_fields, in_steps, visible_field
from vidgan.resample import eight_bit

FARTHEST = 16
"""Frames: composed over more, a flow says little."""
_MOSTLY_HIDDEN = 0.5


@dataclass(frozen=True)
class FlowShown:
    """frame, to: from which frame to which. longest_px: the motion that has full colour; mean_px: of what
    stays in sight. hidden: the share of the frame, 0 to 1, that is not seen in the other.
    """

    out: Path
    frame: int
    to: int
    mean_px: float
    longest_px: float
    hidden: float

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "out": str(self.out)}


def flow(
    clip: str | Path,
    out: str | Path,
    *,
    at: str | int,
    to: str | int | None = None,
    pipeline: str | None = None,
    overrides: Sequence[str] = (),
    options: Options | None = None,
    watch: Watch | None = None,
) -> FlowShown:
    """Write a picture of the motion from one frame of a clip to another: the frame beside its flow.

    Hue is direction and saturation length, as on the wheel of Baker et al. (2011); black is what the other
    frame does not show. at, to: frame numbers or timecodes, `to` the next frame where None. pipeline,
    overrides: whose [flow] measures it. Between frames that are no neighbours the flows between
    neighbours are composed, as smoothing does. Raises VidganError.
    """
    options, watch = options or Options(), watch or Watch()
    device = choose_device(options.device)
    check_output(out, [clip], overwrite=options.overwrite, endings=PICTURES)
    recipe = load_recipe(pipeline or DEFAULT_RECIPE, overrides)
    estimator = estimator_for(recipe, device, options.raft_weights)
    source = open_source(clip, options, watch)
    first, last = _chosen(source, at, to)
    there, back, picture = _between(source, first, last, estimator)
    seen = visible_field(there, back)
    write_picture(out, np.hstack([eight_bit(picture), coloured(there, seen)]))
    shown = _measured(Path(out), first, last, there, seen)
    if shown.hidden > _MOSTLY_HIDDEN:
        watch.notice(
            f"{shown.hidden:.0%} of frame {first} is not found again in frame {last}: a cut lies between "
            "them, or the motion is too fast to be measured; a nearer frame (--to) may show more"
        )
    return shown


def coloured(flow_px: Tensor, seen: Tensor) -> NDArray[np.uint8]:
    """(1, 2, H, W), (1, 1, H, W) bool -> (H, W, 3): the colour wheel, black where nothing is seen."""
    from torchvision.utils import flow_to_image

    shown = flow_to_image(flow_px * seen)[0] * seen[0]  # its longest vector gets full colour
    return np.ascontiguousarray(shown.permute(1, 2, 0).numpy().astype(np.uint8))


def _chosen(clip: Clip, at: str | int, to: str | int | None) -> tuple[int, int]:
    first = frame_number(clip, at)
    if len(clip) == 1:
        raise UsageError(
            f"{clip.path} has a single frame, in which nothing moves: give a clip of two or more"
        )
    if to is None and first == len(clip) - 1:
        raise UsageError(f"frame {first} is the last of {clip.path}: name the other one, --to {first - 1}")
    last = first + 1 if to is None else frame_number(clip, to)
    if first == last:
        raise UsageError(f"from frame {first} to itself nothing moves: name another frame with --to")
    if abs(last - first) > FARTHEST:
        raise UsageError(
            f"frames {first} and {last} are {abs(last - first)} frames apart: "
            f"flow is shown over at most {FARTHEST}; name a nearer one with --to"
        )
    return first, last


def _between(clip: Clip, first: int, last: int, estimator: FlowEstimator) -> tuple[Tensor, Tensor, NDArray]:
    """Flow from the first frame to the last, the way back, and the first frame's pixels."""
    low, high = min(first, last), max(first, last)
    with closing(clip.frames(low, high + 1)) as frames:
        forth, back = _composed(step for _, step in in_steps(frames, estimator) if step is not None)
    there, home = (forth, back) if first < last else (back, forth)
    return there, home, clip.frame(first).pixels


def _composed(steps: Iterable[Step]) -> tuple[Tensor, Tensor]:
    """From the first step's earlier frame to the last one's later frame, and back."""
    forth = back = None
    for step in steps:
        forth = step.forth if forth is None else compose_fields(forth, step.forth)
        back = step.back if back is None else compose_fields(step.back, back)
    assert forth is not None
    assert back is not None
    return forth, back


def _measured(out: Path, first: int, last: int, there: Tensor, seen: Tensor) -> FlowShown:
    lengths = torch.linalg.vector_norm(there, dim=1, keepdim=True)[seen]
    mean, longest = (float(lengths.mean()), float(lengths.max())) if len(lengths) else (0.0, 0.0)
    return FlowShown(out, first, last, mean, longest, 1 - float(seen.float().mean()))

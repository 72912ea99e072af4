"""Optical flow between frames, and what follows from it: longer steps and occlusion.

A flow from a to b is (H, W, 2) float32 in pixels, channel 0 along x: a(p) shows what b(p + flow(p)) shows.
"""

import math
import threading
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidgan.errors import DeviceError, MediaError
from vidgan.resample import eight_bit, to_field, to_tensor, warp

Flow = NDArray[np.float32]

# OpenCV's own, and brisk: medium's finest scale (half the size) with fast's patches, as good to carry
# keyframes by in about half of medium's time.
_DIS_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "brisk": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}
_RAFT_SIZES = ("small", "large")
# DIS chooses its coarsest level by the width: where that has no room for a patch in the height, OpenCV
# refuses the picture, crashes or measures NaN (seen at 640x24, 400x24 and 400x16).
_DIS_SMALLEST, _DIS_LONGEST_SHAPE = 32, 8
# RAFT's features are an eighth of the picture, and its correlation pyramid halves them three times.
_RAFT_SMALLEST, _RAFT_MULTIPLE = 128, 8


class FlowEstimator(Protocol):
    """Anything that measures motion: pixels a, b (H, W, 3) RGB to the flow from a to b."""

    def __call__(self, a: NDArray, b: NDArray) -> Flow: ...


def flow_estimator(
    backend: str = "dis",
    preset: str = "fast",
    weights: Path | None = None,
    device: torch.device | str = "cpu",
    max_side: int = 960,
    refinements: int = 0,
) -> FlowEstimator:
    """The estimator that a recipe names: dis, raft-small or raft-large.

    preset is for dis, weights and device for raft. Frames whose longer side exceeds max_side are measured
    at that size; their flow is enlarged and refined so many times. Raises ValueError for an unknown name,
    MediaError and DeviceError as RaftFlow does.
    """
    if backend == "dis":
        return DisFlow(preset, max_side, refinements)
    if backend in ("raft-small", "raft-large"):
        return RaftFlow(weights, device, backend.removeprefix("raft-"), max_side, refinements)
    raise ValueError(f"unknown flow backend {backend!r}: choose dis, raft-small or raft-large")


class DisFlow:
    """Dense inverse search (Kroeger et al. 2016) by OpenCV, on the CPU.

    max_side, refinements: as in flow_estimator. Threads may share it: OpenCV's own object is each one's own.
    """

    def __init__(self, preset: str = "fast", max_side: int = 960, refinements: int = 0) -> None:
        if preset not in _DIS_PRESETS:
            raise ValueError(f"unknown DIS preset {preset!r}: choose one of {', '.join(_DIS_PRESETS)}")
        self._preset, self._own = preset, threading.local()
        self._max_side, self._refinements = max_side, refinements

    def __call__(self, a: NDArray, b: NDArray) -> Flow:
        grey_a, grey_b = _grey(a), _grey(b)
        size = _reduced_size(a.shape[:2], self._max_side)
        smallest = max(_DIS_SMALLEST, math.ceil(max(size) / _DIS_LONGEST_SHAPE))
        small_a, small_b = (_at_least(_shrink(x, size), smallest) for x in (grey_a, grey_b))
        flow = self._dis().calc(small_a, small_b, None)[: size[0], : size[1]]
        return _at_full_size(flow, grey_a, grey_b, self._refinements)

    def _dis(self) -> Any:
        if not hasattr(self._own, "dis"):
            self._own.dis = _new_dis(self._preset)
        return self._own.dis


def _new_dis(preset: str) -> Any:
    dis: Any = cv2.DISOpticalFlow.create(_DIS_PRESETS[preset])
    if preset == "brisk":
        dis.setPatchStride(4)
        dis.setGradientDescentIterations(16)
        dis.setVariationalRefinementIterations(2)
    return dis


class RaftFlow:
    """RAFT (Teed and Deng 2020) as torchvision has it, with weights that are already on this machine.

    weights: a state dict saved by torch; None looks for torchvision's own in torch's hub cache.
    Nothing is ever fetched. Raises MediaError where the weights are missing or of another network,
    DeviceError where the device does not exist.
    """

    def __init__(
        self,
        weights: Path | None = None,
        device: torch.device | str = "cpu",
        size: str = "small",
        max_side: int = 960,
        refinements: int = 0,
    ) -> None:
        if size not in _RAFT_SIZES:
            raise ValueError(f"unknown RAFT size {size!r}: choose small or large")
        self._network = _load_raft(weights or _cached_raft_weights(size), size)
        self._device = torch.device(device)
        self._max_side, self._refinements = max_side, refinements
        try:
            self._network.to(self._device)
        except (RuntimeError, AssertionError) as error:
            raise DeviceError(f"RAFT cannot run on {device}: {_first_line(error)}; use cpu or dis") from error

    @torch.inference_mode()
    def __call__(self, a: NDArray, b: NDArray) -> Flow:
        size = _reduced_size(a.shape[:2], self._max_side)
        pair = [self._prepare(_shrink(x, size)) for x in (a, b)]
        flow = _from_field(self._network(*pair)[-1])  # the last of its refinements
        return _at_full_size(flow[: size[0], : size[1]], _grey(a), _grey(b), self._refinements)

    def _prepare(self, pixels: NDArray) -> Tensor:
        return to_tensor(_at_least(pixels, _RAFT_SMALLEST, _RAFT_MULTIPLE), self._device)


def compose(ab: Flow, bc: Flow) -> Flow:
    """The flow from a to c through b: f_ac(p) = f_ab(p) + f_bc(p + f_ab(p))."""
    return _from_field(compose_fields(to_field(ab), to_field(bc)))


def visible(forward: Flow, backward: Flow) -> NDArray[np.bool_]:
    """Where a pixel of a is also seen in b: (H, W), True where the way there and back comes home.

    forward: from a to b; backward: from b to a. The test is that of Sundaram et al. 2010, eq. 5:
    |f + b'|^2 <= 0.01 (|f|^2 + |b'|^2) + 0.5, with b' the way back found at the target. Targets
    outside the frame are not seen.
    """
    return visible_field(to_field(forward), to_field(backward))[0, 0].numpy()


def compose_fields(ab: Tensor, bc: Tensor) -> Tensor:
    """compose for flows as tensors (1, 2, H, W), on any device."""
    return ab + warp(bc, ab)


def visible_field(forward: Tensor, backward: Tensor) -> Tensor:
    """visible for flows as tensors (1, 2, H, W), on any device: (1, 1, H, W) bool."""
    way_back = warp(backward, forward)
    miss = _squared_length(forward + way_back)
    allowed = 0.01 * (_squared_length(forward) + _squared_length(way_back)) + 0.5
    return (miss <= allowed) & _inside(forward)


def enlarge(flow: Flow, size: tuple[int, int]) -> Flow:
    """A flow at another size (height, width), its vectors scaled with it."""
    height, width = flow.shape[:2]
    if (height, width) == tuple(size):
        return np.ascontiguousarray(flow)
    scale = np.array([size[1] / width, size[0] / height], np.float32)
    return cv2.resize(flow, (size[1], size[0]), interpolation=cv2.INTER_LINEAR) * scale


def _at_full_size(flow: Flow, a: NDArray, b: NDArray, refinements: int) -> Flow:
    """A flow that was measured small at the size of a and b, grey (H, W), fitted to them anew.

    Variational refinement (Brox et al. 2004, as DIS ends with), which keeps large buffers while it lives.
    """
    whole = enlarge(flow, a.shape[:2])
    if not refinements or flow.shape[:2] == a.shape[:2]:
        return whole
    refinement: Any = cv2.VariationalRefinement.create()
    refinement.setFixedPointIterations(refinements)
    return np.asarray(refinement.calc(a, b, whole), np.float32)


def _inside(flow: Tensor) -> Tensor:
    height, width = flow.shape[-2:]
    x = flow[:, :1] + torch.arange(width, device=flow.device)
    y = flow[:, 1:] + torch.arange(height, device=flow.device)[:, None]
    # Half a pixel outside is still nearest to the border's own.
    return (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)


def _squared_length(flow: Tensor) -> Tensor:
    x, y = flow[:, :1], flow[:, 1:]
    return x * x + y * y  # a tenth of the time of ** 2


def _from_field(field: Tensor) -> Flow:
    return np.ascontiguousarray(field[0].permute(1, 2, 0).cpu().numpy())


def _reduced_size(size: tuple[int, ...], max_side: int) -> tuple[int, int]:
    scale = min(1.0, max_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _shrink(pixels: NDArray, size: tuple[int, int]) -> NDArray:
    if pixels.shape[:2] == size:
        return pixels
    return cv2.resize(pixels, (size[1], size[0]), interpolation=cv2.INTER_AREA)


def _grey(pixels: NDArray) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(eight_bit(pixels), cv2.COLOR_RGB2GRAY), np.uint8)


def _at_least(image: NDArray, smallest: int, multiple: int = 1) -> NDArray:
    """Repeat the border below and to the right, which leaves the flow of the rest in its place."""
    bottom, right = (max(smallest, math.ceil(side / multiple) * multiple) - side for side in image.shape[:2])
    if not bottom and not right:
        return image
    return cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)


def _cached_raft_weights(size: str) -> Path:
    from torchvision.models.optical_flow import Raft_Large_Weights, Raft_Small_Weights

    choice = Raft_Large_Weights.DEFAULT if size == "large" else Raft_Small_Weights.DEFAULT
    return Path(torch.hub.get_dir()) / "checkpoints" / choice.url.rpartition("/")[2]


def _load_raft(path: Path, size: str) -> torch.nn.Module:
    from torchvision.models.optical_flow import raft_large, raft_small

    if not path.is_file():
        raise MediaError(
            f"no RAFT weights at {path}, and none are ever fetched. Put raft_{size}'s file there,"
            " name another, or use flow.backend dis"
        )
    network = (raft_large if size == "large" else raft_small)(weights=None)
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # unpickling raises nearly anything for a file that is something else
        raise MediaError(
            f"{path} does not hold the weights of raft_{size}: {_first_line(error)}."
            f" Give torchvision's file for raft_{size}"
        ) from error
    return network.eval().requires_grad_(False)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(":. ")

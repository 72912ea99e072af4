"""A generator's stages compiled by OpenVINO, for pictures of one size on a CPU.

The graph is put together operation by operation, which takes no tracing and a tenth of a second. It says what
generator.py says; noise goes through the level's convolution as a fourth channel, which spares a pass.
"""

import sys
import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from vidgan.gan.generator import LEAK, Stage
from vidgan.gan.pyramid import Size
from vidgan.gan.threads import frames_at_once


class Compiled:
    """Stages ready to be run, as compile_stages makes them; by several threads at once."""

    def __init__(self, model: Any) -> None:
        self._model, self._own = model, threading.local()

    def __call__(
        self, told: Sequence[Tensor], noises: Sequence[Tensor], below: Tensor | None = None
    ) -> Tensor:
        """told, noises: (B, 3, h, w) and (B or 1, 1, h, w), one a stage, coarsest first; below: (B, C, h, w).

        Returns what is drawn, (B, 3, H, W) in [-1, 1], or features, (B, C, H, W); float32. Pictures of a
        batch go one after another.
        """
        given = [*told, *noises, *([] if below is None else [below])]
        each = range(len(told[0]))
        return torch.cat([self._one([x[number % len(x)][None] for x in given]) for number in each])

    def _one(self, given: Sequence[Tensor]) -> Tensor:
        arrays = [x.float().contiguous().numpy() for x in given]
        return torch.from_numpy(self._request().infer(arrays, share_inputs=True)[0])

    def _request(self) -> Any:
        """Each thread's own: one serves one picture at a time."""
        if not hasattr(self._own, "request"):
            self._own.request = self._model.create_infer_request()
        return self._own.request


def compile_stages(
    stages: Sequence[nn.Module],
    tail: nn.Module | None,
    sizes: Sequence[Size],
    precision: torch.dtype,
    has_below: bool = False,
) -> Compiled:
    """Make some consecutive stages ready for pictures whose levels have these sizes.

    tail: what makes a picture of the last features; None: they are the result. has_below: the first stage
    adds to features from below, already of its own size. Results do not depend on the number of threads,
    nor on what was drawn before.
    """
    graph = _Graph()
    levels, noises = ([graph.parameter(channels, size) for size in sizes] for channels in (3, 1))
    below = [graph.parameter(_channels(stages[0]), sizes[0])] if has_below else []
    features = below[0] if below else None
    for number, (stage, level, noise) in enumerate(zip(stages, levels, noises, strict=True)):
        if number:
            features = graph.enlarged(features, sizes[number])
        features = graph.stage(stage, level, noise, features)
    result = features if tail is None else graph.picture(features, tail)
    return Compiled(graph.compiled(result, [*levels, *noises, *below], precision))


def _channels(stage: nn.Module) -> int:
    assert isinstance(stage, Stage)
    return stage.inject.out_channels


class _Graph:
    """The operations of generator.py, as OpenVINO's."""

    def __init__(self) -> None:
        self.ov = import_openvino()
        self.op = self.ov.opset13

    def compiled(self, result: Any, parameters: Sequence[Any], precision: torch.dtype) -> Any:
        model = self.ov.Model([result], parameters)
        return _core().compile_model(model, "CPU", self._settings(precision))

    def picture(self, features: Any, tail: nn.Module) -> Any:
        return self.op.tanh(self._convolution(features, tail))

    def _settings(self, precision: torch.dtype) -> dict[str, Any]:
        at_once = frames_at_once(torch.device("cpu"))
        return {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == torch.bfloat16 else "f32",
            "NUM_STREAMS": at_once,
            "INFERENCE_NUM_THREADS": at_once * torch.get_num_threads(),
            "ENABLE_CPU_PINNING": False,  # decoding, flow and encoding want the same cores
        }

    def stage(self, stage: nn.Module, level: Any, noise: Any, below: Any | None) -> Any:
        assert isinstance(stage, Stage)
        weight = torch.cat([stage.inject.weight, torch.zeros_like(stage.inject.weight[:, :1])], 1)
        weight[:, 3, 1, 1] = stage.noise_gain.flatten()
        x = self._convolved(self.op.concat([level, noise], 1), weight, stage.inject.bias)
        if below is not None:
            x = self.op.add(x, below)
        refined = x
        for conv in stage.blocks:
            refined = self.op.prelu(self._convolution(refined, conv), self._constant([LEAK]))
        return self.op.add(x, refined)

    def _convolution(self, x: Any, conv: nn.Module) -> Any:
        assert isinstance(conv, nn.Conv2d)
        return self._convolved(x, conv.weight, conv.bias)

    def _convolved(self, x: Any, weight: Tensor, bias: Tensor | None) -> Any:
        assert bias is not None
        one = [1, 1]
        x = self.op.convolution(x, self._constant(weight), one, one, one, one)
        return self.op.add(x, self._constant(bias.view(1, -1, 1, 1)))

    def enlarged(self, x: Any, size: Size) -> Any:
        sizes, axes = (self.op.constant(list(pair), self.ov.Type.i64) for pair in (size, (2, 3)))
        none = [0, 0, 0, 0]
        return self.op.interpolate(
            x,
            sizes,
            "linear_onnx",
            "sizes",
            pads_begin=none,
            pads_end=none,
            coordinate_transformation_mode="half_pixel",
            axes=axes,
        )

    def parameter(self, channels: int, size: Size) -> Any:
        return self.op.parameter([1, channels, *size])  # float32

    def _constant(self, values: Any) -> Any:
        return self.op.constant(torch.as_tensor(values).detach().float().cpu().contiguous().numpy())


@cache
def _core() -> Any:
    """One for as long as the process lives.

    Each gives a thread an alternate signal stack, for AMX, and takes it away when it goes: of two, one stayed
    in use that was freed, and the next Ctrl-C crashed the process (OpenVINO 2026.4.1).
    """
    return import_openvino().Core()


def import_openvino() -> Any:
    """OpenVINO without its telemetry, which would tell Google Analytics of this import, unasked.

    Where openvino_telemetry is not installed, OpenVINO puts something in its place that sends nothing. For
    the time of the import, it is as if it were not.
    """
    absent = "openvino_telemetry" not in sys.modules
    if absent:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino
        import openvino.opset13
    finally:
        if absent:
            del sys.modules["openvino_telemetry"]
    return openvino

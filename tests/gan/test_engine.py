import os
import subprocess
import sys

import pytest
import torch

from vidgan.errors import DeviceError, UsageError
from vidgan.gan import engine as engines
from vidgan.gan.engine import Engine, require_engine, require_torch
from vidgan.gan.generator import Generator
from vidgan.gan.noise import draw_noise

CPU = torch.device("cpu")
SIZES = [(41, 57), (82, 113)]
LEVEL = 1 / 127.5  # of 255, in the range [-1, 1]


def told(batch: int = 1) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    rng = torch.Generator().manual_seed(0)
    levels = [torch.rand(batch, 3, h, w, generator=rng) * 2 - 1 for h, w in SIZES]
    return levels, draw_noise(SIZES, rng)


def openvino_or_skip() -> None:
    if not engines.has_openvino():
        pytest.skip("openvino is not installed")


@pytest.fixture
def generator() -> Generator:
    return Generator(8, 3, 2).to(memory_format=torch.channels_last)  # as for rendering


@pytest.fixture
def by_openvino(generator: Generator) -> Engine:
    openvino_or_skip()
    return Engine(generator, "openvino", "fp32", CPU)


@torch.inference_mode()
@pytest.mark.parametrize("tile_px", [0, 32])
def test_openvino_draws_what_torch_draws(generator: Generator, by_openvino: Engine, tile_px: int) -> None:
    by_torch = Engine(generator, "torch", "fp32", CPU).draw(*told())
    difference = by_openvino.draw(*told(), tile_px) - by_torch
    assert float(difference.abs().max()) < LEVEL / 10
    assert float(by_torch.abs().max()) > LEVEL


@torch.inference_mode()
def test_openvino_has_the_same_bits_whatever_was_drawn_before(by_openvino: Engine) -> None:
    levels, noises = told()
    first = by_openvino.draw(levels, noises)
    by_openvino.draw([-level for level in levels], noises)
    assert torch.equal(first, by_openvino.draw(levels, noises))


@torch.inference_mode()
def test_openvino_has_the_same_bits_with_any_number_of_threads(generator: Generator) -> None:
    openvino_or_skip()
    before, drawn = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            drawn.append(Engine(generator, "openvino", "fp32", CPU).draw(*told()))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[0], drawn[2])


@torch.inference_mode()
@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_a_batch_has_the_bits_of_each_alone(generator: Generator, name: str) -> None:
    if name == "openvino":
        openvino_or_skip()
    engine, (levels, noises) = Engine(generator, name, "fp32", CPU), told(batch=3)
    together = engine.draw(levels, noises)
    for number in range(3):
        assert torch.equal(together[number], engine.draw([x[number][None] for x in levels], noises)[0])


@torch.inference_mode()
def test_openvino_takes_frames_of_another_size(by_openvino: Engine) -> None:
    assert by_openvino.draw(*told()).shape[-2:] == (82, 113)
    smaller = [[x[..., :40, :50] for x in xs] for xs in told()]
    assert by_openvino.draw(*smaller).shape[-2:] == (40, 50)


@torch.inference_mode()
def test_openvino_draws_with_a_single_stage() -> None:
    openvino_or_skip()
    levels, noises = (xs[1:] for xs in told())
    alone = Generator(8, 3)
    drawn = [
        Engine(alone, name, "fp32", CPU).draw(levels, noises, t)
        for name, t in (("torch", 0), ("openvino", 0), ("openvino", 32))
    ]
    assert all(torch.allclose(drawn[0], other, atol=LEVEL / 10) for other in drawn[1:])


@torch.inference_mode()
def test_auto_leaves_small_frames_to_torch(generator: Generator) -> None:
    by_torch = Engine(generator, "torch", "fp32", CPU).draw(*told())
    assert torch.equal(Engine(generator, "auto", "fp32", CPU).draw(*told()), by_torch)


@torch.inference_mode()
def test_auto_is_torch_where_openvino_is_not_installed(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "has_openvino", lambda: False)
    monkeypatch.setattr(engines, "_LEAST_PIXELS", 1)
    by_torch = Engine(generator, "torch", "fp32", CPU).draw(*told())
    assert torch.equal(Engine(generator, "auto", "fp32", CPU).draw(*told()), by_torch)


def test_engines_that_cannot_be_had_are_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="auto, torch, openvino"):
        require_engine("onnx", CPU)
    with pytest.raises(UsageError, match="--device cpu"):
        require_engine("openvino", torch.device("cuda"))
    with pytest.raises(UsageError, match="painted"):
        require_torch("openvino", "painted looks")
    monkeypatch.setattr(engines, "has_openvino", lambda: False)
    with pytest.raises(DeviceError, match=r"pip install 'vidgan\[openvino\]'"):
        require_engine("openvino", CPU)


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_signal_behind_openvino_does_not_crash_the_process() -> None:
    """In a process of its own: two sizes are compiled, both are gone, then comes Ctrl-C."""
    program = (
        "import gc, signal, torch\n"
        "from vidgan.gan.engine import Engine\n"
        "from vidgan.gan.generator import Generator\n"
        "engine = Engine(Generator(8, 2, 1), 'openvino', 'fp32', torch.device('cpu'))\n"
        "for side in (16, 24):\n"
        "    with torch.inference_mode():\n"
        "        engine.draw([torch.zeros(1, 3, side, side)], [torch.zeros(1, 1, side, side)])\n"
        "del engine\n"
        "gc.collect()\n"
        "signal.signal(signal.SIGINT, lambda *_: print('told'))\n"
        "signal.raise_signal(signal.SIGINT)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "told\n"), done.stderr


def test_openvino_tells_nobody_that_it_is_used() -> None:
    """Its telemetry would, to Google Analytics, without asking."""
    openvino_or_skip()
    program = """
import sys
from vidgan.gan.compiled import import_openvino
import_openvino()
assert "openvino_telemetry" not in sys.modules
assert "stub" in sys.modules["openvino.tools.ovc.telemetry_utils"].tm.__name__
"""
    subprocess.run([sys.executable, "-c", program], check=True)

"""A small world that many tests share: tiny clips, a target, a short recipe, a trained look, the program."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

import vidgan
from vidgan.cli.program import app
from vidgan.gan import palette
from vidgan.gan.painted import table
from vidgan.gan.preparation import redraw
from vidgan.media import open_clip
from vidgan.resample import eight_bit

TICKS = 512  # a frame's duration in units of 1/12800 s: 25 frames a second

# Two or three stages of eight channels: what a test needs of training is that it happens.
TINY = """
about = "tiny"
[train]
steps = 4          # one or two a stage
seconds = 0        # steps alone decide, so that a run repeats exactly
channels = 8
critic_channels = 8
window_px = 32
coarsest_px = 16
generated_every = 1  # so that every kind of iteration comes up
arranged_every = 1
cycle_every = 1
imitated_every = 1
reconstruct_every = 1
[smooth]
window = 1
[encode]
chroma = "rgb"     # so that mkv keeps every bit
"""


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """Tests end no power supply, and a render waits for the disk some thirty times: minutes on a busy one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def coarse_palette_tables() -> None:
    """A full table takes longer than a whole tiny training; test_palette.py uses it."""
    palette._TABLE_SIDE = 9


@pytest.fixture(scope="session", autouse=True)
def coarse_colour_tables() -> None:
    """A full one takes two seconds to fit."""
    table._NODES = 9


def moving_square(index: int, width: int, height: int) -> np.ndarray:
    """A soft gradient with a red square that goes right by two pixels a frame: (H, W, 3) uint8."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([40 + 100 * x / width, 60 + 110 * y / height, 90 + 0 * x], axis=2)
    left = min(4 + 2 * index, width - 12)
    pixels[12:24, left : left + 12] = (220, 40, 30)
    return pixels.round().astype(np.uint8)


def _write_clip(
    path: Path,
    *,
    frames: int = 6,
    size: tuple[int, int] = (48, 40),
    pts: Sequence[int] | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    streams: int = 1,
    audio: bool = True,
    draw: Callable[[int, int, int], np.ndarray] = moving_square,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write a clip; stream n of several shows everything brightened by 40 n."""
    with av.open(str(path), "w", options=container_options or {}) as container:
        settings = {"crf": "8", "g": "3"} if options is None else options
        videos = [_add_video(container, codec, size, pix_fmt, settings) for _ in range(streams)]
        sound = container.add_stream("aac", rate=48000) if audio else None
        times = [index * TICKS for index in range(frames)] if pts is None else pts
        for index, time in enumerate(times):
            for number, video in enumerate(videos):
                pixels = np.minimum(draw(index, *size).astype(int) + 40 * number, 255).astype(np.uint8)
                container.mux(video.encode(_picture(pixels, pix_fmt, time)))
        for video in videos:
            container.mux(video.encode(None))
        if sound is not None:
            _write_tone(container, sound, (times[-1] + TICKS) * 48000 // 12800)
    return path


def _add_video(
    container: Any, codec: str, size: tuple[int, int], pix_fmt: str, options: dict[str, str]
) -> Any:
    stream = container.add_stream(codec, rate=25, options=options)
    stream.width, stream.height = size
    stream.pix_fmt = pix_fmt
    stream.time_base = stream.codec_context.time_base = Fraction(1, 12800)
    return stream


def _picture(pixels: np.ndarray, pix_fmt: str, time: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=pix_fmt)
    frame.pts, frame.time_base = time, Fraction(1, 12800)
    return frame


def _write_tone(container: Any, stream: Any, samples: int) -> None:
    tone = (0.3 * np.sin(np.arange(samples) * 0.05)).astype(np.float32)
    for offset in range(0, samples - samples % 1024, 1024):
        block = np.stack([tone[offset : offset + 1024]] * 2)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, offset, Fraction(1, 48000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


@pytest.fixture(scope="session")
def write_clip() -> Callable[..., Path]:
    """Write a clip of six frames, 48x40, with sound; see _write_clip for what can be changed."""
    return _write_clip


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's inputs lie; nothing is ever written beside them."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def clip(media: Path) -> Path:
    return _write_clip(media / "clip.mp4")


@pytest.fixture(scope="session")
def target(media: Path) -> Path:
    """Tiles of two colours, 56x52, with a little grain: a texture that the clip has not."""
    y, x = np.mgrid[0:52, 0:56]
    tiles = np.where(((x // 7 + y // 7) % 2)[..., None], (230, 210, 120), (20, 60, 110))
    grain = np.random.default_rng(0).integers(-12, 13, tiles.shape)
    path = media / "tiles.png"
    Image.fromarray((tiles + grain).clip(0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="session")
def recipe(media: Path) -> str:
    """A recipe that trains in a third of a second; a path, as --pipeline takes it."""
    path = media / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="session")
def look(clip: Path, target: Path, recipe: str, media: Path) -> Path:
    """A trained look."""
    path = media / "look.safetensors"
    vidgan.train(clip, target, path, pipeline=recipe)
    return path


@pytest.fixture
def stop_training(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """Have every training stop after so many steps as if by Ctrl-C: stop_training(2); None: not at all."""

    def stop(steps: int | None) -> None:
        @contextmanager
        def stopped() -> Iterator[Callable[[], bool]]:
            taken = count(1)
            yield lambda: steps is not None and next(taken) >= steps

        monkeypatch.setattr("vidgan.gan.training.redraw", lambda way, should_stop: redraw(way))
        for job in ("train", "translate", "preview"):
            monkeypatch.setattr(f"vidgan.jobs.{job}.stop_when_interrupted", stopped)

    return stop


@pytest.fixture
def cli() -> Callable[..., Result]:
    """Run the program in this process: cli("render", clip, "-o", out) -> exit_code, stdout, stderr."""

    def run(*arguments: object) -> Result:
        # The width decides where rich breaks its lines.
        return CliRunner(env={"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}).invoke(
            app, [str(argument) for argument in arguments], prog_name="vidgan"
        )

    return run


@pytest.fixture(scope="session")
def pictures() -> Callable[[Path], np.ndarray]:
    """All frames of a clip, (N, H, W, 3) uint8."""
    return lambda path: np.stack([eight_bit(frame.pixels) for frame in open_clip(path).frames()])


@pytest.fixture(scope="session")
def packets() -> Callable[[Path, str], list[tuple[int | None, bytes]]]:
    """(pts, bytes) of every packet of a kind of stream, "video" or "audio"."""

    def read(path: Path, kind: str) -> list[tuple[int | None, bytes]]:
        with av.open(str(path)) as container:
            return [(p.pts, bytes(p)) for p in container.demux() if p.size and p.stream.type == kind]

    return read


@pytest.fixture(scope="session")
def names() -> Callable[[Path], list[str]]:
    """What lies in a folder, hidden files included."""
    return lambda folder: sorted(path.name for path in folder.iterdir())

"""When something breaks in the middle: that error comes out, nothing is left, no thread runs on."""

import errno
import importlib
import os
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import vidgan
from vidgan import Options
from vidgan.errors import MediaError, OutputError
from vidgan.gan.conditioned import Translator
from vidgan.jobs.sheet import ContactSheet
from vidgan.media import open_clip

Names = Callable[[Path], list[str]]


class Broken(Exception):
    """Nothing that vidgan knows."""


def on_call(number: int, function: Callable[..., Any], error: BaseException) -> Callable[..., Any]:
    """The function, but raising at its number-th call, counted from 1."""
    calls = []

    def call(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == number:
            raise error
        return function(*arguments, **options)

    return call


@pytest.fixture
def old_output(tmp_path: Path) -> Path:
    """An output of an earlier run, which --overwrite may replace, but only by a whole one."""
    out = tmp_path / "out.mkv"
    out.write_bytes(b"the last good render")
    return out


def stages_running() -> list[str]:
    known = {"decode", "flow", "translate", "smooth"}
    return [thread.name for thread in threading.enumerate() if thread.name in known]


def attempt(clip: Path, look: Path, out: Path, kind: type[BaseException]) -> BaseException:
    with pytest.raises(kind) as caught:
        vidgan.render(clip, look, out, options=Options(overwrite=True))
    assert stages_running() == []
    return caught.value


@pytest.mark.parametrize("frame", [1, 3, 6])
def test_an_error_while_translating_stops_the_job(
    clip: Path, look: Path, old_output: Path, names: Names, monkeypatch: pytest.MonkeyPatch, frame: int
) -> None:
    error = Broken(f"on frame {frame}")
    monkeypatch.setattr(Translator, "across_together", on_call(frame, Translator.across_together, error))
    assert attempt(clip, look, old_output, Broken) is error
    assert names(old_output.parent) == ["out.mkv"]
    assert old_output.read_bytes() == b"the last good render"


@pytest.mark.parametrize("stage", ["smooth", "rendered_frames"])
def test_an_error_in_any_other_stage_stops_it_too(
    clip: Path, look: Path, old_output: Path, names: Names, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    def breaking_off(*arguments: Any) -> Iterator[Any]:
        yield from islice(whole(*arguments), 2)
        raise Broken

    room = "prepared" if stage == "rendered_frames" else "rendering"
    whole = getattr(importlib.import_module(f"vidgan.jobs.{room}"), stage)
    monkeypatch.setattr(f"vidgan.jobs.{room}.{stage}", breaking_off)
    if stage == "rendered_frames":
        with pytest.raises(Broken):
            vidgan.translate(clip, None, old_output, pipeline="passthrough", options=Options(overwrite=True))
    else:
        attempt(clip, look, old_output, Broken)
    assert stages_running() == []
    assert names(old_output.parent) == ["out.mkv"]
    assert old_output.read_bytes() == b"the last good render"


def test_an_interruption_while_encoding_stops_it(
    clip: Path, look: Path, old_output: Path, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ContactSheet, "add", on_call(3, ContactSheet.add, KeyboardInterrupt()))
    attempt(clip, look, old_output, KeyboardInterrupt)
    assert names(old_output.parent) == ["out.mkv"]
    assert old_output.read_bytes() == b"the last good render"


def test_a_damaged_frame_in_the_middle_stops_it(
    write_clip: Callable[..., Path],
    packets: Callable[[Path, str], list[tuple[int | None, bytes]]],
    old_output: Path,
    media: Path,
    names: Names,
) -> None:
    damaged = write_clip(media / "damaged.mp4", options={"bf": "0", "g": "3"})
    _, third = packets(damaged, "video")[3]
    damaged.write_bytes(damaged.read_bytes().replace(third, bytes(len(third))))
    with pytest.raises(MediaError, match=r"damaged\.mp4: frame 3 "):
        vidgan.translate(damaged, None, old_output, pipeline="passthrough", options=Options(overwrite=True))
    assert stages_running() == []
    assert names(old_output.parent) == ["out.mkv"]


@pytest.mark.parametrize("sync", range(1, 16))
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_and_leaves_nothing_half_made(
    clip: Path,
    look: Path,
    old_output: Path,
    names: Names,
    monkeypatch: pytest.MonkeyPatch,
    sync: int,
    code: int,
) -> None:
    full = OSError(code, os.strerror(code))
    monkeypatch.setattr("vidgan.media.output.os.fsync", on_call(sync, lambda descriptor: None, full))
    message = str(attempt(clip, look, old_output, OutputError))
    assert message.startswith("no space left to write ")
    assert "free some" in message
    monkeypatch.undo()
    assert set(names(old_output.parent)) <= {"out.mkv", "out.mkv.work", "out.mkv.recipe.toml"}
    assert old_output.read_bytes() == b"the last good render" or len(open_clip(old_output)) == 6
    vidgan.render(clip, look, old_output, options=Options(overwrite=True))
    assert names(old_output.parent) == ["out.mkv", "out.mkv.recipe.toml"]


def test_a_full_disk_leaves_no_half_a_look(
    clip: Path, target: Path, recipe: str, tmp_path: Path, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr("vidgan.jobs.training.KEEP_EVERY_SECONDS", float("inf"))
    monkeypatch.setattr("vidgan.media.output.os.fsync", on_call(1, lambda descriptor: None, full))
    with pytest.raises(OutputError, match=r"no space left to write .*look\.safetensors: free some"):
        vidgan.train(clip, target, tmp_path / "look.safetensors", pipeline=recipe)
    assert names(tmp_path) == []


def test_a_failed_training_leaves_nothing(
    clip: Path, target: Path, recipe: str, tmp_path: Path, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise Broken

    monkeypatch.setattr("vidgan.gan.training.Trainer.run", fail)
    for job, name in (
        (vidgan.train, "look.safetensors"),
        (vidgan.translate, "out.mp4"),
        (vidgan.preview, "a.png"),
    ):
        with pytest.raises(Broken):
            job(clip, target, tmp_path / name, pipeline=recipe)
    assert names(tmp_path) == []
    assert stages_running() == []

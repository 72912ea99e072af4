"""A training that is stopped, gone on with, or repeated, as an editor and as a script meet it."""

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import Result

from vidgan.config import parse_recipe

Cli = Callable[..., Result]
Job = Callable[[str], list[object]]
Names = Callable[[Path], list[str]]


def interrupted(arguments: list[object], folder: Path, name: str) -> str:
    """What the program says last when the signal of that name comes in the middle of its training."""
    command = [sys.executable, "-m", "vidgan", *map(str, arguments), "--set", "train.steps=1000000"]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as job:
        assert job.stderr is not None
        for line in job.stderr:
            if "stage 1/" in line:
                break
        job.send_signal(getattr(signal, name))
        rest = job.stderr.read()
    assert job.returncode == 130
    assert "Traceback" not in rest
    return rest.splitlines()[-1]


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_in_the_middle_of_a_training_keeps_what_stands(
    cli: Cli, job: Job, clip: Path, tmp_path: Path, names: Names, name: str
) -> None:
    error = interrupted(job("translate"), tmp_path, name)
    kept = tmp_path / "out.mp4.work" / "look-so-far.safetensors"
    assert re.fullmatch(
        r"error: training was stopped in stage \d of \d, iteration \d+: the same command goes on there. "
        r"What it had learnt can be rendered into another output: "
        rf"vidgan render CLIP -m {re.escape(str(kept))} -o OTHER",
        error,
    )
    assert names(tmp_path) == ["out.mp4.work"]
    assert cli("render", clip, "-m", kept, "-o", tmp_path / "other.mp4").exit_code == 0


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_signal_in_the_middle_of_vidgan_train_leaves_what_resume_needs(
    job: Job, tmp_path: Path, names: Names
) -> None:
    error = interrupted(job("train"), tmp_path, "SIGINT")
    assert error.startswith("error: training was stopped in stage ")
    assert "the same command with --resume goes on where it stopped" in error
    assert names(tmp_path) == ["out.safetensors", "out.safetensors.resume"]


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_closed_terminal_in_the_middle_of_a_training_leaves_nothing(job: Job, tmp_path: Path) -> None:
    error = interrupted(job("translate"), tmp_path, "SIGHUP")
    assert error.endswith("nothing half-made is left.")
    assert list(tmp_path.iterdir()) == []


def test_a_stopped_training_ends_with_130_and_goes_on_with_resume(
    cli: Cli,
    job: Job,
    tmp_path: Path,
    names: Names,
    stop_training: Callable[[int | None], None],
) -> None:
    out = tmp_path / "out.safetensors"
    stop_training(2)
    stopped = cli(*job("train"))
    assert (stopped.exit_code, stopped.stdout) == (130, "")
    assert stopped.stderr.splitlines()[-1] == (
        f"error: training was stopped in stage 2 of 3, iteration 2: {out} holds what it had "
        "learnt and can be used; "
        "the same command with --resume goes on where it stopped."
    )
    assert names(tmp_path) == [out.name, f"{out.name}.resume"]
    stop_training(None)
    told = cli(*job("train"), "--resume", "--json")
    assert told.exit_code == 0
    assert sum(json.loads(told.stdout)["steps"]) == 4
    assert names(tmp_path) == [out.name]


def test_resume_without_a_stopped_training_ends_with_2(cli: Cli, job: Job, tmp_path: Path) -> None:
    shown = cli(*job("train"), "--resume")
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert shown.stderr == (
        f"error: there is no {tmp_path / 'out.safetensors.resume'} to go on from: "
        "leave --resume out to train from the beginning.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_repeat_makes_the_same_look_again(
    cli: Cli, clip: Path, target: Path, look: Path, tmp_path: Path
) -> None:
    out = tmp_path / "again.safetensors"
    shown = cli("train", clip, target, "-o", out, "--repeat", look, "--json")
    assert shown.exit_code == 0
    assert sum(json.loads(shown.stdout)["steps"]) == 4
    first, again = load_file(look), load_file(out)
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_a_dry_repeat_shows_the_looks_own_recipe(
    cli: Cli, clip: Path, target: Path, look: Path, tmp_path: Path
) -> None:
    shown = cli("train", clip, target, "-o", tmp_path / "again.safetensors", "--repeat", look, "--dry-run")
    assert shown.exit_code == 0
    assert parse_recipe(shown.stdout).name == "tiny"
    assert tomllib.loads(shown.stdout)["train"]["steps"] == 4

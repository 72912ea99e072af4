"""The program as an editor and as a script meet it."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import Result

import vidgan
from vidgan.config import load_recipe, parse_recipe, recipe_paths
from vidgan.media import open_clip

Cli = Callable[..., Result]
WriteClip = Callable[..., Path]
COMMANDS = (
    "translate",
    "preview",
    "train",
    "render",
    "keyframes",
    "flow",
    "sample",
    "probe",
    "verify",
    "jobs",
    "pipelines",
    "doctor",
)
CHECKOUT = Path(vidgan.__file__).parent.parent


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_it_does_and_shows_an_example(cli: Cli, command: str) -> None:
    shown = cli(command, "--help")
    assert shown.exit_code == 0
    assert f"Example: vidgan {command} " in shown.stdout
    assert "--json" in shown.stdout
    assert "--debug" in shown.stdout
    assert cli(command, "-h").stdout == shown.stdout


@pytest.mark.parametrize("command", ["translate", "preview", "train", "render", "flow"])
def test_what_trains_or_renders_can_be_tried_dry_and_overwrites_only_on_request(
    cli: Cli, command: str
) -> None:
    shown = cli(command, "--help").stdout
    assert "--dry-run" in shown
    assert "--overwrite" in shown
    assert "--set" in shown


def test_help_of_the_whole_lists_the_commands(cli: Cli) -> None:
    shown = cli("--help")
    assert shown.exit_code == 0
    assert all(command in shown.stdout for command in COMMANDS)
    assert all(command in cli().output for command in COMMANDS)


def test_examples_are_commands_that_parse(cli: Cli) -> None:
    """Each example, with --dry-run or its own harmlessness, gets past the parser."""
    for command in ("translate", "train", "flow"):
        example = re.search(rf"Example: vidgan ({command} .*)", cli(command, "--help").stdout)
        assert example
        words = example.group(1).replace("--pipeline draft", "").split()
        assert cli(*words, "--dry-run", "--pipeline", "draft").exit_code == 0


def test_the_version(cli: Cli) -> None:
    assert cli("--version").stdout == f"vidgan {vidgan.__version__}\n"


@pytest.mark.parametrize("program", [["cli.py"], ["-m", "vidgan"]], ids=" ".join)
def test_it_starts_as_a_program_of_its_own(program: list[str], tmp_path: Path) -> None:
    here = [str(CHECKOUT / word) if word.endswith(".py") else word for word in program]
    done = subprocess.run([sys.executable, *here, "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "translate" in done.stdout
    wrong = subprocess.run([sys.executable, *here, "tranlsate"], cwd=tmp_path, capture_output=True, text=True)
    assert wrong.returncode == 2
    assert wrong.stdout == ""


def test_pipelines_are_listed_with_what_they_are_for(cli: Cli) -> None:
    shown = cli("pipelines").stdout
    for name in recipe_paths():
        assert re.search(rf"^{name} +{re.escape(load_recipe(name).about)} *$", shown, re.MULTILINE)
    assert json.loads(cli("pipelines", "--json").stdout) == {n: load_recipe(n).about for n in recipe_paths()}


def test_a_pipeline_is_printed_as_its_file_stands(cli: Cli, tmp_path: Path) -> None:
    text = cli("pipelines", "draft").stdout
    assert text == recipe_paths()["draft"].read_text(encoding="utf-8")
    (tmp_path / "my.toml").write_text(text.replace('about = "', 'about = "my own '), encoding="utf-8")
    assert cli("pipelines", tmp_path / "my.toml").stdout == (tmp_path / "my.toml").read_text(encoding="utf-8")
    told = json.loads(cli("pipelines", "draft", "--json").stdout)
    assert told["train"]["channels"] == load_recipe("draft").train.channels


def test_probe_tells_people_and_programs(cli: Cli, clip: Path) -> None:
    told = json.loads(cli("probe", clip, "--json").stdout)
    assert (told["width"], told["height"], told["frame_count"]) == (48, 40, 6)
    table = cli("probe", clip)
    assert table.exit_code == 0
    assert re.search(r"frames +6", table.stdout)
    assert "aac" in table.stdout


def test_doctor_tells_what_will_run_where(cli: Cli) -> None:
    shown = cli("doctor", "--json")
    told = json.loads(shown.stdout)
    assert shown.stderr == ""
    assert told["vidgan"] == vidgan.__version__
    assert told["device"] in ("cpu", "cuda", "mps")
    assert {"libx264", "ffv1"} <= set(told["encoders"])
    assert told["recipes"] == list(recipe_paths())
    assert not [name for name, value in told.items() if str(value).startswith("missing")]
    assert "libx264" in cli("doctor").stdout


Job = Callable[[str], list[object]]
JOBS = ("translate", "preview", "train", "render")


@pytest.mark.parametrize("command", JOBS)
def test_a_dry_run_prints_the_resolved_recipe_and_does_nothing(
    cli: Cli, job: Job, command: str, recipe: str, tmp_path: Path
) -> None:
    shown = cli(*job(command), "--dry-run", "--set", "train.seed=7")
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert parse_recipe(shown.stdout) == load_recipe(recipe, ["train.seed=7"])
    as_json = json.loads(cli(*job(command), "--dry-run", "--json").stdout)
    assert as_json["train"]["steps"] == 4
    assert list(tmp_path.iterdir()) == []


def test_a_preview_trains_the_draft_unless_told(cli: Cli, clip: Path, target: Path, tmp_path: Path) -> None:
    shown = cli("preview", clip, target, "-o", tmp_path / "a.png", "--dry-run")
    assert parse_recipe(shown.stdout) == load_recipe("draft")


def test_a_translation_goes_by_balanced_unless_told(cli: Cli, tmp_path: Path) -> None:
    shown = cli("translate", "clip.mp4", "target.png", "-o", tmp_path / "a.mp4", "--dry-run")
    assert parse_recipe(shown.stdout) == load_recipe("balanced")


def test_short_options_win_over_set(cli: Cli, job: Job) -> None:
    short = ["--crf", 30, "--codec", "h264", "--strength", 0.5]
    shown = cli(*job("translate"), "--dry-run", *short, "--set", "encode.crf=10")
    told = tomllib.loads(shown.stdout)
    assert (told["encode"]["codec"], told["encode"]["crf"]) == ("h264", 30)
    assert told["translate"]["strength"] == 0.5


@pytest.mark.parametrize("command", JOBS)
def test_json_is_all_that_goes_to_standard_output(cli: Cli, job: Job, command: str) -> None:
    shown = cli(*job(command), "--json")
    assert (shown.exit_code, shown.stderr) == (0, "")
    told = json.loads(shown.stdout)
    assert Path(told["out"]).exists()
    assert told["device"] in ("cpu", "cuda", "mps")


@pytest.mark.parametrize("command", JOBS)
def test_people_see_progress_and_where_the_result_is(cli: Cli, job: Job, command: str) -> None:
    shown = cli(*job(command), "--device", "cpu")
    assert shown.exit_code == 0
    assert re.search(rf"written +{re.escape(str(job(command)[job(command).index('-o') + 1]))}", shown.stdout)
    if command != "render":
        assert "training" in shown.stderr
        assert re.search(r"patches \d+\.\d\d", shown.stderr)
        assert re.search(r"trained on +frame \d", shown.stdout)
    if command in ("translate", "render"):
        assert "rendering 100%  frame 6/6" in shown.stderr
        assert "6 frames in" in shown.stdout


def test_a_narrow_terminal_has_room_for_the_eta_and_the_losses(
    cli: Cli, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = partial(Console, force_terminal=True, width=80, color_system=None, _environ={})
    monkeypatch.setattr("vidgan.cli.show.Console", terminal)
    shown = cli(*job("translate")).stderr
    for phase in ("looking at the clip", "training", "rendering", "joining"):
        assert re.search(rf"{phase} +━+ 100% 0:00:0\d ETA 0:00:00", shown)
    assert re.search(r"stage \d/\d, step \d+  critic \d.*patches \d", shown)


def test_names_are_shown_as_they_are(cli: Cli, look: Path, write_clip: WriteClip, tmp_path: Path) -> None:
    """Brackets in a name are no markup, and a long name is not broken."""
    (tmp_path / "[").mkdir()
    clip = write_clip(tmp_path / "[" / "bold][red] clip.mkv", streams=2)
    out = tmp_path / "[" / f"bold] {'long ' * 20}.mp4"
    shown = cli("render", clip, "-m", look, "-o", out)
    assert shown.exit_code == 0
    assert str(out) in shown.stdout
    assert "[red] clip.mkv" in cli("probe", clip).stdout
    assert str(out) in cli("render", clip, "-m", look, "-o", out).stderr


@pytest.mark.parametrize("command", JOBS)
def test_an_existing_output_is_replaced_only_on_request(
    cli: Cli, job: Job, command: str, tmp_path: Path, names: Callable[[Path], list[str]]
) -> None:
    arguments = job(command)
    out = arguments[arguments.index("-o") + 1]
    assert isinstance(out, Path)
    out.write_bytes(b"precious")
    refused = cli(*arguments)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == f"error: {out} exists: name another output, or pass --overwrite.\n"
    assert out.read_bytes() == b"precious"
    assert names(tmp_path) == [out.name]
    assert cli(*arguments, "--overwrite").exit_code == 0
    assert out.read_bytes() != b"precious"


def test_an_existing_contact_sheet_is_replaced_only_on_request(cli: Cli, job: Job, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    sheet.write_bytes(b"precious")
    refused = cli(*job("render"), "--sheet", sheet)
    assert refused.exit_code == 1
    assert f"{sheet} exists" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
    assert cli(*job("render"), "--sheet", sheet, "--overwrite").exit_code == 0
    assert sheet.read_bytes()[:4] == b"\x89PNG"


def test_the_look_that_train_makes_renders_on_another_clip(
    cli: Cli, job: Job, write_clip: WriteClip, tmp_path: Path
) -> None:
    assert cli(*job("train")).exit_code == 0
    other = write_clip(tmp_path / "other.mov", size=(64, 36), frames=3)
    shown = cli("render", other, "-m", tmp_path / "out.safetensors", "-o", tmp_path / "other.mp4")
    assert shown.exit_code == 0
    assert (tmp_path / "other.mp4.recipe.toml").exists()
    assert open_clip(tmp_path / "other.mp4").info.width == 64


def test_an_error_is_one_line_and_debug_shows_where(cli: Cli, tmp_path: Path, target: Path) -> None:
    arguments = ["translate", tmp_path / "none.mp4", target, "-o", tmp_path / "out.mp4", "-p", "draft"]
    plain = cli(*arguments)
    assert plain.stderr == f"error: {tmp_path / 'none.mp4'} does not exist: check the name.\n"
    debugged = cli(*arguments, "--debug")
    assert debugged.exit_code == plain.exit_code == 1
    assert "Traceback (most recent call last)" in debugged.stderr
    assert debugged.stderr.endswith(plain.stderr)


def test_a_fault_of_our_own_is_one_line_too(
    cli: Cli, job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise IndexError("list index\nout of range")

    monkeypatch.setattr("vidgan.jobs.prepared.Prepared.result", fail)
    shown = cli(*job("render"))
    assert (shown.exit_code, shown.stdout) == (1, "")
    errors = [line for line in shown.stderr.splitlines() if line.startswith("error: ")]
    assert errors == [
        "error: a fault of vidgan's own (IndexError: list index out of range); --debug shows where."
    ]
    assert "Traceback" not in shown.stderr
    assert "Traceback" in cli(*job("render"), "--debug").stderr
    assert list(tmp_path.iterdir()) == []


def test_a_profile_names_the_slowest_stage(cli: Cli, job: Job) -> None:
    shown = cli(*job("render"), "--profile")
    line = r"busy +\d+%, +[0-9.]+ ms each, \d+ times( by \d+ at once)?  <- the slowest"
    assert re.search(line, shown.stdout)
    told = json.loads(cli(*job("render"), "--profile", "--overwrite", "--json").stdout)["profile"]
    assert {"decode", "translate", "smooth", "encode", "finish"} <= {one["name"] for one in told["stages"]}
    assert 0 < told["cpu_share"] <= 1.5


def test_an_interruption_ends_with_130(
    cli: Cli, job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vidgan.jobs.delivery.mux", interrupt)
    shown = cli(*job("render"))
    assert shown.exit_code == 130
    work = tmp_path / "out.mkv.work"
    assert re.search(
        rf"error: stopped: 6 of 6 frames are kept in {re.escape(str(work))} \([0-9.]+ [KM]iB\): "
        r"the same command goes on there\n$",
        shown.stderr,
    )
    assert "Traceback" not in shown.stderr
    assert list(tmp_path.iterdir()) == [work]


@pytest.mark.parametrize(
    "arguments",
    [
        ["translate"],
        ["translate", "clip.mp4", "target.png"],
        ["translate", "clip.mp4", "target.png", "-o", "out.mp4", "--crf", "high"],
        ["translate", "clip.mp4", "target.png", "-o", "out.mp4", "--qualty"],
        ["render", "clip.mp4", "-o", "out.mp4"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_bad_usage_ends_with_2(cli: Cli, arguments: list[str]) -> None:
    shown = cli(*arguments)
    assert shown.exit_code == 2
    assert shown.stdout == ""
    assert "Traceback" not in shown.stderr

"""vidgan batch as an editor and as a script meet it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

import vidgan
from vidgan import Watch
from vidgan.cli.program import app
from vidgan.jobs.ownership import owned

Cli = Callable[..., Result]
CHECKOUT = Path(vidgan.__file__).parent.parent
NAME = "Käse & Brot 1.mp4"
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"

needs_signals = pytest.mark.skipif(os.name == "nt", reason="needs signals")


def run(*arguments: object) -> Result:
    environment = {"COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1"}
    return CliRunner(env=environment).invoke(app, [str(one) for one in arguments], prog_name="vidgan")


class Here:
    """An engine that does all work in this process."""

    at_once = 1
    name = "this process"

    def run(self, task: Any, watch: Watch) -> Any:
        return task.run(watch)

    def interrupt(self) -> None:
        """It ends what it does."""


UseEngine = Callable[[Any], None]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> UseEngine:
    """Have batches done by an engine."""
    return lambda engine: take(engine, monkeypatch)


def take(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidgan.jobs.batch.local.local_engine", lambda slots, share: nullcontext(engine))


@dataclass(frozen=True)
class Shown:
    """A folder's clips, one of them damaged, in one look: with --json and --log, again, and without it."""

    folder: Path
    as_json: Result
    again: Result
    without_the_bad_one: Result
    log: str


@pytest.fixture(scope="module")
def shown(clip: Path, target: Path, recipe: str, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    folder = tmp_path_factory.mktemp("shown")
    (folder / "my footage").mkdir()
    shutil.copy(clip, folder / "my footage" / NAME)
    shutil.copy(clip, folder / "my footage" / "b.mp4")
    (folder / "my footage" / "a cut off.mp4").write_bytes(clip.read_bytes()[:900])
    given = ["batch", folder / "my footage", target, "-o", folder / "new" / "out", "-p", recipe, "-j", 1]
    as_json = run(*given, "--json", "--log", folder / "log.txt")
    log = (folder / "log.txt").read_text(encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        take(Here(), patch)
        again = run(*given)
        (folder / "my footage" / "a cut off.mp4").unlink()
        return Shown(folder, as_json, again, run(*given), log)


def test_json_is_all_that_goes_to_standard_output(shown: Shown) -> None:
    assert (shown.as_json.exit_code, shown.as_json.stderr) == (1, "")
    told = json.loads(shown.as_json.stdout)
    assert told["counts"] == {"done": 2, "failed": 1, "interrupted": 0, "waiting": 0}
    outs = [Path(job["out"]) for job in told["jobs"]]
    assert [out.name for out in outs] == [NAME, "a cut off.mp4", "b.mp4"]
    assert all(out.is_file() == (out.name != "a cut off.mp4") for out in outs)
    failed = next(job for job in told["jobs"] if job["status"] == "failed")
    assert failed["remedy"] == "export it again."


def test_reports_are_written_also_where_jobs_failed(shown: Shown) -> None:
    folder = shown.folder / "new" / "out" / "vidgan.batch"
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["counts"]["done"] == 2
    assert "Käse &amp; Brot 1.mp4" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_log_has_every_line_with_its_time(shown: Shown) -> None:
    lines = shown.log.splitlines()
    assert all(re.match(rf"{TIME} (INFO|ERROR) ", line) for line in lines)
    assert f"vidgan {vidgan.__version__}" in lines[0]
    for line in ("INFO begun: look tiles", "INFO done: look tiles: ", f"INFO done: {NAME}: 6 frames in "):
        assert line in shown.log
    assert re.search(rf"{TIME} ERROR failed: a cut off\.mp4: .* is cut off .*: export it again\.", shown.log)


def test_people_see_what_became_of_each_job(shown: Shown) -> None:
    again = shown.again
    assert again.exit_code == 1
    lines = again.stdout.splitlines()
    assert lines[0].split() == ["output", "look", "status", "seconds", "frames/s"]
    rows = {line[: line.index("tiles")].strip(): line[line.index("tiles") :].split() for line in lines[1:4]}
    assert rows["a cut off.mp4"] == ["tiles", "failed"]
    assert rows[NAME][:3] == rows["b.mp4"][:3] == ["tiles", "done", "before"]
    assert re.fullmatch(r"failed a cut off\.mp4: .*a cut off\.mp4 is cut off .*: export it again\.", lines[4])
    assert re.fullmatch(r"2 done, 1 failed of 3 in \d+ s", lines[5])
    assert lines[6] == f"report: {shown.folder / 'new' / 'out' / 'vidgan.batch' / 'report.html'}"


def test_where_nobody_sees_bars_there_are_few_plain_lines(shown: Shown) -> None:
    told = shown.again.stderr.splitlines()
    assert len(told) == 1
    assert told[0].startswith("failed: a cut off.mp4: ")


def test_when_all_is_done_the_exit_code_is_0(shown: Shown) -> None:
    last = shown.without_the_bad_one
    assert (last.exit_code, last.stderr) == (0, "")
    assert "2 done of 2 in 0 s" in last.stdout


@pytest.fixture
def jobs(clip: Path, tmp_path: Path) -> Path:
    """A job file: one clip as it is, twice."""
    file = tmp_path / "jobs.toml"
    file.write_text(
        f"[[jobs]]\nclip = '{clip}'\nrecipe = 'passthrough'\nout = 'done/one.mp4'\n"
        f"[[jobs]]\nclip = '{clip}'\nrecipe = 'passthrough'\nout = 'done/two.mp4'\n",
        encoding="utf-8",
    )
    return file


def test_help_says_what_belongs_to_what(cli: Cli) -> None:
    shown = cli("batch", "--help").stdout
    assert "Example: vidgan batch shots.toml --dry-run" in shown
    for word in (
        "JOBS.toml|FOLDER",
        "--jobs",
        "--cluster",
        "vidgan[cluster]",
        "--dry-run",
        "--log",
        "--json",
    ):
        assert word in shown
    assert "-k" not in shown
    assert len(re.findall("For a folder: ", shown)) == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["FOOTAGE", "TARGET"], "-o is missing: vidgan batch FOOTAGE TARGET -o OUTFOLDER"),
        (["FOOTAGE", "-o", "out"], "no look: give a target picture, a trained look"),
        (["FOOTAGE", "TARGET", "-o", "out", "-m", "LOOK"], "leave one of them out"),
        (["FOOTAGE", "-o", "out", "-p", "passthrough", "-j", 0], "--jobs 0 would do nothing: give 1 or more"),
        (["JOBS", "TARGET"], "a job file says that itself: leave TARGET out, or name a folder"),
        (["JOBS", "-p", "draft", "--set", "train.seed=1"], "leave -p, --set out, or name a folder"),
        (["JOBS", "--allow-mixed"], "give --cluster too"),
        (["nowhere.toml"], "nowhere.toml does not exist: check the name of the job file"),
    ],
)
def test_bad_usage_is_told_in_a_line_and_ends_with_2(
    cli: Cli,
    jobs: Path,
    clip: Path,
    target: Path,
    look: Path,
    tmp_path: Path,
    arguments: list[Any],
    said: str,
) -> None:
    words = {"FOOTAGE": clip.parent, "TARGET": target, "LOOK": look, "JOBS": jobs, "out": tmp_path / "out"}
    shown = cli("batch", *(words.get(one, one) for one in arguments))
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert shown.stderr.startswith("error: ")
    assert said.replace("FOOTAGE", str(clip.parent)) in shown.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["jobs.toml"]


def test_a_wrong_key_is_told_with_its_line(cli: Cli, jobs: Path) -> None:
    jobs.write_text(jobs.read_text(encoding="utf-8") + "loks = 'tiles'\n", encoding="utf-8")
    shown = cli("batch", jobs, "--json")
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert shown.stderr.startswith(
        "error: jobs.toml, line 9: unknown key 'loks' in [[jobs]]: did you mean 'look"
    )


def test_a_dry_run_estimates_and_writes_nothing(
    cli: Cli, clip: Path, target: Path, recipe: str, tmp_path: Path
) -> None:
    (tmp_path / "footage").mkdir()
    shutil.copy(clip, tmp_path / "footage" / "b.mp4")
    (tmp_path / "footage" / "a.mp4").write_bytes(clip.read_bytes()[:900])
    given = ["batch", tmp_path / "footage", target, "-o", tmp_path / "out", "-p", recipe, "--dry-run"]
    shown = cli(*given)
    assert shown.exit_code == 0
    rows = [line.split() for line in shown.stdout.splitlines()]
    assert rows[0] == ["what", "frames", "size", "about", "disk"]
    assert rows[1][:2] == ["look", "tiles"]
    assert rows[2][:2] == ["a.mp4", "fails"]
    assert rows[3][:3] == ["b.mp4", "6", "48x40"]
    assert re.search(r"^will fail: a\.mp4: .* is cut off .*: export it again\.$", shown.stdout, re.MULTILINE)
    assert re.search(
        r"^1 job and 1 training to do, \d+ at a time: about \d+ s on this machine", shown.stdout, re.MULTILINE
    )
    told = cli(*given, "--json")
    assert told.stderr == ""
    assert [unit["wrong"] is None for unit in json.loads(told.stdout)["jobs"]] == [False, True]
    assert [path.name for path in tmp_path.iterdir()] == ["footage"]


def test_a_dry_run_tells_what_is_in_the_way(cli: Cli, jobs: Path, tmp_path: Path) -> None:
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "two.mp4").write_bytes(b"precious")
    shown = cli("batch", jobs, "--dry-run")
    assert shown.exit_code == 0
    assert "will not begin: 1 output is there already, in the way (done/two.mp4)" in shown.stdout
    assert "will not begin" not in cli("batch", jobs, "--dry-run", "--overwrite").stdout


def test_an_output_that_is_there_is_replaced_only_on_request(
    cli: Cli, jobs: Path, tmp_path: Path, use: UseEngine
) -> None:
    use(Here())
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "two.mp4").write_bytes(b"precious")
    refused = cli("batch", jobs, "--log", tmp_path / "log.txt")
    assert (refused.exit_code, refused.stdout) == (1, "")
    said = "1 output is there already, in the way (done/two.mp4): move them away, or pass --overwrite."
    assert refused.stderr == f"error: {said}\n"
    assert f"ERROR {said}" in (tmp_path / "log.txt").read_text(encoding="utf-8")
    assert not (tmp_path / "jobs.batch").exists()
    assert cli("batch", jobs, "--overwrite").exit_code == 0
    assert (tmp_path / "done" / "two.mp4").read_bytes() != b"precious"


def test_whoever_comes_second_is_told_who_is_at_it(cli: Cli, jobs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "jobs.batch"
    with owned(folder, folder):
        shown = cli("batch", jobs)
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert f"error: {folder} is being made by process {os.getpid()} on " in shown.stderr
    assert "wait until it is done" in shown.stderr


def test_a_log_that_cannot_be_written_is_told_before_any_work(cli: Cli, jobs: Path, tmp_path: Path) -> None:
    shown = cli("batch", jobs, "--log", tmp_path / "nowhere" / "log.txt")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "log.txt cannot be written (No such file or directory): name another --log." in shown.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["jobs.toml"]


def test_a_fault_of_our_own_is_one_line_and_the_log_has_its_traceback(
    cli: Cli, jobs: Path, tmp_path: Path, use: UseEngine
) -> None:
    class Faulty(Here):
        def run(self, task: Any, watch: Watch) -> Any:
            if task.request.out.name == "one.mp4":
                raise IndexError("list index\nout of range")
            return super().run(task, watch)

    use(Faulty())
    shown = cli("batch", jobs, "--log", tmp_path / "log.txt")
    assert shown.exit_code == 1
    line = (
        "failed done/one.mp4: a fault of vidgan's own (IndexError: list index out of range): "
        "--log FILE keeps its traceback."
    )
    assert line in shown.stdout
    assert "Traceback" not in shown.output
    log = (tmp_path / "log.txt").read_text(encoding="utf-8")
    assert re.search(r"ERROR done/one\.mp4:\nTraceback \(most recent call last\):\n", log)
    assert "in run\n" in log


@needs_signals
def test_an_interruption_ends_with_130(cli: Cli, jobs: Path, tmp_path: Path, use: UseEngine) -> None:
    class Interrupting(Here):
        def run(self, task: Any, watch: Watch) -> Any:
            signal.raise_signal(signal.SIGINT)
            return super().run(task, watch)

    use(Interrupting())
    shown = cli("batch", jobs, "--json")
    assert (shown.exit_code, shown.stdout) == (130, "")
    report = tmp_path / "jobs.batch" / "report.html"
    assert re.fullmatch(
        rf"error: stopped: [12] of 2 jobs are done \({re.escape(str(report))}\); "
        r"the same command goes on there\n",
        shown.stderr,
    )
    assert report.is_file()
    use(Here())
    assert cli("batch", jobs).exit_code == 0


def test_what_takes_long_is_told_now_and_then(
    cli: Cli, jobs: Path, use: UseEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidgan.cli.showbatch._TELL_EVERY_SECONDS", 0.0)
    use(Here())
    assert "at work: done/one.mp4: 50% of rendering, frame 3/6\n" in cli("batch", jobs).stderr


def test_a_terminal_shows_a_bar_for_each_job_and_one_for_all(
    cli: Cli, jobs: Path, use: UseEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = partial(Console, force_terminal=True, width=80, color_system=None, _environ={})
    monkeypatch.setattr("vidgan.cli.showbatch.Console", terminal)
    use(Here())
    told = cli("batch", jobs).stderr
    assert re.search(r"done/one\.mp4 [ ━╸╺]+ \d+% 0:00:0\d", told)
    assert re.search(r"all +[ ━╸╺]+ 50% 0:00:0\d 1 of 2", told)
    assert "done: done/two.mp4: 6 frames in" in told
    assert "begun" not in told


@pytest.mark.skipif(not hasattr(os, "login_tty"), reason="needs a terminal, and Python 3.11")
def test_a_batch_at_a_terminal_comes_to_its_end(clip: Path, look: Path, tmp_path: Path) -> None:
    """A process in the background of a terminal is stopped for ever when it touches that."""
    jobs = tmp_path / "jobs.toml"
    jobs.write_text(f"[[jobs]]\nclip = '{clip}'\nmodel = '{look}'\nout = 'one.mkv'\n", encoding="utf-8")
    ours, theirs = os.openpty()
    program = "import os, sys; os.login_tty(int(sys.argv[1])); os.execv(sys.executable, sys.argv[2:])"
    command = [sys.executable, "-m", "vidgan", "batch", str(jobs)]
    with subprocess.Popen(
        [sys.executable, "-c", program, str(theirs), *command], pass_fds=[theirs], cwd=CHECKOUT
    ) as batch:
        os.close(theirs)
        shown = b"".join(iter(lambda: read(ours), b"")).decode()
    os.close(ours)
    assert batch.returncode == 0
    assert "1 done of 1" in shown
    assert "━" in shown
    assert (tmp_path / "one.mkv").is_file()


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # on Linux the end
        return b""

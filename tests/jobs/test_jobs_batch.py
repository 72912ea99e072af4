"""A batch: looks trained once, clips rendered; what fails fails alone, what is done is not done again."""

import errno
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import vidgan
from vidgan import BatchResult, BatchWatch, Progress, Watch
from vidgan.errors import (
    DeviceError,
    Interrupted,
    MediaError,
    MemoryShortageError,
    OutputError,
    UsageError,
)
from vidgan.gan.threads import frames_at_once, usable_cores
from vidgan.jobs.batch.api import plan_of_batch
from vidgan.jobs.batch.estimate import estimate
from vidgan.jobs.batch.local import LocalEngine, Share
from vidgan.jobs.batch.outcome import in_words, told_once
from vidgan.jobs.batch.plan import Execution
from vidgan.jobs.batch.records import Records
from vidgan.jobs.batch.room import Machine, room
from vidgan.jobs.batch.run import carry_out_batch, divided
from vidgan.jobs.batch.tasks import TrainTask
from vidgan.jobs.batch.training_clips import settled
from vidgan.jobs.batch.worker import visible_gpu
from vidgan.jobs.journal import Journal
from vidgan.jobs.ownership import owner_of
from vidgan.jobs.work import work_folder_of
from vidgan.media import PictureWriter, open_clip

WriteClip = Callable[..., Path]
Names = Callable[[Path], list[str]]

CHECKOUT = Path(vidgan.__file__).parent.parent

needs_signals = pytest.mark.skipif(os.name == "nt", reason="needs signals")


class Here:
    """An engine that does all work in this process. did: the names of what it was given."""

    at_once = 1
    name = "this process"

    def __init__(self) -> None:
        self.did: list[str] = []

    def run(self, task: Any, watch: Watch) -> Any:
        self.did.append(task.look.stem if isinstance(task, TrainTask) else task.request.out.name)
        return task.run(watch)

    def interrupt(self) -> None:
        """It ends what it does."""


@pytest.fixture
def footage(clip: Path, tmp_path: Path) -> Path:
    """A folder with three clips: a.mp4, b.mp4, c.mp4."""
    folder = tmp_path / "footage"
    folder.mkdir()
    for name in "abc":
        shutil.copy(clip, folder / f"{name}.mp4")
    return folder


Write = Callable[[str], Path]


@pytest.fixture
def job_file(tmp_path: Path, target: Path, recipe: str) -> Write:
    """Write jobs.toml, with {target} and {recipe} filled in."""

    def write(text: str) -> Path:
        path = tmp_path / "jobs.toml"
        path.write_text(text.replace("{target}", str(target)).replace("{recipe}", recipe), encoding="utf-8")
        return path

    return write


AS_THEY_ARE = """
[[jobs]]
clip = "footage/*"
recipe = "passthrough"
out = "done/{name}{ext}"
"""
TILES = """
[looks.tiles]
target = "{target}"
recipe = "{recipe}"
[[jobs]]
clip = ["footage/a.mp4", "footage/b.mp4"]
look = "tiles"
out = "done/{name}.mkv"
"""


def here(source: Path, *, overwrite: bool = False, engine: Any = None, **given: Any) -> BatchResult:
    """The batch, carried out in this process."""
    plan = plan_of_batch(source, **given)
    return carry_out_batch(plan, lambda: nullcontext(engine or Here()), overwrite=overwrite)


def statuses(result: BatchResult) -> dict[str, str]:
    return {
        Path(one.out).name: "before" if one.before and one.status == "done" else one.status
        for one in result.outcomes
    }


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """When each file below a folder was written, and what it holds."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in found
        if path.name not in ("owner.json", "lock")
    }


def without_reports(found: dict[str, tuple[int, bytes]]) -> dict[str, tuple[int, bytes]]:
    return {name: what for name, what in found.items() if "report." not in name}


# A whole batch, in processes of its own: 24 jobs, three of them bad.

MORNING = """
[execution]
jobs = 2
[looks.tiles]
target = "{target}"
recipe = "{recipe}"
[looks.speck]
target = "speck.png"
recipe = "{recipe}"
[[jobs]]
clip = "footage/*"
recipe = "passthrough"
out = "done/plain/{name}{ext}"
[[jobs]]
clip = ["footage/01.mp4", "footage/02.mp4"]
look = "tiles"
out = "done/{look}/{name}.mkv"
[[jobs]]
clip = "footage/01.mp4"
look = "tiles"
out = "done/frames/%04d.png"
[[jobs]]
clip = "footage/03.mp4"
look = "speck"
[[jobs]]
clip = "footage/04.mp4"
recipe = "passthrough"
codec = "prores422"
out = "done/04.webm"
"""
UMLAUTS = "Käse & Brot [1] «neu».mp4"
GOOD = 21


@dataclass(frozen=True)
class Morning:
    """A batch that was run twice. told: what a watch heard the first time."""

    folder: Path
    first: BatchResult
    after_first: dict[str, tuple[int, bytes]]
    second: BatchResult
    after_second: dict[str, tuple[int, bytes]]
    told: list[tuple[str, ...]]
    report: Any

    def outcome(self, name: str) -> Any:
        return next(one for one in self.first.outcomes if one.out.endswith(name))


@pytest.fixture(scope="module")
def morning(clip: Path, target: Path, recipe: str, tmp_path_factory: pytest.TempPathFactory) -> Morning:
    folder = tmp_path_factory.mktemp("morning")
    (folder / "footage").mkdir()
    for number in range(1, 18):
        shutil.copy(clip, folder / "footage" / f"{number:02}.mp4")
    shutil.copy(clip, folder / "footage" / UMLAUTS)
    (folder / "footage" / "cut off.mp4").write_bytes(clip.read_bytes()[:900])
    Image.new("RGB", (5, 5)).save(folder / "speck.png")
    text = MORNING.replace("{target}", str(target)).replace("{recipe}", recipe)
    (folder / "jobs.toml").write_text(text, encoding="utf-8")
    told: list[tuple[str, ...]] = []
    watch = BatchWatch(
        began=lambda unit: told.append(("began", unit)),
        notice=lambda unit, notice: told.append(("notice", unit, notice)),
        ended=lambda unit, how, more: told.append(("ended", unit, how, more)),
        planned=lambda units: told.append(("planned", str(units))),
    )
    first = vidgan.batch(folder / "jobs.toml", watch=watch)
    after_first = files(folder)
    report = json.loads((folder / "jobs.batch" / "report.json").read_text(encoding="utf-8"))
    second = here(folder / "jobs.toml")
    return Morning(folder, first, after_first, second, files(folder), told, report)


def test_three_bad_jobs_stop_none_of_the_others(morning: Morning) -> None:
    assert len(morning.first.outcomes) == 24
    assert (morning.first.count("done"), morning.first.count("failed")) == (GOOD, 3)
    done = morning.folder / "done"
    assert len(list((done / "plain").glob("*.mp4"))) == 18
    assert len(list((done / "tiles").glob("*.mkv"))) == 2
    assert len(open_clip(done / "frames" / "%04d.png")) == 6
    assert not (done / "04.webm").exists()
    assert not list(morning.folder.rglob("*.work"))


def test_each_failure_is_named_with_what_to_do(morning: Morning) -> None:
    cut_off = morning.outcome("cut off.mp4")
    assert cut_off.error.startswith(f"{morning.folder / 'footage' / 'cut off.mp4'} is cut off")
    assert cut_off.remedy == "export it again."
    speck = morning.outcome("03-speck.mp4")
    assert speck.error.startswith("its look speck could not be trained: ")
    assert "speck.png is 5x5, too small to learn" in speck.error
    assert speck.remedy == "give a picture of 14 pixels a side or more."
    webm = morning.outcome("04.webm")
    assert "prores422 does not go into this container" in webm.error
    assert webm.remedy == "name the output .mov or .mkv."


def test_the_report_tells_it_all(morning: Morning) -> None:
    report, folder = morning.report, morning.folder / "jobs.batch"
    assert report["counts"] == {"done": GOOD, "failed": 3, "interrupted": 0, "waiting": 0}
    assert [job["status"] for job in report["jobs"]] == [one.status for one in morning.first.outcomes]
    assert report["engine"] == "this machine, 2 at a time"
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "3 of 24 jobs failed" in page
    assert "Käse &amp; Brot [1] «neu».mp4" in page
    assert page.count("data:image/jpeg") >= GOOD


def test_nothing_is_remembered_of_work_that_is_not_there(morning: Morning) -> None:
    """A render that somebody begins there later is not the batch's."""
    assert not [name for name in morning.after_first if name.endswith(".begun")]


def test_what_is_done_is_not_done_again(morning: Morning) -> None:
    assert [one.before for one in morning.second.outcomes] == [
        one.status == "done" for one in morning.first.outcomes
    ]
    assert (morning.second.count("done"), morning.second.count("failed")) == (GOOD, 3)
    assert morning.second.engine == "this process"
    looks = [name for name in morning.after_first if name.endswith(".safetensors")]
    assert len(looks) == 1
    kept = {name: what for name, what in morning.after_first.items() if "/jobs/" not in name}
    after = {name: what for name, what in morning.after_second.items() if "/jobs/" not in name}
    assert without_reports(after) == without_reports(kept)


def test_frames_are_those_of_single_commands(
    morning: Morning, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidgan.gan.palette._TABLE_SIDE", 33)  # as in the batch's processes
    (look,) = (morning.folder / "jobs.batch" / "looks").glob("*.safetensors")
    alone = vidgan.render(clip, look, tmp_path / "alone.mkv")
    assert morning.outcome("tiles/01.mkv").frames_sha256 == alone.frames_sha256
    plain = vidgan.translate(clip, None, tmp_path / "plain.mp4", pipeline="passthrough")
    assert morning.outcome("plain/05.mp4").frames_sha256 == plain.frames_sha256
    assert (morning.folder / "done" / "plain" / "05.mp4").read_bytes() == plain.out.read_bytes()


def test_what_is_known_of_a_job(morning: Morning) -> None:
    done = morning.outcome("tiles/01.mkv")
    assert (done.frames, done.look) == (6, "tiles")
    assert 0 <= done.figures["structure"] <= 1
    assert done.figures["detail"] > 0
    assert done.sheet.is_file()
    assert done.train_seconds > 0
    assert done.frames_per_second == pytest.approx(6 / done.seconds)
    assert morning.outcome("plain/05.mp4").figures["structure"] > 0.99


def test_a_watch_hears_of_every_job(morning: Morning) -> None:
    assert morning.told[0] == ("planned", str(24 + 2))
    ended = {unit: how for what, unit, how, *_ in (one for one in morning.told if one[0] == "ended")}
    assert len(ended) == 26
    assert ended["look tiles"] == ended[f"done/plain/{UMLAUTS}"] == "done"
    assert ended["look speck"] == ended["03-speck.mp4"] == ended["done/04.webm"] == "failed"
    assert [one for one in morning.told if one[0] == "began"].count(("began", "look tiles")) == 1
    assert not [one for one in morning.told if one[0] == "notice" and "parts are kept" in one[2]]


def test_a_look_is_that_of_a_single_command(
    footage: Path, job_file: Write, clip: Path, target: Path, recipe: str, tmp_path: Path
) -> None:
    result = here(job_file(TILES))
    look = tmp_path / "alone.safetensors"
    vidgan.train(clip, target, look, pipeline=recipe)
    alone = vidgan.render(clip, look, tmp_path / "alone.mkv")
    assert [one.frames_sha256 for one in result.outcomes] == [alone.frames_sha256] * 2


# What is done, and what is in the way.


WORLD = """
[looks.tiles]
target = "target.png"
recipe = "my.toml"
clip = "footage/c.mp4"
[[jobs]]
clip = "footage/a.mp4"
look = "tiles"
out = "a.mkv"
[[jobs]]
look = "tiles"
out = "b.mkv"
clip = "footage/b.mp4"
"""


@pytest.fixture(scope="module")
def done_once(clip: Path, target: Path, recipe: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    (folder / "footage").mkdir()
    for name in "abc":
        shutil.copy(clip, folder / "footage" / f"{name}.mp4")
    shutil.copy(target, folder / "target.png")
    shutil.copy(recipe, folder / "my.toml")
    (folder / "jobs.toml").write_text(WORLD, encoding="utf-8")
    assert here(folder / "jobs.toml").count("done") == 2
    return folder


@pytest.fixture
def done(done_once: Path, tmp_path: Path) -> Path:
    """A folder with jobs.toml, whose two jobs are done: a.mkv and b.mkv."""
    return Path(shutil.copytree(done_once, tmp_path / "world"))


def test_an_output_that_was_removed_is_made_again(done: Path) -> None:
    before = files(done)
    (done / "b.mkv").unlink()
    engine = Here()
    again = here(done / "jobs.toml", engine=engine)
    assert statuses(again) == {"a.mkv": "before", "b.mkv": "done"}
    assert engine.did[-1] == "b.mkv"
    after = files(done)
    assert [name for name in before if before[name] != after[name] and "jobs.batch/jobs" not in name] == [
        "b.mkv",
        "b.mkv.recipe.toml",
        *(name for name in before if "report." in name or "sheets/b.mkv" in name),
    ]


Change = Callable[[Path], None]


def change_clip(folder: Path) -> None:
    shutil.copy(folder / "footage" / "b.mp4", folder / "new")
    (folder / "new").replace(folder / "footage" / "b.mp4")


def change_jobs(before: str, after: str) -> Change:
    def change(folder: Path) -> None:
        file = folder / "jobs.toml"
        text = file.read_text(encoding="utf-8")
        assert before in text
        file.write_text(text.replace(before, after), encoding="utf-8")

    return change


def test_a_look_that_has_another_name_now_is_not_trained_again(done: Path) -> None:
    text = (done / "jobs.toml").read_text(encoding="utf-8")
    (done / "jobs.toml").write_text(text.replace("tiles]", "stones]").replace('"tiles"', '"stones"'))
    (done / "b.mkv").unlink()
    engine = Here()
    assert statuses(here(done / "jobs.toml", engine=engine)) == {"a.mkv": "before", "b.mkv": "done"}
    assert engine.did == ["b.mkv"]


def test_a_look_of_another_name_that_is_not_whole_is_not_taken(done: Path) -> None:
    plan = plan_of_batch(done / "jobs.toml")
    (look,) = plan.trainings
    records = Records(plan.folder)
    whole = records.look(look)
    other = replace(look, name="stones")
    assert records.look(other) == whole
    whole.write_bytes(whole.read_bytes()[:100])
    assert records.look(look) == whole
    assert records.look(other).name == whole.name.replace("tiles", "stones")


def test_looks_are_not_trained_again_for_what_concerns_rendering_alone(done: Path) -> None:
    change_jobs("[looks.tiles]", '[looks.tiles]\nset = ["smooth.window=2", "encode.crf=30"]')(done)
    engine = Here()
    assert here(done / "jobs.toml", overwrite=True, engine=engine).count("done") == 2
    assert sorted(engine.did) == ["a.mkv", "b.mkv"]


def change_target(folder: Path) -> None:
    picture = Image.open(folder / "target.png")
    picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "target.png")


def change_recipe(folder: Path) -> None:
    text = (folder / "my.toml").read_text(encoding="utf-8")
    (folder / "my.toml").write_text(text.replace("steps = 4", "steps = 5"), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "made_anew"),
    [
        (change_clip, ["b.mkv"]),
        (change_target, ["a.mkv", "b.mkv"]),
        (change_recipe, ["a.mkv", "b.mkv"]),
        (change_jobs('look = "tiles"', 'look = "tiles"\ncrf = 30'), ["a.mkv", "b.mkv"]),
        (change_jobs('look = "tiles"', 'look = "tiles"\nset = ["smooth.window=2"]'), ["a.mkv", "b.mkv"]),
        (change_jobs('"footage/b.mp4"', '"footage/b.mp4"\nstart = 2'), ["b.mkv"]),
    ],
)
def test_what_was_made_from_something_else_is_replaced_only_on_request(
    done: Path, change: Change, made_anew: list[str]
) -> None:
    change(done)
    before = files(done)
    are = "2 outputs are" if len(made_anew) == 2 else "1 output is"
    with pytest.raises(
        OutputError,
        match=rf"{are} there already, made from other clips, looks or settings \({', '.join(made_anew)}\): "
        "move them away, or pass --overwrite",
    ):
        here(done / "jobs.toml")
    assert files(done) == before
    engine = Here()
    assert here(done / "jobs.toml", overwrite=True, engine=engine).count("done") == 2
    assert [name for name in engine.did if name.endswith(".mkv")] == made_anew
    assert here(done / "jobs.toml").count("done") == 2


@pytest.mark.parametrize("name", ["done/b.mp4", "done/b.mp4.recipe.toml"])
def test_a_file_of_somebody_else_is_refused_before_any_work(
    footage: Path, job_file: Write, tmp_path: Path, name: str
) -> None:
    (tmp_path / "done").mkdir()
    (tmp_path / name).write_bytes(b"precious")
    before = files(tmp_path)
    jobs = job_file(AS_THEY_ARE)
    before = files(tmp_path)
    with pytest.raises(OutputError, match=r"1 output is there already, in the way \(done/b\.mp4\)"):
        here(jobs)
    assert files(tmp_path) == before
    assert not (tmp_path / "jobs.batch").exists()
    assert here(jobs, overwrite=True).count("done") == 3
    assert (tmp_path / name).read_bytes() != b"precious"


def test_pictures_of_somebody_else_are_refused_before_any_work(
    footage: Path, job_file: Write, tmp_path: Path
) -> None:
    jobs = job_file('[[jobs]]\nclip = "footage/a.mp4"\nrecipe = "passthrough"\nout = "frames/%03d.png"\n')
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "004.png").write_bytes(b"precious")
    with pytest.raises(OutputError, match=r"in the way \(frames/%03d\.png\)"):
        here(jobs)
    (tmp_path / "frames" / "004.png").rename(tmp_path / "frames" / "mine.png")
    assert here(jobs).count("done") == 1
    assert statuses(here(jobs)) == {"%03d.png": "before"}
    (tmp_path / "frames" / "002.png").unlink()
    with pytest.raises(OutputError, match=r"in the way|made from other"):
        here(jobs)


def test_a_file_that_appeared_meanwhile_is_not_replaced_then_or_later(
    footage: Path, job_file: Write, tmp_path: Path
) -> None:
    jobs = job_file(AS_THEY_ARE)
    foreign = tmp_path / "done" / "b.mp4"

    class Meanwhile(Here):
        def run(self, task: Any, watch: Watch) -> Any:
            foreign.write_bytes(b"precious")
            return super().run(task, watch)

    result = here(jobs, engine=Meanwhile())
    assert statuses(result) == {"a.mp4": "done", "b.mp4": "failed", "c.mp4": "done"}
    assert "exists" in (result.outcomes[1].error or "")
    with pytest.raises(OutputError, match=r"in the way \(done/b\.mp4\)"):
        here(jobs)
    assert foreign.read_bytes() == b"precious"


def test_a_batch_is_known_from_anywhere(
    footage: Path, job_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = job_file(AS_THEY_ARE)
    here(jobs)
    monkeypatch.chdir(footage)
    again = here(Path("..", "jobs.toml"))
    assert again.count("done") == sum(one.before for one in again.outcomes) == 3
    assert again.outcomes[0].out == str(Path("..", "done", "a.mp4"))
    assert all(one.sheet is not None and one.sheet.is_file() for one in again.outcomes)
    moved = tmp_path.with_name(f"{tmp_path.name} moved")
    tmp_path.rename(moved)
    assert statuses(here(moved / "jobs.toml")) == dict.fromkeys(["a.mp4", "b.mp4", "c.mp4"], "before")
    moved.rename(tmp_path)


def test_a_record_that_is_damaged_is_no_record(footage: Path, job_file: Write, tmp_path: Path) -> None:
    jobs = job_file(AS_THEY_ARE)
    here(jobs)
    for record in (tmp_path / "jobs.batch" / "jobs").iterdir():
        record.write_text('{"key": ', encoding="utf-8")
    with pytest.raises(OutputError, match="in the way"):
        here(jobs)


def test_a_file_that_cannot_be_read_is_named(
    footage: Path, job_file: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = job_file(TILES)

    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("vidgan.jobs.batch.records.file_sha256", refuse)
    with pytest.raises(MediaError, match=r"tiles\.png cannot be read \(permission denied\): check it"):
        here(jobs)


# Looks.


def test_looks_are_trained_once_for_many_clips(footage: Path, job_file: Write, tmp_path: Path) -> None:
    jobs = job_file(
        '[defaults]\nrecipe = "{recipe}"\nout = "{look}/{name}.mkv"\n'
        '[looks.tiles]\ntarget = "{target}"\n[looks.bold]\ntarget = "{target}"\nset = ["train.seed=1"]\n'
        '[[jobs]]\nclip = ["footage/a.mp4", "footage/b.mp4"]\nlooks = ["tiles", "bold"]\n'
    )
    engine = Here()
    result = here(jobs, engine=engine)
    assert result.count("done") == 4
    trained = [name.partition("-")[0] for name in engine.did if not name.endswith(".mkv")]
    assert sorted(trained) == ["bold", "tiles"]
    assert len({one.frames_sha256 for one in result.outcomes}) == 2
    looks = files(tmp_path / "jobs.batch" / "looks")
    assert here(jobs).count("done") == 4
    assert files(tmp_path / "jobs.batch" / "looks") == looks


def test_one_look_of_a_clip_that_cannot_be_trained_fails_its_jobs_alone(
    footage: Path, job_file: Write, tmp_path: Path
) -> None:
    (footage / "b.mp4").write_bytes(b"no clip")
    jobs = job_file(
        '[defaults]\nrecipe = "{recipe}"\nout = "{look}/{name}.mkv"\n'
        '[looks.tiles]\ntarget = "{target}"\n'
        '[looks.lost]\ntarget = "{target}"\nclip = "footage/b.mp4"\n'
        '[[jobs]]\nclip = ["footage/a.mp4", "footage/c.mp4"]\nlooks = ["tiles", "lost"]\n'
    )
    result = here(jobs)
    failed = [one for one in result.outcomes if one.status == "failed"]
    assert [Path(one.out).relative_to(tmp_path).as_posix() for one in failed] == ["lost/a.mkv", "lost/c.mkv"]
    assert all((one.error or "").startswith("its look lost could not be trained: ") for one in failed)
    assert result.count("done") == 2


def test_a_damaged_first_clip_does_not_take_the_look_from_the_others(
    footage: Path, clip: Path, target: Path, recipe: str, tmp_path: Path
) -> None:
    (footage / "a.mp4").write_bytes(b"no clip")
    given: dict[str, Any] = {"target": target, "out": tmp_path / "out", "pipeline": recipe}
    result = here(footage, **given)
    assert statuses(result) == {"a.mp4": "failed", "b.mp4": "done", "c.mp4": "done"}
    assert "a.mp4" in (result.outcomes[0].error or "")
    shutil.copy(clip, footage / "a.mp4")
    shutil.copy(clip, footage / "0.mp4")
    engine = Here()
    mended = here(footage, engine=engine, **given)
    assert statuses(mended) == {"0.mp4": "done", "a.mp4": "done", "b.mp4": "before", "c.mp4": "before"}
    assert sorted(name for name in engine.did if name.endswith(".mp4")) == ["0.mp4", "a.mp4"]


def test_looks_of_one_clip_that_is_read_in_several_ways_are_several(
    write_clip: WriteClip, job_file: Write, tmp_path: Path
) -> None:
    write_clip(tmp_path / "two.mp4", streams=2)
    own = '[[jobs]]\nclip = "two.mp4"\ntarget = "{target}"\nrecipe = "{recipe}"\nstream = 0\n'
    plan = plan_of_batch(job_file(f"{own}out = '0.mkv'\n{own.replace('= 0', '= 1')}out = '1.mkv'\n"))
    assert [look.stream for look in plan.trainings] == [0, 1]
    shared = '[looks.tiles]\ntarget = "{target}"\n[[jobs]]\nclip = "two.mp4"\nlook = "tiles"\nstream = 0\n'
    looks = []
    for text in (shared, shared.replace("= 0", "= 1")):
        plan = plan_of_batch(job_file(text))
        records = Records(plan.folder)
        looks += [records.look(look) for look in settled(plan, records).trainings]
    assert len(set(looks)) == 2


def test_a_training_that_another_version_began_starts_over(
    footage: Path, job_file: Write, tmp_path: Path
) -> None:
    jobs = job_file(TILES)
    plan = plan_of_batch(jobs)
    look = Records(plan.folder).look(plan.trainings[0])
    look.parent.mkdir(parents=True)
    look.with_name(f"{look.name}.resume").write_bytes(b"of another version")
    told: list[str] = []
    watch = BatchWatch(notice=lambda unit, notice: told.append(notice))
    result = carry_out_batch(plan, lambda: nullcontext(Here()), watch)
    assert result.count("done") == 2
    assert any("starts over" in notice for notice in told)
    assert not look.with_name(f"{look.name}.resume").exists()


# Broken off.


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the frames that were encoded, in order."""
    numbers: list[int] = []
    whole = PictureWriter.write

    def write(self: PictureWriter, given: Any) -> None:
        numbers.append(given.index)
        whole(self, given)

    monkeypatch.setattr(PictureWriter, "write", write)
    return numbers


class Killed(BaseException):
    """As by kill -9: whoever would tidy up does not get to it."""


def die(*arguments: object, **named: object) -> None:
    raise Killed


@pytest.mark.parametrize(
    "moment", ["vidgan.jobs.batch.records.Records.remember", "vidgan.jobs.batch.run.drop_work"]
)
@pytest.mark.parametrize("out", ["{name}.mp4", "{name}/%03d.png"])
def test_a_batch_that_was_killed_before_a_job_was_noted_renders_it_not_again(
    footage: Path, job_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, out: str
) -> None:
    jobs = job_file(f'[[jobs]]\nclip = "footage/a.mp4"\nrecipe = "passthrough"\nout = "{out}"\n')
    with monkeypatch.context() as patched:
        patched.setattr(moment, die)
        with pytest.raises(Killed):
            here(jobs)
    assert list(tmp_path.rglob("*.work"))
    result = here(jobs)
    assert result.count("done") == 1
    assert result.outcomes[0].before or result.outcomes[0].frames_per_second == 0  # not one was made
    assert not list(tmp_path.rglob("*.work"))


class Breaking(Here):
    """Breaks a job off where the encoder gets to a frame of that number."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, frame: int) -> None:
        super().__init__()
        self.patch, self.frame = monkeypatch, frame

    def run(self, task: Any, watch: Watch) -> Any:
        whole = PictureWriter.write

        def write(writer: PictureWriter, given: Any) -> None:
            if given.index == self.frame:
                raise KeyboardInterrupt
            whole(writer, given)

        with self.patch.context() as patched:
            patched.setattr(PictureWriter, "write", write)
            try:
                return super().run(task, watch)
            except KeyboardInterrupt as error:
                raise Interrupted("stopped") from error


def test_a_job_that_was_broken_off_goes_on_in_the_next_run(
    footage: Path, job_file: Write, monkeypatch: pytest.MonkeyPatch, drawn: list[int]
) -> None:
    jobs = job_file('[[jobs]]\nclip = "footage/a.mp4"\nrecipe = "passthrough"\nset = ["encode.segment=2"]\n')
    broken = here(jobs, engine=Breaking(monkeypatch, 5))
    assert [one.status for one in broken.outcomes] == ["interrupted"]
    assert "4 of 6 frames are kept" in (broken.outcomes[0].error or "")
    drawn.clear()
    result = here(jobs)
    assert drawn == [4, 5]
    assert result.count("done") == 1
    assert result.outcomes[0].frames == 6
    assert result.outcomes[0].frames_per_second == pytest.approx(2 / result.outcomes[0].seconds)
    assert any("going on where it stopped" in notice for notice in result.outcomes[0].notices)


def test_work_that_the_batch_began_with_other_settings_starts_over(
    footage: Path, job_file: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is there to be asked."""
    text = '[[jobs]]\nclip = "footage/a.mp4"\nrecipe = "passthrough"\nset = ["encode.segment=2"]\n'
    here(job_file(text), engine=Breaking(monkeypatch, 5))
    (outcome,) = here(job_file(f"{text}crf = 30\n")).outcomes
    assert (outcome.status, outcome.frames) == ("done", 6)
    assert outcome.frames_per_second == pytest.approx(6 / outcome.seconds)
    (notice,) = (one for one in outcome.notices if one.startswith("started over: "))
    assert "of another job; changed: the recipe's encode.crf (17, now 30)" in notice


def test_work_of_somebody_else_is_thrown_away_on_request(
    footage: Path, job_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: list[int]
) -> None:
    out = tmp_path / "a-passthrough.mp4"
    with monkeypatch.context() as patched:
        patched.setattr("vidgan.jobs.delivery.mux", die)
        with pytest.raises(Killed):
            vidgan.translate(footage / "a.mp4", None, out, pipeline="passthrough", overrides=["encode.crf=9"])
    jobs = job_file('[[jobs]]\nclip = "footage/a.mp4"\nrecipe = "passthrough"\n')
    (refused,) = here(jobs).outcomes
    assert refused.status == "failed"
    assert "of another job; changed: the recipe's encode.crf (9, now 17)" in (refused.error or "")
    assert (refused.remedy or "").endswith("or pass --overwrite to start over.")
    assert len(Journal(work_folder_of(out))) == 1
    assert here(jobs, overwrite=True).count("done") == 1


@needs_signals
def test_the_first_interruption_lets_work_be_finished_and_what_waits_wait(
    footage: Path, job_file: Write, tmp_path: Path
) -> None:
    jobs = job_file(AS_THEY_ARE)
    with pytest.raises(Interrupted, match=r"stopped: 1 of 3 jobs are done \(.*report\.html\)") as told:
        here(jobs, engine=Interrupting(1))
    assert told.value.exit_code == 130
    report = json.loads((tmp_path / "jobs.batch" / "report.json").read_text())
    assert report["interrupted"]
    assert [job["status"] for job in report["jobs"]] == ["done", "waiting", "waiting"]
    assert "interrupted before its end" in (tmp_path / "jobs.batch" / "report.html").read_text()
    assert statuses(here(jobs)) == {"a.mp4": "before", "b.mp4": "done", "c.mp4": "done"}


@needs_signals
def test_what_ended_while_the_second_interruption_came_is_noted(
    footage: Path, job_file: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidgan.jobs.interrupt._SAME_SECONDS", -1.0)
    jobs, engine = job_file(AS_THEY_ARE), Interrupting(2)
    with pytest.raises(Interrupted, match="1 of 3 jobs are done"):
        here(jobs, engine=engine)
    assert engine.interrupted == 2
    assert statuses(here(jobs)) == {"a.mp4": "before", "b.mp4": "done", "c.mp4": "done"}


class Interrupting(Here):
    """Has the user interrupt so many times while it does its first job, and finishes that."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times, self.interrupted = times, 0
        self.heard = multiprocessing.get_context("spawn").Semaphore(0)

    def run(self, task: Any, watch: Watch) -> Any:
        for _ in range(self.times if not self.did else 0):
            signal.raise_signal(signal.SIGINT)
            assert self.heard.acquire(timeout=300)
        return super().run(task, watch)

    def interrupt(self) -> None:
        self.interrupted += 1
        self.heard.release()


def test_a_disk_that_takes_no_notes_stops_nothing(
    footage: Path, job_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = job_file(AS_THEY_ARE)

    def full(*arguments: object) -> None:
        raise OutputError("no space left: free some.")

    with monkeypatch.context() as patched:
        patched.setattr("vidgan.jobs.batch.run.write_report", full)
        patched.setattr("vidgan.jobs.batch.records.Records.remember", full)
        with pytest.raises(OutputError, match="no space left"):
            here(jobs)
    engine = Here()
    assert here(jobs, engine=engine).count("done") == 3
    assert all(one.frames_per_second == 0 for one in here(jobs).outcomes)  # all were rendered before


def test_a_fault_of_our_own_fails_one_job_and_its_traceback_is_told(footage: Path, job_file: Write) -> None:
    class Faulty(Here):
        def run(self, task: Any, watch: Watch) -> Any:
            if task.request.out.name == "b.mp4":
                raise IndexError("list index\nout of range")
            return super().run(task, watch)

    told: list[tuple[str, str]] = []
    watch = BatchWatch(trouble=lambda unit, trace: told.append((unit, trace)))
    plan = plan_of_batch(job_file(AS_THEY_ARE))
    result = carry_out_batch(plan, lambda: nullcontext(Faulty()), watch)
    assert statuses(result) == {"a.mp4": "done", "b.mp4": "failed", "c.mp4": "done"}
    assert result.outcomes[1].error == "a fault of vidgan's own (IndexError: list index out of range)"
    assert result.outcomes[1].remedy == "--log FILE keeps its traceback."
    ((unit, trace),) = told
    assert unit == "done/b.mp4"
    assert "Traceback" in trace
    assert "Faulty" in trace or "in run" in trace


def test_a_black_clip_has_no_figures(write_clip: WriteClip, tmp_path: Path, job_file: Write) -> None:
    """And no warning: warnings are errors here."""
    write_clip(
        tmp_path / "black.mp4", draw=lambda index, width, height: torch.zeros(height, width, 3).numpy()
    )
    result = here(job_file('[[jobs]]\nclip = "black.mp4"\nrecipe = "passthrough"\n'))
    assert result.count("done") == 1
    assert result.outcomes[0].figures == {}


# An estimate.


def test_an_estimate_finds_what_will_fail_and_writes_nothing(
    footage: Path, job_file: Write, tmp_path: Path
) -> None:
    (footage / "a.mp4").write_bytes(b"no clip")
    Image.new("RGB", (5, 5)).save(tmp_path / "speck.png")
    Image.new("L", (90, 30)).save(tmp_path / "matte.png")
    jobs = job_file(
        '[looks.speck]\ntarget = "speck.png"\nrecipe = "{recipe}"\n'
        + TILES
        + '[[jobs]]\nclip = "footage/b.mp4"\nlook = "tiles"\nmatte = "matte.png"\nout = "matte.mkv"\n'
        '[[jobs]]\nclip = "footage/b.mp4"\nlook = "tiles"\ncodec = "prores422"\nout = "b.webm"\n'
        '[[jobs]]\nclip = "footage/b.mp4"\nlook = "speck"\n'
    )
    before = files(tmp_path)
    found = estimate(plan_of_batch(jobs), BatchWatch())
    assert files(tmp_path) == before
    wrong = {unit.what: unit.wrong or "" for unit in found.units if unit.wrong}
    assert set(wrong) == {"done/a.mkv", "matte.mkv", "b.webm", "look speck", "b-speck.mp4"}
    assert "matte.png is 90x30, the clip 48x40" in wrong["matte.mkv"]
    assert "too small" in wrong["look speck"]
    assert wrong["b-speck.mp4"] == "its look speck cannot be trained"
    told = list(found.told())
    assert sum(line.startswith("will fail: ") for line in told) == 5
    assert "1 job and 1 training to do" in told[-1]
    assert found.seconds > 0
    json.dumps(found.as_json(), allow_nan=False)


def test_an_estimate_tells_what_is_done_and_what_is_in_the_way(
    footage: Path, job_file: Write, tmp_path: Path
) -> None:
    jobs = job_file(AS_THEY_ARE)
    here(jobs)
    assert all(unit.done for unit in estimate(plan_of_batch(jobs), BatchWatch()).jobs)
    (tmp_path / "done" / "b.mp4").write_bytes(b"precious")
    found = estimate(plan_of_batch(jobs), BatchWatch())
    assert [unit.done for unit in found.jobs] == [True, False, True]
    assert "1 output is there already, in the way (done/b.mp4)" in list(found.told())[-1]
    assert estimate(plan_of_batch(jobs), BatchWatch(), overwrite=True).refused is None


# Processes.


@dataclass(frozen=True)
class Dies:
    """A piece of work that ends its process."""

    number: int

    def run(self, watch: Watch) -> None:
        watch.progress(Progress("render", 0.5))
        os.kill(os.getpid(), self.number)


@dataclass(frozen=True)
class Measures:
    """What a process may use."""

    def run(self, watch: Watch) -> tuple[int, int, int]:
        print("not to be seen on standard output")
        return torch.get_num_threads(), usable_cores(), frames_at_once(torch.device("cpu"))


@dataclass(frozen=True)
class Waits:
    """For a signal that was sent while it works."""

    def run(self, watch: Watch) -> None:
        watch.progress(Progress("render", 0.5))
        signal.pause()


def test_a_process_that_cannot_be_started_fails_its_work_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = LocalEngine(1, Share(threads=1))

    def start(process: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    with monkeypatch.context() as patch:
        patch.setattr(multiprocessing.get_context("spawn").Process, "start", start)
        for _ in range(2):
            with pytest.raises(MemoryShortageError, match=r"\(cannot allocate memory\): lower --jobs"):
                engine.run(Measures(), Watch())  # type: ignore[arg-type]
    try:
        assert engine.run(Measures(), Watch()) == (1, 1, 1)  # type: ignore[arg-type]
    finally:
        engine.close()


@needs_signals
def test_a_process_that_is_killed_fails_its_work_alone(capfd: pytest.CaptureFixture[str]) -> None:
    engine = LocalEngine(1, Share(threads=1))
    try:
        with pytest.raises(MemoryShortageError, match=r"was killed.* memory runs out: lower --jobs or close"):
            engine.run(Dies(signal.SIGKILL), Watch())  # type: ignore[arg-type]
        assert engine.run(Measures(), Watch()) == (1, 1, 1)  # type: ignore[arg-type]

        def stop(progress: Progress) -> None:
            engine.interrupt()

        with pytest.raises(Interrupted, match="the same command goes on"):
            engine.run(Waits(), Watch(progress=stop))  # type: ignore[arg-type]
        with pytest.raises(Interrupted):  # nothing is begun any more
            engine.run(Measures(), Watch())  # type: ignore[arg-type]
    finally:
        engine.close()
    assert multiprocessing.active_children() == []
    assert capfd.readouterr().out == ""


LONG = """
[execution]
jobs = 1
[[jobs]]
clip = "long.mp4"
model = "{look}"
set = ["encode.segment=10"]
out = "long.mkv"
[[jobs]]
clip = "long.mp4"
recipe = "passthrough"
end = 3
out = "short.mkv"
"""
LONG_FRAMES = 200


@pytest.fixture
def long_job(write_clip: WriteClip, look: Path, tmp_path: Path) -> Path:
    """A job file: a render that takes some seconds, and one that takes none."""
    write_clip(tmp_path / "long.mp4", frames=LONG_FRAMES)
    jobs = tmp_path / "jobs.toml"
    jobs.write_text(LONG.replace("{look}", str(look)), encoding="utf-8")
    return jobs


def at(fraction: float, do: Callable[[], None]) -> BatchWatch:
    """Does something once, where the long render has come so far."""
    waiting = [do]

    def progress(unit: str, progress: Progress) -> None:
        if waiting and (unit, progress.phase) == ("long.mkv", "render") and progress.fraction >= fraction:
            waiting.pop()()

    return BatchWatch(progress=progress)


def reused(result: BatchResult) -> int:
    """How many frames of the long job an earlier run had made."""
    told = "".join(result.outcomes[0].notices)
    return int(told.partition("going on where it stopped: ")[2].partition(" of")[0])


@needs_signals
def test_a_batch_goes_on_after_an_interruption_and_after_the_death_of_a_process(
    long_job: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[str] = []

    def begin_another_and_interrupt() -> None:
        try:
            vidgan.batch(long_job)
        except OutputError as error:
            refused.append(str(error))
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted, match="0 of 2 jobs are done"):
        vidgan.batch(long_job, watch=at(0.1, begin_another_and_interrupt))
    assert f"jobs.batch is being made by process {os.getpid()} on " in refused[0]
    first, second = json.loads((tmp_path / "jobs.batch" / "report.json").read_text())["jobs"]
    assert (first["status"], second["status"]) == ("interrupted", "waiting")
    assert f"of {LONG_FRAMES} frames are kept in {tmp_path / 'long.mkv.work'}" in first["error"]

    def kill() -> None:
        (process,) = multiprocessing.active_children()
        process.kill()

    killed = vidgan.batch(long_job, watch=at(0.6, kill))
    assert statuses(killed) == {"long.mkv": "failed", "short.mkv": "done"}
    assert (killed.outcomes[0].error or "").startswith("the process that worked on it was killed")
    assert (killed.outcomes[0].remedy or "").startswith("lower --jobs or close other programs")
    monkeypatch.setattr("vidgan.gan.palette._TABLE_SIDE", 33)  # as in the batch's processes
    result = here(long_job)
    assert statuses(result) == {"long.mkv": "done", "short.mkv": "before"}
    assert LONG_FRAMES * 0.4 < reused(result) < LONG_FRAMES
    alone = vidgan.render(
        tmp_path / "long.mp4", look, tmp_path / "alone.mkv", overrides=["encode.segment=10"]
    )
    assert result.outcomes[0].frames_sha256 == alone.frames_sha256


@needs_signals
def test_a_batch_that_is_killed_takes_its_processes_along_and_goes_on(long_job: Path, tmp_path: Path) -> None:
    work = tmp_path / "long.mkv.work"
    command = [sys.executable, "-m", "vidgan", "batch", str(long_job)]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=CHECKOUT, **quiet) as batch:
        wait_until(lambda: len(Journal(work)) >= 5)
        batch.kill()
    wait_until(lambda: owner_of(work) is None)
    assert owner_of(tmp_path / "jobs.batch") is None
    kept = Journal(work).frames_done()
    assert kept < LONG_FRAMES
    result = here(long_job)
    assert result.count("done") == 2
    assert reused(result) == kept


def wait_until(happened: Callable[[], bool]) -> None:
    until = time.monotonic() + 400
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_script_that_forgot_its_guard_is_told(
    footage: Path, job_file: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a process that imports the script that began it."""
    monkeypatch.setattr(multiprocessing.current_process(), "_inheriting", True, raising=False)
    with pytest.raises(UsageError, match='call it below if __name__ == "__main__":'):
        vidgan.batch(job_file(AS_THEY_ARE))


@pytest.mark.parametrize(
    ("execution", "machine", "most", "expected"),
    [
        (Execution(), Machine(2, 24 * 2**30), 99, (2, Share(1))),
        (Execution(), Machine(1, 24 * 2**30), 99, (1, Share(1))),
        (Execution(), Machine(4, 24 * 2**30), 99, (2, Share(2))),
        (Execution(), Machine(16, 64 * 2**30), 99, (4, Share(4))),
        (Execution(), Machine(64, 16 * 2**30), 99, (4, Share(16))),
        (Execution(), Machine(64, 2**30), 99, (1, Share(64))),
        (Execution(), Machine(16, 64 * 2**30), 1, (1, Share(16))),
        (Execution(jobs=6), Machine(2, 2**30), 99, (6, Share(1))),
        (Execution(jobs=6), Machine(16, 2**30), 2, (2, Share(8))),
        (Execution(), Machine(16, 64 * 2**30, gpus=1), 99, (1, Share(16))),
        (Execution(), Machine(16, 64 * 2**30, gpus=2), 99, (2, Share(8, (0, 1)))),
        (Execution(gpus=0.5), Machine(16, 64 * 2**30, gpus=2), 99, (4, Share(4, (0, 1)))),
        (Execution(gpus=0.4), Machine(16, 64 * 2**30, gpus=2), 99, (4, Share(4, (0, 1)))),
        (Execution(gpus=2), Machine(16, 64 * 2**30, gpus=2), 99, (2, Share(8, (0, 1)))),
    ],
)
def test_how_many_jobs_a_machine_has_room_for(
    execution: Execution, machine: Machine, most: int, expected: tuple[int, Share]
) -> None:
    assert room(execution, machine, most) == expected


def test_trainings_take_the_room_of_several_jobs_on_a_small_machine() -> None:
    training = TrainTask(None, Path("look"), vidgan.Options())  # type: ignore[arg-type]
    for slots, threads, expected in [(2, 1, 2), (2, 2, 2), (4, 4, 1), (8, 2, 2), (1, 1, 1)]:
        assert LocalEngine(slots, Share(threads))._room_of(training) == expected
    assert LocalEngine(2, Share(1, (0, 1)))._room_of(training) == 1


@pytest.mark.parametrize(
    ("number", "visible", "expected"),
    [(0, "", "0"), (1, "", "1"), (1, "4,6", "6"), (0, "GPU-a, GPU-b", "GPU-a")],
)
def test_gpus_are_those_that_the_batch_itself_may_see(number: int, visible: str, expected: str) -> None:
    assert visible_gpu(number, visible) == expected


# Words.


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "a.mov is truncated: 68 of 96 frames decode. Re-export it, or pass --allow-truncated.",
            ("a.mov is truncated: 68 of 96 frames decode", "Re-export it, or pass --allow-truncated."),
        ),
        ("a.mp4 is empty (0 bytes): export it again.", ("a.mp4 is empty (0 bytes)", "export it again.")),
        (
            "no such codec: use e.g. h264 of x.265, v1.2",
            ("no such codec", "use e.g. h264 of x.265, v1.2"),
        ),
        ("nothing is said", ("nothing is said", None)),
    ],
)
def test_what_happened_and_what_to_do(message: str, expected: tuple[str, str | None]) -> None:
    assert divided(message) == expected


def test_names_are_told_once() -> None:
    assert told_once("a.mp4", "a.mp4 is damaged") == "a.mp4 is damaged"
    assert told_once("a.mp4", "its look is missing") == "a.mp4: its look is missing"
    assert [in_words(seconds) for seconds in (9.4, 61, 3 * 3600 + 300)] == ["9 s", "1 min 01 s", "3 h 05 min"]


def test_an_engine_or_a_device_that_is_not_here_is_told_before_any_work(
    footage: Path, job_file: Write, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="engine 'tensor' is unknown"):
        vidgan.batch(job_file(f'[execution]\nengine = "tensor"\n{AS_THEY_ARE}'))
    with pytest.raises(DeviceError, match="device 'tpu' is unknown"):
        vidgan.batch(job_file(AS_THEY_ARE), device="tpu")
    assert not (tmp_path / "jobs.batch").exists()

"""Work that was broken off: what is safe, what goes on, what is refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import vidgan
from vidgan import Options
from vidgan.errors import Interrupted, MemoryShortageError, OutputError
from vidgan.jobs.options import Watch
from vidgan.jobs.ownership import owned, owner_of
from vidgan.jobs.segments import Segment, runs, segments
from vidgan.jobs.unfinished import unfinished
from vidgan.jobs.work import work_folder_of
from vidgan.media import PictureWriter, open_clip, read_picture
from vidgan.media.sequence import SequenceWriter

Names = Callable[[Path], list[str]]
Pictures = Callable[[Path], Any]

THIRDS = ["encode.segment=2"]


class Killed(BaseException):
    """As by kill -9: whoever would tidy up does not get to it."""


def test_convention_segments_begin_at_cuts_and_at_every_length_within_a_shot() -> None:
    assert segments(range(10), [], 4) == [Segment(0, 4), Segment(4, 8), Segment(8, 10)]
    assert segments(range(10), [5], 4) == [Segment(0, 4), Segment(4, 5), Segment(5, 9), Segment(9, 10)]
    assert segments(range(3, 6), [1, 3, 6, 9], 100) == [Segment(3, 6)]


def test_what_follows_on_each_other_is_rendered_in_one_go() -> None:
    a, b, c, d = Segment(0, 2), Segment(2, 4), Segment(6, 8), Segment(8, 9)
    assert list(runs([a, b, c, d])) == [[a, b], [c, d]]
    assert list(runs([])) == []


def breaking(monkeypatch: pytest.MonkeyPatch, frame: int, error: BaseException) -> None:
    """Let the encoder fail at the frame of that number."""
    for writer in (PictureWriter, SequenceWriter):
        whole = writer.write

        def write(self: Any, given: Any, whole: Callable[..., None] = whole) -> None:
            if given.index == frame:
                raise error
            whole(self, given)

        monkeypatch.setattr(writer, "write", write)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the frames that were encoded, in order."""
    numbers: list[int] = []
    for writer in (PictureWriter, SequenceWriter):
        whole = writer.write

        def write(self: Any, given: Any, whole: Callable[..., None] = whole) -> None:
            numbers.append(given.index)
            whole(self, given)

        monkeypatch.setattr(writer, "write", write)
    return numbers


@pytest.mark.parametrize("name", ["out.mkv", "out.mp4", "frames/%03d.png"])
@pytest.mark.parametrize("frame", [1, 2, 3, 5])
def test_a_render_that_was_killed_goes_on_to_the_same_frames(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, frame: int
) -> None:
    whole = vidgan.render(clip, look, tmp_path / "whole.mkv", overrides=THIRDS)
    if name.endswith("png"):
        whole = vidgan.render(clip, look, tmp_path / "whole" / "%03d.png", overrides=THIRDS)
    out = tmp_path / name
    sheet = Options(sheet=tmp_path / "sheet.png", overwrite=True)
    with monkeypatch.context() as patched:
        breaking(patched, frame, Killed())
        with pytest.raises(Killed):
            vidgan.render(clip, look, out, overrides=THIRDS, options=sheet)
    notices: list[str] = []
    again = vidgan.render(
        clip, look, out, overrides=THIRDS, options=sheet, watch=Watch(notice=notices.append)
    )
    assert again.reused == frame // 2 * 2
    assert again.frames_sha256 == whole.frames_sha256 or not name.endswith(("png", "mkv"))
    assert any("going on where it stopped" in notice for notice in notices) == (again.reused > 0)
    assert not work_folder_of(out).exists()
    assert read_picture(tmp_path / "sheet.png").std() > 10


def test_nothing_that_was_done_is_rendered_again(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: list[int]
) -> None:
    out = tmp_path / "out.mkv"
    with monkeypatch.context() as patched:
        breaking(patched, 5, Killed())
        with pytest.raises(Killed):
            vidgan.render(clip, look, out, overrides=THIRDS)
    assert drawn == [0, 1, 2, 3, 4]
    vidgan.render(clip, look, out, overrides=THIRDS)
    assert drawn == [0, 1, 2, 3, 4, 4, 5]


def test_a_part_that_was_changed_is_made_again(
    clip: Path, look: Path, tmp_path: Path, drawn: list[int]
) -> None:
    out, keep = tmp_path / "out.mkv", Options(keep_work=True, overwrite=True)
    first = vidgan.render(clip, look, out, overrides=THIRDS, options=keep)
    (part,) = (work_folder_of(out) / "parts").glob(f"{Segment(2, 4)}-*")
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    notices: list[str] = []
    drawn.clear()
    second = vidgan.render(
        clip, look, out, overrides=THIRDS, options=keep, watch=Watch(notice=notices.append)
    )
    assert drawn == [2, 3]
    assert second.frames_sha256 == first.frames_sha256
    assert "what was made of frames 2 to 3 is missing or damaged: made again" in notices


def test_another_job_is_refused_with_what_changed_and_fresh_starts_over(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_clip: Callable[..., Path]
) -> None:
    out = tmp_path / "out.mkv"
    mine = tmp_path / "clip.mp4"
    shutil.copy(clip, mine)
    with monkeypatch.context() as patched:
        breaking(patched, 3, Killed())
        with pytest.raises(Killed):
            vidgan.render(mine, look, out, overrides=THIRDS)
    notices: list[str] = []
    changed = [*THIRDS, "smooth.window=2"]
    with pytest.raises(OutputError, match=r"the recipe's smooth\.window \(1, now 2\).*--fresh"):
        vidgan.render(mine, look, out, overrides=changed, watch=Watch(notice=notices.append))
    assert not any("the same command goes on" in notice for notice in notices)  # this one does not
    with pytest.raises(OutputError, match=r"--engine \(auto, openvino .*, now torch\)"):
        vidgan.render(mine, look, out, overrides=THIRDS, options=Options(engine="torch"))
    with pytest.raises(OutputError, match="changed: the kind of job"):
        vidgan.translate(mine, None, out, pipeline="passthrough")
    write_clip(mine, options={"crf": "30"})
    with pytest.raises(OutputError, match="changed: the clip"):
        vidgan.render(mine, look, out, overrides=THIRDS)
    monkeypatch.setattr("vidgan.jobs.facts.__version__", "9.9")
    monkeypatch.setattr("vidgan.jobs.facts._code", lambda: "")
    shutil.copy(clip, mine)
    with pytest.raises(OutputError, match=r"vidgan's version \(.*, now 9\.9\)"):
        vidgan.render(mine, look, out, overrides=THIRDS)
    done = vidgan.render(mine, look, out, overrides=THIRDS, options=Options(fresh=True))
    assert (done.frames, done.reused) == (6, 0)


def test_paths_threads_and_what_is_written_beside_change_no_job(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.mkv"
    with monkeypatch.context() as patched:
        breaking(patched, 5, Killed())
        with pytest.raises(Killed):
            vidgan.render(clip, look, out, overrides=THIRDS)
    for path in (clip, look):
        shutil.copy(path, tmp_path / path.name)
    options = Options(sheet=tmp_path / "sheet.png", verify=False, allow_truncated=True)
    again = vidgan.render(tmp_path / clip.name, tmp_path / look.name, out, overrides=THIRDS, options=options)
    assert again.reused == 4


def test_a_report_of_a_resumed_render_is_that_of_a_whole_one(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(report=True)
    vidgan.render(clip, look, tmp_path / "whole.mkv", overrides=THIRDS, options=options)
    out = tmp_path / "out.mkv"
    with monkeypatch.context() as patched:
        breaking(patched, 3, Killed())
        with pytest.raises(Killed):
            vidgan.render(clip, look, out, overrides=THIRDS, options=options)
    assert vidgan.render(clip, look, out, overrides=THIRDS, options=options).reused == 2
    reports = [
        json.loads((tmp_path / f"{name}.report.json").read_text()) for name in ("whole.mkv", "out.mkv")
    ]
    assert reports[0] == reports[1]
    assert [one["frame"] for one in reports[0]["frames"]] == list(range(6))


def half_published(parts: list[tuple[Path, int]], pattern: Path, first: int, alone: bool) -> None:
    """Three pictures have their names, then comes the end."""
    for number in range(3):
        (parts[0][0] / f"{number}.png").replace(pattern.with_name(f"{first + number:03}.png"))
    raise Killed


@pytest.mark.parametrize("moment", ["rename", "_write_beside", "require_verified"])
@pytest.mark.parametrize("name", ["out.mp4", "frames/%03d.png"])
def test_a_render_that_was_killed_at_its_very_end_is_finished_and_not_refused(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, name: str
) -> None:
    out = tmp_path / name
    room = "prepared" if moment == "require_verified" else "delivery"

    def die(*arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(f"vidgan.jobs.{room}.{moment}", die)
        if moment == "rename":
            patched.setattr("vidgan.jobs.delivery.publish_pictures", half_published)
        with pytest.raises(Killed):
            vidgan.render(clip, look, out)
    done = vidgan.render(clip, look, out)
    assert done.reused == 6
    found = open_clip(out)
    assert len(found) == 6
    assert not work_folder_of(out).exists()
    with pytest.raises(OutputError, match="exists"):
        vidgan.render(clip, look, out)


def test_the_output_of_somebody_else_is_not_taken_for_ours(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.mkv"

    def die(*arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("vidgan.jobs.delivery.rename", die)
        with pytest.raises(Killed):
            vidgan.render(clip, look, out)
    out.write_bytes(b"a file of the user's")
    with pytest.raises(OutputError, match="exists"):
        vidgan.render(clip, look, out)
    assert out.read_bytes() == b"a file of the user's"


def test_leftovers_of_an_attempt_that_was_killed_go(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: Names
) -> None:
    out = tmp_path / "out.mkv"
    with monkeypatch.context() as patched:
        breaking(patched, 3, Killed())
        with pytest.raises(Killed):
            vidgan.render(clip, look, out, overrides=THIRDS)
    work = work_folder_of(out)
    (work / "parts" / ".00000002-00000004.0badcafe.part").write_bytes(b"half")
    (work / ".joined.0badcafe.part.mkv").write_bytes(b"half")
    vidgan.render(clip, look, out, overrides=THIRDS, options=Options(keep_work=True))
    assert not list(work.rglob(".*"))


def test_whoever_comes_second_is_told_who_is_at_it(
    clip: Path, look: Path, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    out = tmp_path / "out.mkv"
    folder = work_folder_of(out)
    with owned(folder, out):
        told = rf"{out} is being made by process {os.getpid()} on .* \(since .*\): wait until it is done"
        with pytest.raises(OutputError, match=told):
            vidgan.render(clip, look, out)
        assert str(os.getpid()) in (owner_of(folder) or "")
        shown = cli("render", clip, "-m", look, "-o", out)
        assert shown.exit_code == 1
        assert len(shown.stderr.splitlines()) == 1
    assert owner_of(folder) is None
    assert vidgan.render(clip, look, out).frames == 6


def test_two_at_once_leave_one_whole_output(clip: Path, look: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    outcomes: list[str] = []

    def work() -> None:
        try:
            vidgan.render(clip, look, out)
            outcomes.append("done")
        except OutputError as error:
            outcomes.append(
                "refused" if "is being made by" in str(error) or "exists" in str(error) else str(error)
            )

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "refused", "refused", "refused"]
    assert len(open_clip(out)) == 6


def test_a_folder_that_is_not_ours_is_left_alone(clip: Path, look: Path, tmp_path: Path) -> None:
    mine = tmp_path / "out.mkv.work"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="it is something else"):
        vidgan.render(clip, look, tmp_path / "out.mkv")
    assert (mine / "notes.txt").read_text() == "mine"


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_signal_lets_the_segment_in_hand_be_finished(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, notices = tmp_path / "out.mkv", []
    whole = PictureWriter.write

    def write(self: PictureWriter, frame: Any) -> None:
        if frame.index == 2:
            signal.raise_signal(signal.SIGTERM)
        whole(self, frame)

    with monkeypatch.context() as patched:
        patched.setattr(PictureWriter, "write", write)
        with pytest.raises(
            Interrupted, match=r"stopped: 4 of 6 frames are kept in .*: the same command goes on"
        ):
            vidgan.render(clip, look, out, overrides=THIRDS, watch=Watch(notice=notices.append))
    assert notices == ["stopping behind frame 3; once more stops at once"]
    assert [(job.frames_done, job.frames, job.kind) for job in unfinished(tmp_path)] == [(4, 6, "render")]
    assert vidgan.render(clip, look, out, overrides=THIRDS).reused == 4


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 99 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 GiB"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 99 GiB"),
    ],
)
def test_used_up_memory_is_told_and_nothing_is_lost(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    out = tmp_path / "out.mkv"
    with monkeypatch.context() as patched:
        breaking(patched, 3, error)
        with pytest.raises(
            MemoryShortageError, match=r"memory is used up .*99 GiB.*the same command goes on"
        ):
            vidgan.render(clip, look, out, overrides=THIRDS)
    assert vidgan.render(clip, look, out, overrides=THIRDS).reused == 2


def test_pictures_that_were_taken_away_or_changed_are_made_again(
    clip: Path, look: Path, tmp_path: Path, drawn: list[int]
) -> None:
    out, keep = tmp_path / "frames" / "%03d.png", Options(keep_work=True, overwrite=True)
    whole = vidgan.render(clip, look, out, overrides=THIRDS, options=keep)
    (tmp_path / "frames" / "002.png").unlink()
    (tmp_path / "frames" / "005.png").write_bytes(b"junk")
    drawn.clear()
    again = vidgan.render(clip, look, out, overrides=THIRDS, options=keep)
    assert drawn == [2, 3, 4, 5]
    assert again.frames_sha256 == whole.frames_sha256
    assert len(open_clip(tmp_path / "frames")) == 6


def test_a_part_of_a_clip_leaves_the_other_numbered_pictures_alone(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "frames" / "%03d.png"
    vidgan.translate(clip, None, out, pipeline="passthrough")
    before = (tmp_path / "frames" / "000.png").stat().st_mtime_ns
    patch = Options(start=2, end=4, overwrite=True)
    vidgan.translate(clip, None, out, pipeline="passthrough", options=patch)
    assert len(open_clip(tmp_path / "frames")) == 6
    assert (tmp_path / "frames" / "000.png").stat().st_mtime_ns == before


def test_only_what_a_job_wrote_itself_is_written_again_without_asking(
    clip: Path, look: Path, tmp_path: Path
) -> None:
    out, mine = tmp_path / "out.mp4", tmp_path / "mine.png"
    vidgan.render(clip, look, out, options=Options(keep_work=True, sheet=tmp_path / "sheet.png"))
    mine.write_bytes(b"somebody's picture")
    with pytest.raises(OutputError, match=r"mine\.png exists"):
        vidgan.render(clip, look, out, options=Options(sheet=mine))
    assert mine.read_bytes() == b"somebody's picture"
    out.rename(tmp_path / "away.mp4")
    again = vidgan.render(clip, look, out, options=Options(sheet=tmp_path / "sheet.png"))
    assert (again.frames, again.reused) == (6, 6)
    assert len(open_clip(out)) == 6


@pytest.mark.parametrize("damage", ["", "[]", '{"key": 1, "facts": []}'])
def test_work_whose_description_is_damaged_is_not_thrown_away(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    out = tmp_path / "out.mkv"
    with monkeypatch.context() as patched:
        breaking(patched, 3, Killed())
        with pytest.raises(Killed):
            vidgan.render(clip, look, out, overrides=THIRDS)
    work = work_folder_of(out)
    (work / "job.json").write_text(damage)
    (work / "survey.json").write_text("{}")
    (work / "journal" / "1 (conflict).json").write_text("{}")
    assert [job.frames_done for job in unfinished(tmp_path)] == [2]
    with pytest.raises(OutputError, match=r"job\.json is damaged, .* --fresh"):
        vidgan.render(clip, look, out, overrides=THIRDS)
    assert vidgan.render(clip, look, out, overrides=THIRDS, options=Options(fresh=True)).frames == 6


def test_a_signal_in_the_last_segment_stops_before_joining(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, whole = tmp_path / "out.mkv", PictureWriter.write

    def write(self: PictureWriter, frame: Any) -> None:
        if frame.index == 5:
            signal.raise_signal(signal.SIGINT)
        whole(self, frame)

    with monkeypatch.context() as patched:
        patched.setattr(PictureWriter, "write", write)
        with pytest.raises(Interrupted, match=r"stopped: 6 of 6 frames are kept"):
            vidgan.render(clip, look, out, overrides=THIRDS)
    assert not out.exists()
    assert vidgan.render(clip, look, out, overrides=THIRDS).reused == 6


def test_looking_for_an_owner_makes_no_folder(tmp_path: Path) -> None:
    assert owner_of(tmp_path / "gone" / "out.mp4.work") is None
    assert list(tmp_path.iterdir()) == []


def test_jobs_lists_what_is_unfinished(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Any]
) -> None:
    assert cli("jobs", tmp_path).stdout == f"no unfinished work in {tmp_path}\n"
    (tmp_path / "deep").mkdir()
    with monkeypatch.context() as patched:
        breaking(patched, 3, Killed())
        with pytest.raises(Killed):
            vidgan.render(clip, look, tmp_path / "deep" / "out.mkv", overrides=THIRDS)
    shown = cli("jobs", tmp_path).stdout
    assert "out.mkv" in shown
    assert "2 of 6 frames" in shown
    assert "stopped" in shown
    (told,) = json.loads(cli("jobs", tmp_path, "--json").stdout)
    assert (told["kind"], told["frames_done"], told["frames"], told["state"]) == ("render", 2, 6, "stopped")
    assert told["bytes"] > 1000
    assert cli("jobs", tmp_path / "nowhere").exit_code == 2


@pytest.mark.skipif(os.name == "nt", reason="needs kill -9")
def test_kill_9_in_the_middle(clip: Path, look: Path, tmp_path: Path) -> None:
    out, program = (
        tmp_path / "out.mkv",
        [sys.executable, "-m", "vidgan", "render", str(clip), "-m", str(look)],
    )
    command = [*program, "-o", str(out), "--set", "encode.segment=1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as job:
        assert job.stderr is not None
        for line in job.stderr:
            if line.startswith("rendering") and not line.startswith("rendering 100%"):
                job.kill()
                break
    assert not out.exists()
    done = vidgan.render(clip, look, out, overrides=["encode.segment=1"])
    again = vidgan.render(clip, look, tmp_path / "whole.mkv", overrides=["encode.segment=1"])
    assert done.frames_sha256 == again.frames_sha256
    assert not work_folder_of(out).exists()

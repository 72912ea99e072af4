"""A render made segment by segment, by several processes that know nothing of each other but the journal."""

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vidgan
from vidgan import Options, Watch
from vidgan.errors import OutputError, UsageError
from vidgan.jobs.journal import Journal
from vidgan.jobs.ownership import helpers_of, helping, owned, owner_of
from vidgan.jobs.request import Request
from vidgan.jobs.segmented import join_segments, list_segments, render_segment
from vidgan.jobs.segments import Segment
from vidgan.jobs.work import shared_work, work_folder_of
from vidgan.media import open_clip

THIRDS = ("encode.segment=2",)


@pytest.fixture
def request_of(clip: Path, look: Path, tmp_path: Path) -> Callable[..., Request]:
    def make(name: str = "out.mkv", **options: Any) -> Request:
        return Request(clip, look, tmp_path / name, overrides=THIRDS, options=Options(**options))

    return make


def test_segments_in_any_order_give_the_frames_of_the_whole(
    request_of: Callable[..., Request], clip: Path, look: Path, tmp_path: Path
) -> None:
    request = request_of()
    assert [(s.number, s.start, s.stop, s.done) for s in list_segments(request)] == [
        (0, 0, 2, False),
        (1, 2, 4, False),
        (2, 4, 6, False),
    ]
    for number in (2, 0, 1):
        assert not render_segment(request, number).before
    assert all(listed.done for listed in list_segments(request))
    joined = join_segments(request)
    whole = vidgan.render(clip, look, tmp_path / "whole.mkv", overrides=THIRDS)
    assert joined.frames_sha256 == whole.frames_sha256
    assert (joined.frames, joined.reused) == (6, 6)
    assert not work_folder_of(request.out).exists()


def test_numbered_pictures_and_a_sheet_are_made_of_segments_too(
    request_of: Callable[..., Request], tmp_path: Path
) -> None:
    request = request_of("frames/%03d.png", sheet=tmp_path / "sheet.png", report=True)
    for number in range(3):
        render_segment(request, number)
    result = join_segments(request)
    assert len(open_clip(request.out)) == 6
    assert result.sheet is not None
    assert result.sheet.is_file()
    assert result.report is not None
    assert len(json.loads(result.report.read_text())["frames"]) == 6


def test_segments_at_the_same_time(request_of: Callable[..., Request]) -> None:
    request = request_of()
    made: list[int] = []
    threads = [
        threading.Thread(target=lambda n=n: made.append(render_segment(request, n).segment.number))
        for n in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [0, 1, 2]
    assert join_segments(request).frames == 6


def test_a_segment_that_is_there_is_not_made_again(request_of: Callable[..., Request]) -> None:
    request = request_of()
    render_segment(request, 1)
    entry = Journal(work_folder_of(request.out)).entry(Segment(2, 4))
    assert render_segment(request, 1).before
    assert Journal(work_folder_of(request.out)).entry(Segment(2, 4)) == entry


def test_joining_says_what_is_missing(request_of: Callable[..., Request]) -> None:
    request = request_of()
    with pytest.raises(UsageError, match=r"nothing of .* is rendered yet: begin with --segments"):
        join_segments(request)
    list_segments(request)
    with pytest.raises(UsageError, match=r"3 of 3 segments .*--segment 0, 1, 2, then join"):
        join_segments(request)
    render_segment(request, 1)
    with pytest.raises(UsageError, match=r"2 of 3 segments .*--segment 0, 2, then join"):
        join_segments(request)
    assert not request.out.exists()


def test_a_segment_that_is_none(request_of: Callable[..., Request]) -> None:
    with pytest.raises(UsageError, match="no segment 3: they are numbered 0 to 2"):
        render_segment(request_of(), 3)


def test_a_damaged_part_is_made_again_when_all_is_joined(
    request_of: Callable[..., Request], clip: Path, look: Path, tmp_path: Path
) -> None:
    request = request_of()
    for number in range(3):
        render_segment(request, number)
    (part,) = (work_folder_of(request.out) / "parts").glob(f"{Segment(2, 4)}-*")
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    joined = join_segments(request)
    assert joined.reused == 4
    assert (
        joined.frames_sha256 == vidgan.render(clip, look, tmp_path / "w.mkv", overrides=THIRDS).frames_sha256
    )


def test_other_settings_are_refused(request_of: Callable[..., Request], clip: Path, look: Path) -> None:
    request = request_of()
    render_segment(request, 1)
    other = Request(clip, look, request.out, overrides=(*THIRDS, "encode.crf=20"))
    with pytest.raises(OutputError, match=r"of another job; changed: the recipe's encode.crf"):
        render_segment(other, 0)


def test_a_whole_render_waits_for_nobody_who_renders_segments(
    request_of: Callable[..., Request], clip: Path, look: Path
) -> None:
    request = request_of()
    render_segment(request, 1)
    folder = work_folder_of(request.out)
    with helping(folder, "somebody"):
        with pytest.raises(OutputError, match=rf"is being made by process {os.getpid()}"):
            vidgan.render(clip, look, request.out, overrides=THIRDS)
        with pytest.raises(OutputError, match=r"out.mkv is being made in segments"):
            list_segments(request_of(fresh=True))
        assert not render_segment(request, 0).before  # others may help
        assert str(os.getpid()) in (owner_of(folder) or "")
    assert owner_of(folder) is None
    assert vidgan.render(clip, look, request.out, overrides=THIRDS).reused == 4


def test_a_segment_is_refused_while_somebody_renders_the_whole(request_of: Callable[..., Request]) -> None:
    request = request_of()
    list_segments(request)
    with (
        owned(work_folder_of(request.out), request.out),
        pytest.raises(OutputError, match="is being made by process"),
    ):
        render_segment(request, 0)


def test_whoever_is_at_it_for_a_moment_is_waited_for(request_of: Callable[..., Request]) -> None:
    request = request_of()
    folder = work_folder_of(request.out)
    folder.mkdir()
    inside, go_on = threading.Event(), threading.Event()

    def look_around() -> None:
        with owned(folder, request.out, for_a_moment=True):
            inside.set()
            go_on.wait(30)

    other = threading.Thread(target=look_around)
    other.start()
    inside.wait(30)
    threading.Timer(0.5, go_on.set).start()
    assert len(list_segments(request)) == 3
    other.join()


def test_what_a_helper_that_was_killed_left_behind_holds_nobody_up(
    request_of: Callable[..., Request],
) -> None:
    request = request_of()
    render_segment(request, 0)
    helpers = work_folder_of(request.out) / "helpers"
    (helpers / "gone.lock").touch()
    (helpers / "gone.json").write_text('{"process": 1, "host": "elsewhere", "since": "long ago"}')
    assert helpers_of(work_folder_of(request.out)) == []
    assert list(helpers.iterdir()) == []


def test_a_machine_that_was_thought_dead_damages_nothing(
    request_of: Callable[..., Request], clip: Path, look: Path, tmp_path: Path
) -> None:
    """It made a part that nobody waits for any more, before or after its successor entered another."""
    request = request_of()
    render_segment(request, 1)
    folder = work_folder_of(request.out)
    zombie = shared_work(request.out)
    prepared = request.prepare(Watch())
    entered = Journal(folder).entry(Segment(2, 4))
    Journal(folder).strike(Segment(2, 4))  # so that it does not see that it is done
    prepared.encode(Segment(2, 4), zombie, (), prepared.draw(()))
    both = Journal(folder).entry(Segment(2, 4))
    assert both is not None
    assert entered is not None
    assert both.attempt == zombie.attempt != entered.attempt
    assert both.frames_sha256 == entered.frames_sha256
    assert Journal(folder).proven(Segment(2, 4)) == both
    for number in (0, 2):
        render_segment(request, number)
    whole = vidgan.render(clip, look, tmp_path / "whole.mkv", overrides=THIRDS)
    assert join_segments(request).frames_sha256 == whole.frames_sha256


def test_a_clip_is_hashed_once(request_of: Callable[..., Request], monkeypatch: pytest.MonkeyPatch) -> None:
    list_segments(request_of())

    def never(*files: Path) -> str:
        raise AssertionError(files)

    monkeypatch.setattr("vidgan.jobs.facts.file_sha256", never)
    assert not render_segment(request_of(), 0).before


def test_a_clip_that_was_changed_meanwhile_is_noticed(
    clip: Path, write_clip: Callable[..., Path], look: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.mp4"
    shutil.copy(clip, mine)
    request = Request(mine, look, tmp_path / "out.mkv", overrides=THIRDS)
    render_segment(request, 0)
    write_clip(mine, frames=8)
    with pytest.raises(OutputError, match="changed: the clip"):
        render_segment(request, 1)


def test_on_the_command_line(clip: Path, look: Path, tmp_path: Path, cli: Callable[..., Any]) -> None:
    given = ["render", clip, "-m", look, "-o", tmp_path / "out.mkv", "--set", THIRDS[0]]
    assert cli(*given, "--segments").stdout == "0 0 1 missing\n1 2 3 missing\n2 4 5 missing\n"
    assert "segment 1 of 3 (frames 2 to 3) is rendered" in cli(*given, "--segment", 1).stdout
    assert "segment 1 of 3 (frames 2 to 3) was there already" in cli(*given, "--segment", 1).stdout
    assert json.loads(cli(*given, "--segments", "--json").stdout)[1]["done"] is True
    assert json.loads(cli(*given, "--segment", 0, "--json").stdout)["of"] == 3
    shown = cli(*given, "--join")
    assert shown.exit_code == 2
    assert "--segment 2, then join" in shown.stderr
    cli(*given, "--segment", 2)
    assert cli(*given, "--join").exit_code == 0
    assert (tmp_path / "out.mkv").is_file()


@pytest.mark.parametrize("together", [["--segments", "--join"], ["--segment", 0, "--fresh"]])
def test_what_does_not_go_together(
    clip: Path, look: Path, tmp_path: Path, cli: Callable[..., Any], together: list[Any]
) -> None:
    shown = cli("render", clip, "-m", look, "-o", tmp_path / "out.mkv", *together)
    assert shown.exit_code == 2
    assert "do not go together" in shown.stderr

"""What benchmarks/chaos.py found: moments at which work that was broken off did not go on."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vidgan
from vidgan import Options
from vidgan.errors import Interrupted, OutputError
from vidgan.jobs.journal import Entry, Journal
from vidgan.jobs.segments import Segment
from vidgan.jobs.work import work_folder_of
from vidgan.media import open_clip

Names = Callable[[Path], list[str]]

THIRDS = ["encode.segment=2"]


class Killed(BaseException):
    """As by kill -9: whoever would tidy up does not get to it."""


def die(*arguments: object, **named: object) -> None:
    raise Killed


def killed(
    monkeypatch: pytest.MonkeyPatch,
    at: str,
    job: Callable[[], object],
    how: Callable[..., None] = die,
) -> None:
    """Break a job off where a function of that name is called."""
    with monkeypatch.context() as patched:
        patched.setattr(at, how)
        with pytest.raises(Killed):
            job()


@pytest.mark.parametrize("name", ["out.mkv", "frames/%03d.png"])
def test_a_part_that_has_its_name_and_is_not_entered_yet_is_made_again(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    out, whole = tmp_path / name, Journal.add

    def job() -> Any:
        return vidgan.render(clip, look, out, overrides=THIRDS)

    def first_alone(journal: Journal, entry: Entry) -> None:
        if entry.start:
            raise Killed
        whole(journal, entry)

    killed(monkeypatch, "vidgan.jobs.journal.Journal.add", job, first_alone)
    assert len(list((work_folder_of(out) / "parts").iterdir())) >= 2
    assert job().reused == 2
    assert len(open_clip(out)) == 6


@pytest.mark.parametrize("stray", ["Thumbs.db", "2.png"])
def test_pictures_of_a_part_that_are_not_what_was_entered_are_made_again(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stray: str
) -> None:
    out = tmp_path / "frames" / "%03d.png"

    def job() -> Any:
        return vidgan.render(clip, look, out, overrides=THIRDS)

    killed(monkeypatch, "vidgan.jobs.delivery._put_in_place", job)
    (part,) = (work_folder_of(out) / "parts").glob(f"{Segment(2, 4)}-*")
    (part / stray).write_bytes(b"?")
    assert job().reused == 4
    assert len(open_clip(out)) == 6


@pytest.mark.parametrize("moment", ["mux", "dump_recipe"])
def test_a_contact_sheet_and_a_report_are_no_reason_not_to_go_on(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    out = tmp_path / "out.mp4"

    def job() -> Any:
        return vidgan.render(clip, look, out, options=Options(sheet=tmp_path / "sheet.png", report=True))

    killed(monkeypatch, f"vidgan.jobs.delivery.{moment}", job)
    assert job().reused == 6


def test_a_half_written_contact_sheet_is_not_left_behind(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: Names
) -> None:
    out = tmp_path / "out.mp4"

    def job() -> Any:
        return vidgan.render(clip, look, out, options=Options(sheet=tmp_path / "sheet.png"))

    def half_written(image: object, path: Path, **options: object) -> None:
        path.write_bytes(b"half")
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("vidgan.media.output.discard", lambda temporary: None)
        killed(monkeypatch, "PIL.Image.Image.save", job, half_written)
    job()
    assert names(tmp_path) == ["out.mp4", "out.mp4.recipe.toml", "sheet.png"]


@pytest.mark.parametrize("name", ["out.mkv", "frames/%03d.png"])
def test_a_job_that_was_killed_while_its_parts_were_removed_renders_nothing_again(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    out, whole = tmp_path / name, shutil.rmtree

    def job() -> Any:
        return vidgan.render(clip, look, out, overrides=THIRDS)

    def some(folder: Path, **named: bool) -> None:
        if "parts" not in folder.name:
            whole(folder, **named)
            return
        for part in sorted(folder.iterdir())[:2]:
            whole(part) if part.is_dir() else part.unlink()
        raise Killed

    killed(monkeypatch, "vidgan.jobs.journal.shutil.rmtree", job, some)
    killed(monkeypatch, "vidgan.jobs.prepared.require_verified", job)  # and once more on the way
    assert job().reused == 6
    assert not work_folder_of(out).exists()


def test_what_is_left_of_a_work_folder_that_was_being_removed_goes(
    clip: Path, look: Path, tmp_path: Path, names: Names
) -> None:
    out = tmp_path / "out.mkv"
    vidgan.render(clip, look, out)
    left = tmp_path / ".out.mkv.work.gone"
    left.mkdir()
    (left / "owner.json").write_text("{}")
    with pytest.raises(OutputError, match="exists"):
        vidgan.render(clip, look, out)
    assert names(tmp_path) == ["out.mkv", "out.mkv.recipe.toml"]


@pytest.mark.parametrize("lost", ["lesson.json", "look.safetensors"])
def test_a_look_that_is_lost_takes_the_frames_with_it(
    clip: Path, target: Path, recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    out = tmp_path / "out.mkv"

    def job() -> Any:
        return vidgan.translate(clip, target, out, pipeline=recipe, overrides=THIRDS)

    killed(monkeypatch, "vidgan.jobs.delivery._put_in_place", job)
    path = work_folder_of(out) / lost
    path.write_bytes(path.read_bytes()[:-3] + b"?\n\n")
    assert job().reused == 0


def test_stopped_while_it_is_verified_it_says_how_to_go_on(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.mkv"

    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("vidgan.jobs.prepared.require_verified", stop)
        with pytest.raises(Interrupted, match=r"6 of 6 frames are kept .*: the same command goes on there"):
            vidgan.render(clip, look, out)
    assert vidgan.render(clip, look, out).reused == 6


def test_an_output_that_somebody_finished_meanwhile_is_not_replaced(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: Names
) -> None:
    out, other = tmp_path / "out.mkv", tmp_path / "other.mkv"
    vidgan.render(clip, look, other)
    monkeypatch.setattr("vidgan.jobs.request.check_means", lambda *given: shutil.copy(other, out))
    before = other.read_bytes()
    with pytest.raises(OutputError, match="exists"):
        vidgan.render(clip, look, out)
    assert out.read_bytes() == before
    assert "out.mkv.work" not in names(tmp_path)

"""The work folder: what a job has done so far lies beside its output until the output is whole."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vidgan.errors import Interrupted, MemoryShortageError, OtherWorkError, OutputError, VidganError
from vidgan.jobs.facts import Facts, differences, key_of
from vidgan.jobs.fitting import out_of_memory
from vidgan.jobs.journal import Journal
from vidgan.jobs.options import Options, Watch
from vidgan.jobs.ownership import helpers_of, owned
from vidgan.media.output import beside, disk_errors, replacing

JOB, JOINED, PUBLISHING, WRITTEN, LESSON, SURVEY, CUTS = (
    "job.json",
    "joined.json",
    "publishing.json",
    "written.json",
    "lesson.json",
    "survey.json",
    "cuts.json",
)
PARTS_ARE_KEPT = "the parts are kept"
_KEPT = (LESSON, "training.checkpoint")
_NAMED = 3  # differences


@dataclass(frozen=True)
class Work:
    """A job's folder while this process owns it. attempt: this process's name in the journal."""

    folder: Path
    out: Path
    attempt: str

    @property
    def journal(self) -> Journal:
        return Journal(self.folder)

    @property
    def look(self) -> Path:
        """The look that a translation renders with, once it is trained."""
        return self.folder / "look.safetensors"

    @property
    def checkpoint(self) -> Path:
        """The state of a training that is not done."""
        return self.folder / "training.checkpoint"

    @property
    def joined(self) -> Path:
        """The output until it gets its name."""
        return self.folder / f"joined{self.out.suffix}"

    def remember(self, name: str, value: Any) -> None:
        """Keep something small under the name of a file. Raises OutputError."""
        with replacing(self.folder / name) as temporary:
            temporary.write_text(json.dumps(value) + "\n", encoding="utf-8")

    def recall(self, name: str) -> Any:
        """What was kept; None where nothing was."""
        return recalled(self.folder, name)

    def forget_frames(self) -> None:
        """What was rendered with a look that is lost: none that is trained anew need be the same."""
        with disk_errors(self.folder):
            for name in ("journal", "parts"):
                if (self.folder / name).exists():
                    shutil.rmtree(self.folder / name)
            (self.folder / JOINED).unlink(missing_ok=True)

    @contextmanager
    def kept_whatever_happens(self, frames: int, watch: Watch) -> Iterator[None]:
        """When it is broken off, say what is kept, and how to go on.

        frames: of the whole output. A KeyboardInterrupt becomes Interrupted, where anything is kept.
        """
        try:
            yield
        except KeyboardInterrupt as error:
            if not _is_worth_keeping(self.folder):
                raise
            raise Interrupted(f"stopped: {self._kept(frames)}") from error
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            raise MemoryShortageError(
                f"this machine's memory is used up ({error or 'no more to be had'}): close other programs, "
                "or render on a larger one; the same command goes on where it stopped."
            ) from error
        except Interrupted:
            raise
        except VidganError:
            if _is_worth_keeping(self.folder):
                watch.notice(self._kept(frames))
            raise

    def _kept(self, frames: int) -> str:
        done = f"{self.journal.frames_done()} of {frames} frames are"
        if self.checkpoint.exists():
            done = "the training so far is"
        return f"{done} kept in {self.size()}: the same command goes on there"

    def size(self) -> str:
        """In words: its name, and how large it is."""
        return f"{self.folder} ({in_words(size_of(self.folder))})"


def work_folder_of(out: Path) -> Path:
    """Where the work on an output lies: OUT.work."""
    return beside(out, "work")


@contextmanager
def open_work(out: Path, facts: Facts, frames: int, options: Options, watch: Watch) -> Iterator[Work]:
    """Own the work folder of an output, with what an earlier attempt at the same job left in it.

    frames: how many the output will have. Within it, an error leaves the folder if anything in it is worth
    going on from; else, and when the job is done (without options.keep_work), it goes. Raises OutputError
    where another process owns it, or where it holds work that was done from other facts (without
    options.fresh).
    """
    folder = work_folder_of(out)
    _check_place(folder, out)
    with _home_of(out), _gone_with_its_lock(folder), owned(folder, out):
        try:
            work = _claimed(folder, out, facts, frames, options)
            with work.kept_whatever_happens(frames, watch):
                yield work
        except BaseException:
            if not _is_worth_keeping(folder):
                _remove(folder)
            raise
        if options.keep_work:
            watch.notice(f"{PARTS_ARE_KEPT}: {folder} ({in_words(size_of(folder))})")
        else:
            _remove(folder)


def drop_work(out: Path) -> None:
    """Remove what a job that is done has left with options.keep_work; what somebody works in stays."""
    folder = work_folder_of(out)
    if folder.is_dir():
        with suppress(OutputError), _gone_with_its_lock(folder), owned(folder, out):
            _remove(folder)


@contextmanager
def share_work(out: Path, facts: Facts, frames: int, options: Options) -> Iterator[Work]:
    """The same folder for a moment: in it a helper finds out what there is to do, and others wait for it.

    Whatever happens, the folder stays. Raises OutputError as open_work does.
    """
    folder = work_folder_of(out)
    _check_place(folder, out)
    with _home_of(out), owned(folder, out, for_a_moment=True):
        yield _claimed(folder, out, facts, frames, options)


def shared_work(out: Path, attempt: str = "") -> Work:
    """The folder of a job that somebody else owns or has claimed, to render segments in."""
    return Work(work_folder_of(out), out, attempt or secrets.token_hex(8))


def _claimed(folder: Path, out: Path, facts: Facts, frames: int, options: Options) -> Work:
    helped = bool(helpers_of(folder))
    if options.fresh:
        if helped:
            raise OutputError(
                f"{out} is being made in segments: wait until they are done, or leave --fresh out."
            )
        _empty(folder)
    _claim(folder, out, facts, frames)
    if not helped:
        _tidy(folder)
    return shared_work(out)


@contextmanager
def _home_of(out: Path) -> Iterator[None]:
    """The folder that numbered pictures go into: made where missing, gone again if nothing came of it."""
    made = not out.parent.exists()
    if made:
        with disk_errors(out):
            out.parent.mkdir()
    try:
        yield
    finally:
        if made:
            with suppress(OSError):  # not empty
                out.parent.rmdir()


@contextmanager
def _gone_with_its_lock(folder: Path) -> Iterator[None]:
    """On Windows a lock that is held cannot be removed: a folder that holds nothing else goes after it."""
    yield
    if (
        os.name == "nt"
        and folder.is_dir()
        and not {f.name for f in folder.iterdir()} - {"lock", "owner.json"}
    ):
        shutil.rmtree(folder, ignore_errors=True)


def recalled(folder: Path, name: str) -> Any:
    """What a work folder, ours or another's, keeps under that name; None where it has nothing readable.

    All but a mark (true) is kept as a JSON object: anything else is damage.
    """
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) or found is True else None


def sweep(out: Path) -> None:
    """Remove what is left of a work folder whose removal was broken off."""
    shutil.rmtree(_gone(work_folder_of(out)), ignore_errors=True)


def size_of(folder: Path) -> int:
    """Bytes of all files in it."""
    total = 0
    for path, _, names in os.walk(folder):  # which does not mind what goes meanwhile
        for name in names:
            with suppress(OSError):
                total += os.stat(os.path.join(path, name)).st_size
    return total


def in_words(size: int) -> str:
    """1.2 GiB."""
    for unit, bytes_each in (("GiB", 2**30), ("MiB", 2**20)):
        if size >= bytes_each:
            return f"{size / bytes_each:.1f} {unit}"
    return f"{size / 2**10:.0f} KiB"


def _check_place(folder: Path, out: Path) -> None:
    if folder.exists() and not (folder.is_dir() and (_is_ours(folder) or not any(folder.iterdir()))):
        raise OutputError(
            f"{folder} is where the work on {out.name} would lie, and it is something else: "
            "move it away, or name another output."
        )


def _is_ours(folder: Path) -> bool:
    return any((folder / name).exists() for name in (JOB, "lock", "owner.json"))


def _claim(folder: Path, out: Path, facts: Facts, frames: int) -> None:
    """Make sure that what lies there was made from the same facts; what is not worth anything goes."""
    before = recalled(folder, JOB)
    if isinstance(before, dict) and before.get("key") == key_of(facts):
        return
    if _is_worth_keeping(folder) or helpers_of(folder):
        known = before.get("facts") if isinstance(before, dict) else None
        if not isinstance(known, dict):
            raise OtherWorkError(
                f"{folder / JOB} is damaged, so nothing can go on from there: pass --fresh to start over."
            )
        changed = differences(known, facts) or ["what was written there"]
        named = ", ".join(changed[:_NAMED]) + (f" and {len(changed) - _NAMED} more" * (len(changed) > _NAMED))
        raise OtherWorkError(
            f"{folder} holds work on {out.name} of another job; changed: {named}. "
            "Give the command that it was begun with to go on, or pass --fresh to start over."
        )
    _empty(folder)
    began = datetime.now().astimezone().isoformat(timespec="seconds")
    told = {"key": key_of(facts), "facts": dict(facts), "out": str(out), "frames": frames, "began": began}
    with replacing(folder / JOB) as temporary:
        temporary.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _is_worth_keeping(folder: Path) -> bool:
    return any((folder / name).exists() for name in _KEPT) or len(Journal(folder)) > 0


def _tidy(folder: Path) -> None:
    """Remove what an attempt that was killed had in hand."""
    for leftover in folder.rglob(".*.part*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def _empty(folder: Path) -> None:
    """All but what says who owns it."""
    with disk_errors(folder):
        for item in folder.iterdir():
            if item.name not in ("lock", "owner.json"):
                shutil.rmtree(item) if item.is_dir() else item.unlink()


def _remove(folder: Path) -> None:
    """The parts first, then the rest: each goes all at once, under another name, and is done without."""
    with suppress(OSError, OutputError):
        Journal(folder).drop_parts()
        if os.name == "nt":  # where a lock that is held cannot be removed
            _empty(folder)
            return
        gone = _gone(folder)
        shutil.rmtree(gone, ignore_errors=True)
        folder.replace(gone)
        shutil.rmtree(gone)


def _gone(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.gone")

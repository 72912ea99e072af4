"""Writing results: checked before the work starts, whole or not at all when it ends."""

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from vidgan.errors import OutputError
from vidgan.media.numbering import is_pattern, matching, without_number

# What an output's name may end in, and FFmpeg's name for that container.
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".mxf": "mxf"}
MATROSKA = ("matroska", "webm")
# And of numbered pictures, such as frames/%05d.png.
SEQUENCES = {".png": "png", ".exr": "exr"}
PICTURES = (".png", ".jpg", ".jpeg")

_MIN_FREE_BYTES = 32 * 2**20
_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
DISK_ERRORS = {*_FULL, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENODEV}


def check_output(
    out: str | Path,
    inputs: Sequence[str | Path],
    *,
    overwrite: bool,
    endings: Collection[str] = CONTAINERS,
) -> None:
    """Find out before any work whether `out` can be written. Leaves nothing behind.

    Raises OutputError for an unknown ending, a missing or unwritable folder, an output that is one of the
    inputs, one that exists (without overwrite), or a disk that is all but full.
    """
    place = Path(out)
    if endings is CONTAINERS and is_pattern(place) and place.suffix.lower() in SEQUENCES:
        _check_sequence(place, inputs, overwrite)
        return
    _known_suffix(place, endings)
    _check_folder(place)
    for source in map(Path, inputs):
        if place.exists() and source.exists() and place.samefile(source):
            raise OutputError(f"{place} is also the input: name another output.")
    if place.is_dir():  # one whose name ends as an output's
        raise OutputError(f"{place} is a folder: name a file in it, e.g. {place / f'out{place.suffix}'}.")
    if place.exists() and not overwrite:
        raise OutputError(f"{place} exists: name another output, or pass --overwrite.")
    _check_writable(place)


def container_of(out: Path) -> str:
    """FFmpeg's name of the container that `out`'s ending asks for, png or exr for numbered pictures.

    Raises OutputError for an unknown one.
    """
    if is_pattern(out) and out.suffix.lower() in SEQUENCES:
        return SEQUENCES[out.suffix.lower()]
    return CONTAINERS[_known_suffix(out, CONTAINERS)]


def beside(out: Path, ending: str) -> Path:
    """Where something that belongs to an output goes: OUT.ending, or frames.png.ending of a sequence."""
    place = without_number(out) if is_pattern(out) else out
    return place.with_name(f"{place.name}.{ending}")


def work_place(out: Path) -> Path:
    """Beside what a job may work: the output itself, or its folder where that is still to be made."""
    return out.parent if is_pattern(out) and not out.parent.exists() else out


def temporary_beside(out: Path) -> Path:
    """A fresh hidden name in `out`'s folder, so that the rename into place is atomic. The ending stays:
    Pillow and FFmpeg look at it. Raises OutputError where there is no folder."""
    _check_folder(out)
    return out.with_name(f".{out.stem[:48]}.{secrets.token_hex(4)}.part{out.suffix}")


def publish(temporary: Path, out: Path) -> None:
    """Sync a finished file and give it its final name, so that after a power cut it is there whole."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    rename(temporary, out)


def rename(temporary: Path, out: Path) -> None:
    """Give something that is synced its final name, for good."""
    os.replace(temporary, out)
    sync_folder(out.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last. Windows has no such call, and some network disks refuse it."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def discard(temporary: Path) -> None:
    with suppress(OSError):
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing(out: Path, *, known: Collection[str] = (), work: Path | None = None) -> Iterator[Path]:
    """Give a temporary name beside `out`; on success publish the file, on any failure remove it.

    work: a folder on the same disk to put it in instead. Errors of the disk become OutputError with the
    remedy.
    """
    if known:
        _known_suffix(out, known)
    temporary = temporary_beside(out if work is None else work / out.name)
    try:
        with disk_errors(out):
            yield temporary
            publish(temporary, out)
    finally:
        discard(temporary)


@contextmanager
def disk_errors(out: Path) -> Iterator[None]:
    """Say what an OSError means for the output: PyAV raises them from writing and from closing."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise OutputError(
                f"no space left to write {out}: free some, or choose an output on another disk."
            ) from error
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{out} cannot be written ({reason}): choose another output.") from error


def _known_suffix(out: Path, known: Collection[str]) -> str:
    suffix = out.suffix.lower()
    if suffix not in known:
        if out.is_dir():
            raise OutputError(
                f"{out} is a folder: name a file in it, e.g. {out / f'out{next(iter(known))}'}."
            )
        what = f"ends in {suffix}, which is no known output" if suffix else "has no ending"
        sequence = ", or a numbered sequence such as frames/%05d.png or .exr" if known is CONTAINERS else ""
        raise OutputError(f"{out} {what}: use {', '.join(known)}{sequence}.")
    return suffix


def _check_sequence(pattern: Path, inputs: Sequence[str | Path], overwrite: bool) -> None:
    there = set(matching(pattern))
    for source in map(Path, inputs):
        if there & ({source} | set(matching(source) if is_pattern(source) else ())):
            raise OutputError(f"{pattern} would replace its own input: name another output.")
        if there and source.is_dir() and pattern.parent.samefile(source):
            raise OutputError(
                f"{pattern} would replace pictures of its own input {source}: name another folder."
            )
    if there and not overwrite:
        name = min(there).name
        raise OutputError(f"{pattern} exists ({name}): name another output, or pass --overwrite.")
    made = work_place(pattern)
    _check_folder(made)
    _check_writable(made)


def _check_folder(out: Path) -> None:
    folder = out.parent
    if not folder.exists():
        raise OutputError(f"{out}: the folder {folder} does not exist: create it, or choose another.")
    if not folder.is_dir():
        raise OutputError(f"{out}: {folder} is a file, a folder was expected.")


def _check_writable(out: Path) -> None:
    try:
        # FFmpeg opens its output late; a real file is the only honest test of a folder.
        with tempfile.TemporaryFile(dir=out.parent) as probe:
            probe.write(b"0")
            probe.flush()
        free = shutil.disk_usage(out.parent).free
    except OSError as error:
        if error.errno in _FULL:
            free = 0
        else:
            reason = (error.strerror or str(error)).lower()
            raise OutputError(
                f"{out.parent} cannot be written to ({reason}): choose another folder."
            ) from error
    if free < _MIN_FREE_BYTES:
        raise OutputError(
            f"no space left to write {out} ({free // 2**20} MiB free): free some, or choose another disk."
        )

"""One job, one owner: who works on an output holds its work folder, and whoever comes second is told.

Helpers, which render one segment each, hold a lock of their own beside it; they need the whole folder for the
moment in which they find out what there is to do. Locks are the system's own: they go with their holder,
however that ends.
"""

import json
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from vidgan.errors import OutputError
from vidgan.media.output import disk_errors

_LOCK, _OWNER, _HELPERS = "lock", "owner.json", "helpers"
_PATIENCE_SECONDS = 0.3  # `vidgan jobs` holds a lock for a moment, to see whether it can


@contextmanager
def owned(folder: Path, out: Path, *, for_a_moment: bool = False) -> Iterator[None]:
    """Hold a work folder, which is made. Raises OutputError where somebody else is at work on it.

    for_a_moment: as a helper does, beside others. Whoever holds it so is waited for.
    """
    lock = _locked(folder, out)
    try:
        with disk_errors(folder):
            (folder / _OWNER).write_text(json.dumps({**_me(), "moment": for_a_moment}), encoding="utf-8")
        if not for_a_moment:
            _refuse_helped(folder, out)
        yield
    finally:
        lock.release()


@contextmanager
def helping(folder: Path, name: str) -> Iterator[None]:
    """Let nobody else own a work folder; other helpers may work in it. name: unlike every other's."""
    place = folder / _HELPERS
    lock = FileLock(place / f"{name}.lock")
    with warnings.catch_warnings(), disk_errors(folder):
        warnings.simplefilter("ignore")
        place.mkdir(exist_ok=True)
        lock.acquire()
        _told_by(place / f"{name}.lock").write_text(json.dumps(_me()), encoding="utf-8")
    try:
        yield
    finally:
        lock.release()
        _forget(place / f"{name}.lock")


def owner_of(folder: Path) -> str | None:
    """Who works in a work folder now, in words; None where nobody does."""
    if not (folder / _LOCK).exists():
        return None
    if _is_held(folder / _LOCK):
        return _told(folder / _OWNER)
    return _told_of(helpers_of(folder))


def helpers_of(folder: Path) -> list[str]:
    """Those at work, in words; what is left of others goes."""
    at_work = []
    for lock in sorted((folder / _HELPERS).glob("*.lock")):
        if _is_held(lock):
            at_work.append(_told(_told_by(lock)))
        else:
            _forget(lock)
    return at_work


def _refuse_helped(folder: Path, out: Path) -> None:
    helpers = _told_of(helpers_of(folder))
    if helpers:
        raise OutputError(f"{out} is being made by {helpers}: wait until it is done, or name another output.")


def _told_of(helpers: list[str]) -> str | None:
    if not helpers:
        return None
    return helpers[0] + (f" and {len(helpers) - 1} more" if len(helpers) > 1 else "")


def _is_held(path: Path) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lock = FileLock(path)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return True
        except OSError:
            return False
    lock.release()
    return False


def _locked(folder: Path, out: Path) -> FileLock:
    lock = FileLock(folder / _LOCK)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a disk without locks gets one of filelock's own
        while True:
            with disk_errors(folder):
                folder.mkdir(exist_ok=True)
                try:
                    lock.acquire(timeout=_PATIENCE_SECONDS)
                except FileNotFoundError:  # its last owner was just about to remove it
                    continue
                except Timeout as error:
                    if _found(folder / _OWNER).get("moment"):
                        continue
                    raise OutputError(
                        f"{out} is being made by {_told(folder / _OWNER)}: wait until it is done, "
                        "or name another output."
                    ) from error
            return lock


def _me() -> dict[str, str | int | bool]:
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    return {"process": os.getpid(), "host": socket.gethostname(), "since": since}


def _told(path: Path) -> str:
    found = _found(path)
    with suppress(KeyError):
        return f"process {found['process']} on {found['host']} (since {found['since']})"
    return "another process"


def _found(path: Path) -> dict:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def _told_by(lock: Path) -> Path:
    return lock.with_suffix(".json")


def _forget(lock: Path) -> None:
    for path in (lock, _told_by(lock)):
        with suppress(OSError):
            path.unlink()

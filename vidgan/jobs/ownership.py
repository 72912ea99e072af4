"""One job, one owner: who works on an output holds its work folder, and whoever comes second is told."""

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

_LOCK, _OWNER = "lock", "owner.json"
_PATIENCE_SECONDS = 0.3  # `vidgan jobs` holds a lock for a moment, to see whether it can


@contextmanager
def owned(folder: Path, out: Path) -> Iterator[None]:
    """Hold a work folder, which is made, for as long as this process lives. Raises OutputError.

    The lock is the system's own: it goes with its holder, however that ends.
    """
    lock = _locked(folder, out)
    try:
        with disk_errors(folder):
            (folder / _OWNER).write_text(json.dumps(_me()), encoding="utf-8")
        yield
    finally:
        lock.release()


def owner_of(folder: Path) -> str | None:
    """Who holds a work folder now, in words; None where nobody does."""
    if not (folder / _LOCK).exists():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lock = FileLock(folder / _LOCK)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return _told(folder)
        except OSError:
            return None
    lock.release()
    return None


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
                    raise OutputError(
                        f"{out} is being made by {_told(folder)}: wait until it is done, "
                        "or name another output."
                    ) from error
            return lock


def _me() -> dict[str, str | int]:
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    return {"process": os.getpid(), "host": socket.gethostname(), "since": since}


def _told(folder: Path) -> str:
    with suppress(OSError, ValueError, KeyError):
        found = json.loads((folder / _OWNER).read_text(encoding="utf-8"))
        return f"process {found['process']} on {found['host']} (since {found['since']})"
    return "another process"

"""A way to a Ray cluster: found and joined, its nodes asked who they are; nothing here needs Ray before."""

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TextIO, cast

from vidgan.errors import DeviceError, UsageError
from vidgan.jobs.batch.nodes import REMEDY, answers, kind_of_nodes
from vidgan.jobs.batch.plan import Plan

if TYPE_CHECKING:
    from vidgan.jobs.batch.cluster_engine import ClusterEngine

_NO_HOST = ("auto", "local")  # addresses that Ray finds, or begins, by itself


def cluster_engine(
    plan: Plan, address: str, allow_mixed: bool
) -> Callable[[], AbstractContextManager["ClusterEngine"]]:
    """What begins an engine on the cluster at `address` (host:port, or auto: the one of this machine).

    Raises UsageError or DeviceError, before any work, where there is none.
    """
    if find_spec("ray") is None:
        raise DeviceError(f"--cluster needs Ray, which is not installed: {REMEDY}")
    _check_address(address)
    return lambda: _connected(plan, address, allow_mixed)


@contextmanager
def _connected(plan: Plan, address: str, allow_mixed: bool) -> Iterator["ClusterEngine"]:
    """Connected to the cluster; all its nodes are asked first who they are."""
    import ray
    from ray.exceptions import RayError

    from vidgan.jobs.batch.cluster_engine import ClusterEngine

    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except ConnectionError as error:
        raise (_no_cluster if address in _NO_HOST else _shut_out)(address) from error
    except (RuntimeError, ValueError, OSError, RayError) as error:
        said = " ".join(str(error).split())[:300]
        raise DeviceError(
            f"the cluster at {address} cannot be joined ({said}): check it with ray status."
        ) from error
    engine: ClusterEngine | None = None
    try:
        with _without_rays_words():
            kind = kind_of_nodes(plan, allow_mixed)
            engine = ClusterEngine(plan.execution, kind, address, allow_mixed)
            try:
                yield engine
            finally:
                engine.close()
    finally:
        if not (engine and engine.is_lost):  # it would wait for a head that has gone
            ray.shutdown()


@contextmanager
def _without_rays_words() -> Iterator[None]:
    """What Ray's own thread prints of dead nodes goes nowhere: standard output may be a program's.

    It prints it by sys.stdout, whatever it is told about logs; the dead node's log has it, too.
    """
    with redirect_stdout(cast(TextIO, _Muted(sys.stdout))):
        yield


class _Muted:
    """A file that drops what Ray's threads write."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        if threading.current_thread().name.startswith("ray_"):
            return len(text)
        return self._file.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _check_address(address: str) -> None:
    """Ray itself would knock for minutes."""
    if address.startswith("ray://"):
        raise UsageError(
            f"{address} is a Ray Client's address: start the batch on a machine of the cluster with "
            "--cluster auto, or give the head's own, HOST:6379."
        )
    if address in _NO_HOST:
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"--cluster {address} is no address: give auto, the head's HOST:PORT, or local")
    if not answers(host, int(port)):
        raise _no_cluster(address)


def _no_cluster(address: str) -> DeviceError:
    return DeviceError(
        f"no Ray cluster answers at {address}: start one with `ray start --head`, join machines with "
        "`ray start --address HOST:6379`, or leave --cluster out."
    )


def _shut_out(address: str) -> DeviceError:
    return DeviceError(
        f"what answers at {address} does not let vidgan in: see that it is a Ray head of the same version, "
        "and set RAY_AUTH_MODE=token here if the cluster has a token."
    )

"""Actors of a Ray cluster that do pieces of work: as many as it has room for, whatever becomes of each.

Ray places them, tells when one has died, and carries what they are given; a piece whose actor died is given
to another. An actor gets no work before it lives: where a node has gone for good, nothing waits for it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayError

from vidgan.errors import DeviceError, Interrupted, MemoryShortageError, VidganError
from vidgan.jobs.batch.tasks import EngineLost

_TRIES = 6
_STILLBORN, _STILLBORN_SECONDS = 12, 60.0  # actors that never began, one after another
_STOPPED = "stopped: the same command goes on"
_AHEAD = 8  # actors that are asked for beyond what the cluster has room for: an autoscaler sees them
_PATIENCE_SECONDS = 0.2
_LISTEN_EVERY_SECONDS, _SILENCES = 5.0, 3
_SHUNNED_SECONDS = 30.0


def _ignore(_: str) -> None:
    """Where nobody is to be told."""


@dataclass
class _Piece:
    """notice: told what the user should know of it. spare: it may be broken off at any moment."""

    method: str
    given: tuple[Any, ...]
    notice: Callable[[str], None]
    spare: bool
    done: "Future[Any]" = field(default_factory=Future)
    tries: int = 0

    def is_wanted(self) -> bool:
        """Asked when it is given out: whoever wants it may have cancelled it, and from now on cannot."""
        return not self.done.done() and (self.tries > 0 or self.done.set_running_or_notify_cancel())


class Crew:
    """hire: begins an actor. accept: whether an actor that says this of itself may work; VidganError if not.

    fits: how many actors the cluster has room for now. answers: whether its head does; where it does not for
    a while, all work fails, before Ray ends this process. notice: told what the user should know of actors.
    """

    def __init__(
        self,
        hire: Callable[[], Any],
        accept: Callable[[Any], None],
        fits: Callable[[], int],
        answers: Callable[[], bool],
        notice: Callable[[str], None],
    ) -> None:
        self._hire, self._accept, self._fits, self._notice = hire, accept, fits, notice
        self._answers, self._asked, self._silent = answers, time.monotonic(), 0
        self._hire_again, self._stillborn, self._stillborn_since = 0.0, 0, 0.0
        self.is_lost = False
        self._waiting: deque[_Piece] = deque()
        self._starting: dict[Any, Any] = {}
        self._busy: dict[Any, tuple[Any, _Piece]] = {}
        self._idle: list[Any] = []
        self._changed = threading.Condition()
        self._ended = False
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="crew", daemon=True)
        self._thread.start()

    def submit(
        self,
        method: str,
        *given: Any,
        notice: Callable[[str], None] = _ignore,
        first: bool = False,
        spare: bool = False,
    ) -> "Future[Any]":
        """Have some actor do it. first: before all that waits. notice, spare: as in _Piece."""
        piece = _Piece(method, given, notice, spare)
        with self._changed:
            if self._stopped:
                piece.done.set_exception(Interrupted(_STOPPED))
            elif first:
                self._waiting.appendleft(piece)
            else:
                self._waiting.append(piece)
            self._changed.notify()
        return piece.done

    def stop(self, now: bool = False) -> None:
        """Give out nothing any more. now: give up what is being done, too, not only what is spare."""
        with self._changed:
            self._stopped = True
            given_up = list(self._waiting)
            self._waiting.clear()
            busy = [(actor, piece) for actor, piece in list(self._busy.values()) if now or piece.spare]
            self._ended |= now
            self._changed.notify()
        for piece in (*given_up, *(piece for _, piece in busy)):
            _fail(piece, Interrupted(_STOPPED))
        for actor, _ in busy:
            _let_go(actor)

    def close(self) -> None:
        """Let all actors go."""
        self.stop(now=True)
        self._thread.join()
        if self.is_lost:  # nobody is there to let them go
            return
        for actor in [*self._starting.values(), *(actor for actor, _ in self._busy.values()), *self._idle]:
            _let_go(actor)

    def _work(self) -> None:
        try:
            while not self._ended:
                self._listen()
                self._give_out()
                refs = [*self._starting, *self._busy]
                if refs:
                    ready, _ = ray.wait(refs, timeout=_PATIENCE_SECONDS)
                    for ref in ready:
                        self._take(ref)
                else:
                    with self._changed:
                        self._changed.wait_for(lambda: self._waiting or self._ended, _PATIENCE_SECONDS)
        except BaseException as error:  # the cluster itself has gone
            self._lose(error)
        self._give_up_the_rest()

    def _give_up_the_rest(self) -> None:
        """Nobody waits for what is not given out any more."""
        with self._changed:
            pieces = [*self._waiting, *(piece for _, piece in self._busy.values())]
            self._waiting.clear()
        for piece in pieces:
            _fail(piece, Interrupted(_STOPPED))

    def _listen(self) -> None:
        if time.monotonic() - self._asked < _LISTEN_EVERY_SECONDS:
            return
        self._silent = 0 if self._answers() else self._silent + 1
        self._asked = time.monotonic()
        if self._silent >= _SILENCES:
            raise ConnectionError("its head does not answer")

    def _give_out(self) -> None:
        with self._changed:
            while self._waiting and self._idle:
                piece = self._waiting[0]  # and stays there until it is somebody's
                if piece.is_wanted():
                    actor = self._idle.pop()
                    self._busy[getattr(actor, piece.method).remote(*piece.given)] = actor, piece
                self._waiting.popleft()
            wanted = len(self._waiting) - len(self._starting)
        if time.monotonic() < self._hire_again:
            return
        here = len(self._starting) + len(self._busy) + len(self._idle)
        for _ in range(min(wanted, self._fits() + _AHEAD - here) if wanted > 0 else 0):
            actor = self._hire()
            self._starting[actor.ready.remote()] = actor

    def _take(self, ref: Any) -> None:
        """Of something that is ready: an actor that lives, or a piece that is done, or the end of either."""
        if ref in self._starting:
            self._welcome(self._starting.pop(ref), ref)
            return
        actor, piece = self._busy.pop(ref)
        try:
            kind, told, notices = ray.get(ref)
        except RayError as error:
            _let_go(actor)
            self._again(piece, error)
            return
        if isinstance(told, Interrupted) and not self._stopped:  # not by us: its node is being stopped
            _let_go(actor)
            self._again(piece, told)
            return
        with self._changed:
            self._idle.append(actor)
        try:
            for notice in notices:
                piece.notice(notice)
        except BaseException as error:  # of who is told
            _fail(piece, error)
        if kind != "done":
            _fail(piece, told)
            return
        with suppress(InvalidStateError):  # given up meanwhile
            piece.done.set_result(told)

    def _welcome(self, actor: Any, ref: Any) -> None:
        try:
            self._accept(ray.get(ref))
        except RayError as error:  # its node has gone, or its process: another is asked for
            _let_go(actor)
            self._miss(error)
        except VidganError as error:
            self._notice(str(error))
            self._hire_again = time.monotonic() + _SHUNNED_SECONDS  # the next would come from there, too
            _let_go(actor)
        else:
            self._stillborn = 0
            with self._changed:
                self._idle.append(actor)

    def _miss(self, error: RayError) -> None:
        """An actor that did not live to work. Where none does, nothing can be done."""
        now = time.monotonic()
        self._stillborn += 1
        self._stillborn_since = now if self._stillborn == 1 else self._stillborn_since
        self._hire_again = now + _PATIENCE_SECONDS
        for_long = self._stillborn >= _STILLBORN and now - self._stillborn_since >= _STILLBORN_SECONDS
        if not for_long or self._busy or self._idle:
            return
        with self._changed:
            pieces = list(self._waiting)
            self._waiting.clear()
        told = DeviceError(
            f"no worker of the cluster lives long enough to begin ({_reason(error)}): see Ray's logs on its "
            "nodes, then start the batch again."
        )
        for piece in pieces:
            _fail(piece, told)

    def _again(self, piece: _Piece, error: Exception) -> None:
        """Given to another actor; not to one that died with this one, when their node did."""
        self._ask_the_idle()
        piece.tries += 1
        with self._changed:
            if piece.done.done() or self._ended or (self._stopped and piece.spare):
                _fail(piece, Interrupted(_STOPPED))
            elif piece.tries < _TRIES:
                self._waiting.appendleft(piece)
        if piece.tries >= _TRIES:
            _fail(
                piece,
                MemoryShortageError(
                    f"{_TRIES} workers ended one after another at the same piece of work ({_reason(error)}): "
                    "give each more memory (more cpus or gpus under [execution]: fewer actors a node), then "
                    "start the batch again."
                ),
            )

    def _ask_the_idle(self) -> None:
        """Whether they live."""
        with self._changed:
            idle, self._idle = self._idle, []
        for actor in idle:
            self._starting[actor.ready.remote()] = actor

    def _lose(self, error: BaseException) -> None:
        with self._changed:
            self._stopped = self.is_lost = True
            pieces = [*self._waiting, *(piece for _, piece in self._busy.values())]
            self._waiting.clear()
        told = " ".join(str(error).split())[:200]
        for piece in pieces:
            _fail(piece, EngineLost(f"the cluster cannot be reached any more ({told}): start both again."))


def _fail(piece: _Piece, error: BaseException) -> None:
    """Unless it is done, or somebody else has given it up."""
    with suppress(InvalidStateError):
        piece.done.set_exception(error)


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _let_go(actor: Any) -> None:
    with suppress(Exception):
        ray.kill(actor)

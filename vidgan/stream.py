"""Stages that run at the same time: a bounded look-ahead between a producer and its consumer."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Generic, TypeVar

from vidgan.meter import waiting, working

T = TypeVar("T")
R = TypeVar("R")

# The stages that the current thread draws from; only threads of prefetch have the list.
_thread = threading.local()


def prefetch(items: Iterable[T], depth: int = 2, name: str = "stage") -> Generator[T, None, None]:
    """Yield from items, which a thread of its own runs ahead of us.

    At most depth items wait, and one more is in the making. The thread starts with the first
    item asked for. What items raises is raised here, with its traceback. Closing this generator
    stops the thread and closes items before it returns; so does an error further down a chain
    of prefetches, because each thread closes the stages that it draws from when it ends.
    Torch's grad and inference modes belong to a thread: items must enter its own.
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth}")
    return _consume(items, depth, name)


def concurrently(
    items: Iterable[T], function: Callable[[T], R], workers: int, name: str = "stage"
) -> Generator[R, None, None]:
    """function of every item, in order, of up to `workers` of them at the same time.

    Items are asked for one by one, in the thread that asks for results: behind a prefetch, that is one of
    its own. Torch's thread count and modes belong to a thread: function must set its own. What function
    raises is raised where its result would come.
    """
    begun: deque[Future[R]] = deque()

    def work(item: T) -> R:
        with working(name, workers):
            return function(item)

    with ThreadPoolExecutor(workers, name) as pool:
        try:
            for item in items:
                begun.append(pool.submit(copy_context().run, work, item))
                del item
                if len(begun) > workers:
                    yield _awaited(begun.popleft())
            while begun:
                yield _awaited(begun.popleft())
        finally:
            for future in begun:
                future.cancel()
            close = getattr(items, "close", None)
            if close is not None:
                close()


def _awaited(future: "Future[R]") -> R:
    with waiting():
        return future.result()


def _consume(items: Iterable[T], depth: int, name: str) -> Generator[T, None, None]:
    buffer: _Buffer[T] = _Buffer(depth)
    run = copy_context().run  # a meter, for one
    producer = threading.Thread(target=run, args=(_produce, items, buffer, name), name=name, daemon=True)
    upstream: list[_Stage] | None = getattr(_thread, "upstream", None)
    if upstream is not None:
        upstream.append(_Stage(buffer, producer))
    producer.start()
    try:
        yield from buffer
    finally:
        _Stage(buffer, producer).close()


class _Stage:
    """A running producer, seen by whoever has to end it."""

    def __init__(self, buffer: "_Buffer", producer: threading.Thread) -> None:
        self.buffer = buffer
        self.producer = producer

    def close(self) -> None:
        self.buffer.stop()
        # A generator that the garbage collector finalises may do so on the producer itself.
        if self.producer is not threading.current_thread():
            self.producer.join()


def _produce(items: Iterable[T], buffer: "_Buffer[T]", name: str) -> None:
    _thread.upstream = []
    error: BaseException | None = None
    try:
        _fill(buffer, items, name)
    except BaseException as caught:
        error = caught
    try:
        _close_all(items)
    except BaseException as caught:
        error = error or caught
    buffer.finish(error)


def _fill(buffer: "_Buffer[T]", items: Iterable[T], name: str) -> None:
    source = iter(items)
    while not buffer.stopped:
        try:
            with working(name):
                item = next(source)
        except StopIteration:
            break
        buffer.put(item)
        del item  # a frame in the hand must not outlive its turn


def _close_all(items: Iterable[T]) -> None:
    """Close items, then every prefetch that it drew from: those may be held by a traceback."""
    close = getattr(items, "close", None)
    try:
        if close is not None:
            close()
    finally:
        for stage in _thread.upstream:
            stage.close()


class _Buffer(Generic[T]):
    """A bounded queue that either side can end; queue.Queue learns to shut down in Python 3.13."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.stopped = False
        self._items: deque[T] = deque()
        self._finished = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def put(self, item: T) -> None:
        """Wait for room. Dropped where the consumer has stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self.stopped or len(self._items) < self.depth)
            if not self.stopped:
                self._items.append(item)
                self._changed.notify_all()

    def finish(self, error: BaseException | None) -> None:
        """Nothing more will come; error is raised to the consumer after the items made before it."""
        with self._changed:
            self._finished, self._error = True, error
            self._changed.notify_all()

    def stop(self) -> None:
        """Nothing more is wanted."""
        with self._changed:
            self.stopped = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        while self._has_next():
            with self._changed:
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
            del item
        if self._error is not None:
            error, self._error = self._error, None
            try:
                raise error
            finally:
                del error  # else the error's traceback and this frame would keep each other alive

    def _has_next(self) -> bool:
        with waiting(), self._changed:
            self._changed.wait_for(lambda: self._items or self._finished or self.stopped)
            return bool(self._items)

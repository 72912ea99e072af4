import threading
from collections.abc import Iterable, Iterator

import pytest

from vidgan.meter import metered, working
from vidgan.stream import concurrently, prefetch


class Source:
    """Counts up, and remembers how far it was run and whether it was closed."""

    def __init__(self, stop: int = 10**9, fail_at: int | None = None) -> None:
        self.stop = stop
        self.fail_at = fail_at
        self.made = 0
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[int]:
        return self.items()

    def items(self) -> Iterator[int]:
        try:
            for i in range(self.stop):
                if i == self.fail_at:
                    raise OSError("the disk went away")
                self.made += 1
                yield i
        finally:
            self.closed.set()


def doubled(items: Iterable[int], fail_at: int | None = None) -> Iterator[int]:
    for i in items:
        if i == fail_at:
            raise ArithmeticError("cannot double this")
        yield 2 * i


@pytest.fixture(autouse=True)
def no_thread_outlives_its_test() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def test_a_meter_counts_work_and_not_what_a_stage_waits() -> None:
    """A slow source, a quick stage behind it, and a consumer that is slower than both."""

    def slowly(items: Iterable[int]) -> Iterator[int]:
        for item in items:
            threading.Event().wait(0.02)
            yield item

    with metered() as meter:
        first = prefetch(slowly(range(5)), name="slow")
        second = prefetch(doubled(first), name="quick")
        for _ in second:
            with working("last"):
                threading.Event().wait(0.01)
    stages = meter.stages()
    assert {name: stage.items for name, stage in stages.items()} == {"slow": 5, "quick": 5, "last": 5}
    assert stages["slow"].busy_seconds > 0.09
    assert stages["quick"].busy_seconds < stages["slow"].busy_seconds / 2
    assert stages["last"].busy_seconds > 0.04
    assert meter.wall_seconds() >= stages["slow"].busy_seconds


def test_what_is_done_at_the_same_time_comes_in_order() -> None:
    at_once = threading.Barrier(3, timeout=10)

    def work(item: int) -> int:
        at_once.wait()  # nobody goes on before three are at it
        return 10 * item

    with metered() as meter:
        assert list(concurrently(range(6), work, 3, "three")) == [0, 10, 20, 30, 40, 50]
    assert meter.stages()["three"].workers == 3


def test_of_what_is_done_at_the_same_time_an_error_comes_in_its_place() -> None:
    def work(item: int) -> int:
        if item == 2:
            raise ArithmeticError("cannot do two")
        return item

    source = Source(5)
    results = concurrently(source.items(), work, 2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ArithmeticError, match="cannot do two"):
        next(results)
    assert source.closed.is_set()


def test_what_is_done_at_the_same_time_can_be_closed() -> None:
    source = Source()
    results = prefetch(concurrently(source.items(), lambda item: item, 2), name="")
    assert next(results) == 0
    results.close()
    assert source.closed.is_set()
    assert source.made < 20


def test_without_a_meter_nothing_is_counted() -> None:
    assert list(prefetch(range(3), name="alone")) == [0, 1, 2]
    with metered() as meter:
        pass
    assert meter.stages() == {}


def test_items_come_in_order() -> None:
    assert list(prefetch(range(100), depth=3)) == list(range(100))


def test_nothing_starts_before_the_first_item_is_asked_for() -> None:
    source = Source()
    prefetch(source.items())
    assert source.made == 0


def test_runs_ahead_no_further_than_its_depth() -> None:
    source, depth = Source(), 2
    full = threading.Event()

    def watched() -> Iterator[int]:
        for i in source.items():
            if i == depth + 1:  # one taken, depth waiting, and this one in the hand
                full.set()
            yield i

    stage = prefetch(watched(), depth)
    assert next(stage) == 0
    assert full.wait(10)
    assert source.made == 1 + depth + 1
    assert next(stage) == 1
    stage.close()
    assert source.made <= 2 + depth + 1


def test_an_error_comes_after_the_items_before_it_with_its_traceback() -> None:
    stage = prefetch(Source(fail_at=3))
    assert [next(stage), next(stage), next(stage)] == [0, 1, 2]
    with pytest.raises(OSError, match="the disk went away") as caught:
        next(stage)
    assert caught.traceback[-1].name == "items"


def test_closing_early_stops_the_producer_and_closes_its_source() -> None:
    source = Source()
    stage = prefetch(source.items())
    assert next(stage) == 0
    stage.close()
    assert source.closed.is_set()
    with pytest.raises(StopIteration):
        next(stage)


def test_leaving_a_loop_closes_the_source() -> None:
    source = Source()
    for i in prefetch(source.items()):
        if i == 4:
            break
    assert source.closed.is_set()


@pytest.mark.parametrize("fail_at", [0, 1, 7])
def test_an_error_in_the_middle_of_a_chain_ends_every_stage(fail_at: int) -> None:
    source = Source()
    decoded = prefetch(source.items(), name="decode")
    translated = prefetch(doubled(decoded, fail_at), name="translate")
    smoothed = prefetch(doubled(translated), name="smooth")
    with pytest.raises(ArithmeticError):  # held by pytest with its traceback, so nothing ends by chance
        list(smoothed)
    assert source.closed.is_set()
    assert not {"decode", "translate", "smooth"} & {thread.name for thread in threading.enumerate()}


def test_an_error_at_the_head_of_a_chain_reaches_its_end() -> None:
    chain = prefetch(doubled(prefetch(doubled(prefetch(Source(fail_at=2))))))
    assert next(chain) == 0
    with pytest.raises(OSError, match="the disk went away"):
        list(chain)


def test_closing_the_end_of_a_chain_ends_every_stage() -> None:
    source = Source()
    decoded = prefetch(source.items(), name="decode")
    chain = prefetch(doubled(prefetch(doubled(decoded))), name="last")
    assert next(chain) == 0
    chain.close()
    assert source.closed.is_set()


def test_an_error_while_closing_the_source_is_told() -> None:
    def leaves_badly() -> Iterator[int]:
        try:
            yield 1
        finally:
            raise OSError("could not close")

    with pytest.raises(OSError, match="could not close"):
        list(prefetch(leaves_badly()))


def test_depth_must_be_positive() -> None:
    with pytest.raises(ValueError, match="depth must be at least 1"):
        prefetch([1], depth=0)

import pytest
import torch

from vidgan.gan import threads


@pytest.fixture(autouse=True)
def _keep_the_count():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("slow", "expected"), [(2, 1), (1, 2)])
def test_the_faster_of_one_thread_and_a_ways_share_is_used(monkeypatch, slow, expected):
    monkeypatch.setattr(threads, "_ALL", 4)
    monkeypatch.setattr(threads, "_seconds_with", lambda count: float(count == slow))
    assert threads.choose_thread_count(ways=2) == expected
    assert torch.get_num_threads() == expected


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_where_a_ways_share_is_one_thread_there_is_nothing_to_time(monkeypatch, cores):
    def never(count):
        raise AssertionError(f"{count} threads were timed")

    monkeypatch.setattr(threads, "_ALL", cores)
    monkeypatch.setattr(threads, "_seconds_with", never)
    assert threads.choose_thread_count(ways=2) == 1


def test_timing_takes_time():
    assert threads._seconds_with(1) > 0


def test_a_repeated_run_works_with_the_same_threads_and_leaves_the_callers_alone():
    before = torch.get_num_threads()
    with threads.working_with(2, same=before + 3, timed=True) as count:
        assert count == torch.get_num_threads() == before + 3
    assert torch.get_num_threads() == before


def test_a_run_of_so_many_steps_shares_the_threads_without_asking_the_clock(monkeypatch):
    monkeypatch.setattr(threads, "choose_thread_count", lambda ways: pytest.fail("asked the clock"))
    before = torch.get_num_threads()
    with threads.working_with(before, same=0, timed=False) as count:
        assert count == 1
    assert torch.get_num_threads() == before

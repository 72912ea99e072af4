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

import torch

from vidgan.gan import threads


def test_the_faster_count_is_used(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setattr(threads, "_ALL", 2)
    try:
        for slow, expected in ((2, 1), (1, 2)):
            monkeypatch.setattr(threads, "_seconds_with", lambda count, slow=slow: float(count == slow))
            assert threads.use_fastest_thread_count(torch.device("cpu")) == expected
    finally:
        torch.set_num_threads(before)


def test_timing_takes_time():
    before = torch.get_num_threads()
    try:
        assert threads._seconds_with(1) > 0
    finally:
        torch.set_num_threads(before)

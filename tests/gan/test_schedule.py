import pytest

from vidgan.config import TrainSettings
from vidgan.gan.schedule import Schedule


class Clock:
    """Every look at it takes a tenth of a second."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 0.1
        return self.seconds


def run(schedule: Schedule, stages: int) -> list[int]:
    for stage in range(stages):
        for _ in schedule.ticks(stage):
            pass
    return schedule.steps_taken


def test_steps_are_shared_out_by_growth():
    settings = TrainSettings(seconds=0, steps=70, stage_growth=2.0)
    assert run(Schedule(settings, 3), 3) == [10, 20, 40]


def test_seconds_end_a_run_and_later_stages_get_more():
    clock = Clock()
    schedule = Schedule(TrainSettings(seconds=30, steps=0, stage_growth=2.0), 3, clock)
    taken = run(schedule, 3)
    assert clock.seconds == pytest.approx(30, abs=1)
    assert taken[0] < taken[1] < taken[2]


def test_every_stage_takes_a_step_however_short_the_time():
    assert run(Schedule(TrainSettings(seconds=0.001, steps=0), 4, Clock()), 4) == [1, 1, 1, 1]


def test_steps_decide_alone_however_short_the_seconds():
    assert sum(run(Schedule(TrainSettings(seconds=0.5, steps=12), 2, Clock()), 2)) == 12


def test_the_rate_falls_over_the_last_part_of_a_stage():
    schedule = Schedule(TrainSettings(seconds=0, steps=10, decay=0.5), 1)
    rates = [schedule.rate(tick) for tick in schedule.ticks(0)]
    assert rates[:6] == [1] * 6
    assert rates[6:] == pytest.approx([0.8, 0.6, 0.4, 0.2])


def test_progress_through_the_run_never_falls():
    schedule = Schedule(TrainSettings(seconds=0, steps=20), 3)
    seen = [tick.run_progress for stage in range(3) for tick in schedule.ticks(stage)]
    assert seen == sorted(seen)
    assert 0 <= seen[0] < seen[-1] < 1

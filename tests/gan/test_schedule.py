"""How time is shared out, when it is left to later stages, and that a record repeats it."""

import json

import pytest

from vidgan.config import TrainSettings
from vidgan.gan.schedule import Record, Replay, Schedule

RATE = 1e-3


class Clock:
    """Every look at it takes a tenth of a second."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 0.1
        return self.seconds


def settings(**values) -> TrainSettings:
    return TrainSettings(**{"seconds": 0, "learning_rate": RATE, **values})


def timed(seconds: float = 30, stages: int = 3, growth: float = 1.0) -> Schedule:
    return Schedule(settings(seconds=seconds, stage_growth=growth), stages, Clock())


def run(schedule: Schedule, settled: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Take every step; stages in `settled` have settled from their first one on."""
    for stage in range(len(schedule.rates)):
        for _ in schedule.ticks(stage):
            if stage in settled:
                schedule.settle(stage)
    return schedule.steps_taken


def test_steps_are_shared_out_by_growth():
    assert run(Schedule(settings(steps=70, stage_growth=2.0), 3)) == (10, 20, 40)


def test_seconds_end_a_run_and_later_stages_get_more():
    schedule = timed(growth=2.0)
    taken = run(schedule)
    assert schedule.clock.seconds == pytest.approx(30, abs=1)
    assert schedule.elapsed() == pytest.approx(30, abs=1)
    assert taken[0] < taken[1] < taken[2]


def test_every_stage_takes_a_step_however_short_the_time():
    assert run(timed(seconds=0.001, stages=4)) == (1, 1, 1, 1)


def test_steps_decide_alone_however_short_the_seconds():
    assert sum(run(Schedule(settings(seconds=0.5, steps=12), 2, Clock()))) == 12


def test_the_rate_falls_over_the_last_part_of_a_stage():
    schedule = Schedule(settings(steps=10, decay=0.5), 1)
    rates = [tick.rate / RATE for tick in schedule.ticks(0)]
    assert rates[:6] == [1] * 6
    assert rates[6:] == pytest.approx([0.8, 0.6, 0.4, 0.2])


def test_the_rate_may_fall_over_the_whole_of_a_stage():
    schedule = Schedule(settings(steps=4, decay=1.0), 1)
    assert [tick.rate / RATE for tick in schedule.ticks(0)] == pytest.approx([1, 0.75, 0.5, 0.25])


def test_the_rate_may_fall_at_once():
    schedule = Schedule(settings(steps=10, decay=0.2, decay_to=0.1), 1)
    assert [tick.rate / RATE for tick in schedule.ticks(0)] == pytest.approx([1] * 8 + [0.1] * 2)


def test_the_rate_never_falls_to_nothing():
    schedule = Schedule(settings(steps=1000, decay=0.5), 1)
    run(schedule)
    assert min(schedule.rates[0]) == pytest.approx(0.02 * RATE)


def test_every_rate_is_recorded_under_its_stage():
    schedule = Schedule(settings(steps=20), 2)
    ticks = [[tick.rate for tick in schedule.ticks(stage)] for stage in range(2)]
    assert schedule.rates == ticks


def test_progress_through_the_run_never_falls():
    schedule = Schedule(settings(steps=20), 3)
    seen = [tick.run_progress for stage in range(3) for tick in schedule.ticks(stage)]
    assert seen == sorted(seen)
    assert 0 <= seen[0] < seen[-1] < 1


def test_a_settled_stage_ends_at_its_minimum_and_leaves_its_time_to_the_next():
    """Of 50 steps a settled stage learns at full rate for 15, then the rate falls as steeply as ever."""
    schedule = Schedule(settings(steps=100, stage_growth=1.0, decay=0.4), 2)
    assert run(schedule, settled=(0,)) == (25, 75)
    full = [rate for rate in schedule.rates[0] if rate == RATE]
    assert len(full) == 16
    assert schedule.rates[0] == sorted(schedule.rates[0], reverse=True)


def test_time_that_settled_stages_leave_is_all_used():
    plain, schedule = timed(), timed()
    run(plain)
    run(schedule, settled=(0, 1))
    assert schedule.steps_taken[0] < 0.6 * plain.steps_taken[0]
    assert schedule.steps_taken[2] > 1.5 * plain.steps_taken[2]
    assert schedule.elapsed() == pytest.approx(30, abs=1)


def test_a_stage_that_settles_late_ends_soon_after():
    schedule = Schedule(settings(steps=100, stage_growth=1.0, decay=0.4), 2)
    for tick in schedule.ticks(0):
        if tick.step == 24:
            schedule.settle(0)
    assert len(schedule.rates[0]) == pytest.approx(25 / 0.6, abs=1)


def test_one_stage_that_has_settled_says_nothing_of_the_next():
    schedule = Schedule(settings(steps=100, stage_growth=1.0, decay=0.4), 3)
    taken = run(schedule, settled=(0,))
    assert taken[1] == pytest.approx(taken[2], abs=1)


def test_the_last_stage_never_ends_early():
    plain, schedule = (Schedule(settings(steps=60), 3) for _ in range(2))
    assert run(schedule, settled=(2,)) == run(plain)
    assert schedule.rates == plain.rates


def test_a_replay_takes_the_recorded_rates_exactly_whatever_the_clock_says():
    recorded = timed(seconds=10)
    run(recorded, settled=(0,))
    replay = Replay(settings(seconds=1e-3), Record(recorded.rates, 1))
    ticks = [tick for stage in range(3) for tick in replay.ticks(stage)]
    assert [tick.rate for tick in ticks] == [rate for stage in recorded.rates for rate in stage]
    assert replay.rates == recorded.rates
    assert [tick.step for tick in ticks] == [step for n in recorded.steps_taken for step in range(n)]
    progress = [tick.run_progress for tick in ticks]
    assert progress == sorted(progress)
    assert 0 <= progress[0] < progress[-1] < 1


def test_a_replay_settles_when_the_record_did_and_not_otherwise():
    recorded = Schedule(settings(steps=40), 2)
    run(recorded)
    replay = Replay(settings(steps=40), Record(recorded.rates, 1))
    assert run(replay, settled=(0,)) == recorded.steps_taken


@pytest.mark.parametrize("stop", [1, 7, 12, 25, 39])
def test_a_schedule_goes_on_from_its_state_where_it_stood(stop):
    whole, first, second = (Schedule(settings(steps=40), 3) for _ in range(3))
    run(whole, settled=(0,))
    taken, steps = 0, []
    for stage in range(3):
        for _ in first.ticks(stage):
            taken += 1
            if stage == 0:
                first.settle(stage)
            if taken == stop:
                break
        if taken == stop:
            break
    second.load(json.loads(json.dumps(first.state())), json.loads(json.dumps(first.rates)))
    for later in range(stage, 3):
        steps += [tick.step for tick in second.ticks(later)]
    assert second.rates == whole.rates
    assert not steps or steps[0] in (0, len(first.rates[stage]))


def test_a_replay_goes_on_from_its_state_too():
    rates = [[0.1, 0.2, 0.3], [0.4, 0.5]]
    first, second = (Replay(settings(steps=5), Record(rates, 1)) for _ in range(2))
    ticks = first.ticks(0)
    next(ticks), next(ticks)
    second.load(json.loads(json.dumps(first.state())), first.rates)
    assert [tick.rate for stage in range(2) for tick in second.ticks(stage)] == [0.3, 0.4, 0.5]
    assert second.rates == rates


def test_a_pause_counts_for_nothing():
    schedule = timed(seconds=10, stages=1)
    ticks = schedule.ticks(0)
    for _ in range(20):
        next(ticks)
    schedule.clock.seconds += 1000
    schedule.resume()
    for _ in ticks:
        pass
    assert schedule.elapsed() == pytest.approx(10, abs=0.5)


def test_preparation_counts_as_spent_before_the_first_stage():
    alone, prepared = timed(), timed()
    for _ in range(60):
        prepared.clock()
    prepared.prepared()
    fewer, all_steps = sum(run(prepared)), sum(run(alone))
    assert prepared.preparation == pytest.approx(6.1, abs=0.2)
    assert fewer == pytest.approx(all_steps * 24 / 30, rel=0.06)
    assert prepared.elapsed() == pytest.approx(alone.elapsed(), rel=0.05)


def test_however_long_preparation_takes_half_of_the_seconds_are_left():
    alone, prepared = timed(), timed()
    for _ in range(600):
        prepared.clock()
    prepared.prepared()
    assert prepared.preparation > 2 * prepared.budget
    assert sum(run(prepared)) == pytest.approx(sum(run(alone)) / 2, rel=0.06)


def test_preparation_takes_no_counted_steps():
    schedule = Schedule(settings(steps=12), 3, Clock())
    schedule.prepared()
    assert sum(run(schedule)) == 12


def test_a_resumed_schedule_knows_its_preparation():
    first = timed()
    first.prepared()
    again = timed()
    again.load(json.loads(json.dumps(first.state())), first.rates)
    assert again.preparation == first.preparation

"""A render of a film by machines that share one storage, step by step: see scaling.py for what is assumed."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

import numpy as np
from numpy.typing import NDArray
from scaling_measure import Cost, Drawing, Measured

from vidgan.jobs.segments import Segment, segments
from vidgan.motion import first_needed

FRAMES, RATE = 172_800, 24
SHOT_SECONDS, SHOT_SPREAD, SHORTEST_SHOT = 5.0, 0.8, 12
SURVEYED = 1000  # frames at a time, as vidgan.jobs.batch.cluster_engine gives them out
PEAK_SECONDS = 10
MIB = 2**20
WORK, START, STORAGE = "workers", "their start", "storage"
LAST, SERIAL = "the last segment", "the serial part"


@dataclass(frozen=True)
class Setup:
    """storage_mib: a second, of all machines together. segment: encode.segment.

    speed: how many times as fast as measured a worker draws. verifies: False for --no-verify. alone: every
    segment is a process of its own, as on a farm that calls `vidgan render --segment`: it indexes the film
    itself, and one of them has surveyed it before.
    """

    workers: int
    storage_mib: float = math.inf
    segment: int = 120
    speed: float = 1.0
    verifies: bool = True
    alone: bool = False


@dataclass(frozen=True)
class Piece:
    """A segment and its margins. first: the frame that is read first. followed: frames that are decoded for
    their motion. drawn: frames of its neighbours that are drawn, too."""

    frames: int
    first: int
    followed: int
    drawn: int


@dataclass(frozen=True)
class Outcome:
    """seconds: of wall time, by what it was spent on. drawing_bytes: read and written for segments.
    bytes_a_second: in the busiest 10 s.
    """

    seconds: dict[str, float]
    read_bytes: float
    written_bytes: float
    drawing_bytes: float
    bytes_a_second: float

    @property
    def wall_seconds(self) -> float:
        return sum(self.seconds.values())

    @property
    def bound(self) -> str:
        return max(self.seconds, key=lambda name: self.seconds[name])


def simulate(measured: Measured, setup: Setup) -> Outcome:
    """A render of the film, from the first byte that is read to its verified result."""
    storage, pieces = Storage(setup.storage_mib * MIB), film(measured, setup)
    *before, surveying = steps_before(measured).values()
    surveys, drawing = _surveys(surveying, setup), drawing_costs(measured, setup)
    after, starting = _after(measured, setup, len(pieces)), _starting(measured, setup)
    storage.serve([iter(before)])
    waiting = _share(storage, surveys, [] if setup.alone else starting, setup)
    waiting += _share(storage, drawing, starting if setup.alone else [], setup)
    storage.serve([iter(after)])
    serial = _seconds([*before, *after])
    start = _seconds(starting) * (len(pieces) / setup.workers if setup.alone else 1)
    work = _seconds([*surveys, *drawing]) / setup.workers
    seconds = {
        WORK: work,
        START: start,
        STORAGE: storage.now - waiting - start - work - serial,
        LAST: waiting,
        SERIAL: serial,
    }
    drawing_bytes = sum(cost.read_bytes + cost.written_bytes for cost in drawing)
    return Outcome(seconds, *storage.moved[-1][1:], drawing_bytes, storage.peak())


def steps_before(measured: Measured) -> dict[str, Cost]:
    """What one worker does alone before any segment can begin, by name."""
    return {
        "hashing the source": measured.hashing * (measured.source_bytes * FRAMES),
        "indexing it": measured.indexing * FRAMES,
        "surveying it": measured.surveying * FRAMES,
    }


def steps_after(measured: Measured, parts: int) -> dict[str, Cost]:
    """And what when all segments are there."""
    hashing = measured.hashing * (measured.part_bytes * FRAMES)
    return {
        "hashing the parts": hashing,
        "joining them": measured.joining * FRAMES + measured.joining_part * parts,
        "hashing the result": hashing,
        "verifying it": measured.verifying * FRAMES,
        "indexing both for figures": measured.judging * FRAMES,
    }


def _surveys(surveying: Cost, setup: Setup) -> list[Cost]:
    """Of the film's parts; an only one on a farm."""
    parts = 1 if setup.alone else math.ceil(FRAMES / SURVEYED)
    return [surveying / parts] * parts


def _after(measured: Measured, setup: Setup, parts: int) -> list[Cost]:
    *joining, verifying, judging = steps_after(measured, parts).values()
    return [*joining, *([verifying] if setup.verifies else []), judging]


def _starting(measured: Measured, setup: Setup) -> list[Cost]:
    """What a worker does before its first piece of work; a process before its only one."""
    return [Cost(measured.start_seconds), *([measured.indexing * FRAMES] if setup.alone else [])]


def _share(storage: "Storage", costs: Sequence[Cost], starting: Sequence[Cost], setup: Setup) -> float:
    """All workers do it together; how long the mean one waits for the last."""
    queue = iter(costs)
    ends = storage.serve([_worker(queue, starting, setup.alone) for _ in range(setup.workers)])
    return storage.now - float(ends.mean())


def _seconds(costs: Iterable[Cost]) -> float:
    return sum(cost.seconds for cost in costs)


def _worker(queue: Iterator[Cost], starting: Sequence[Cost], alone: bool) -> Iterator[Cost]:
    """queue: all workers' own. alone: another process for every segment."""
    if not alone:
        yield from starting
    for cost in queue:
        if alone:
            yield from starting
        yield cost


def drawing_costs(measured: Measured, setup: Setup) -> list[Cost]:
    """Of every segment, drawn as fast as one of the rounds measured."""
    rng = Random(0)
    return [_cost(piece, rng.choice(measured.rounds), measured, setup) for piece in film(measured, setup)]


def _cost(piece: Piece, drawing: Drawing, measured: Measured, setup: Setup) -> Cost:
    seconds = (
        piece.followed * drawing.followed + piece.drawn * drawing.drawn + piece.frames * drawing.finished
    )
    sought = piece.first % round(measured.keyframe_every)
    read = (sought + piece.followed + piece.drawn + piece.frames) * measured.source_bytes
    written = piece.frames * measured.part_bytes
    drawn = Cost(seconds / setup.speed + (measured.dispatch_seconds or 0), read, written)
    opened = measured.opening + measured.header * FRAMES
    return drawn + opened + measured.hashing * written + measured.entering


def film(measured: Measured, setup: Setup) -> tuple[Piece, ...]:
    return _pieces(measured.window, measured.anchor_every, setup.segment)


@cache
def _pieces(window: int, every: int, length: int) -> tuple[Piece, ...]:
    cuts = shot_cuts()
    return tuple(_piece(segment, cuts, window, every) for segment in segments(range(FRAMES), cuts, length))


def _piece(segment: Segment, cuts: list[int], window: int, every: int) -> Piece:
    """As vidgan.jobs.rendering reads it, a frame at a time: first_read, and the window behind."""
    begin, end = (0, *cuts, FRAMES)[(shot := bisect_right(cuts, segment.start)) : shot + 2]
    drawn_from, drawn_to = max(begin, segment.start - window), min(end, segment.stop + window)
    first = first_needed(drawn_from, cuts, every) if every else drawn_from
    return Piece(len(segment), first, drawn_from - first, drawn_to - drawn_from - len(segment))


@cache
def shot_cuts() -> list[int]:
    """Shots are lognormally long: many short ones, some long."""
    rng, cuts = Random(0), [0]
    middle = math.log(SHOT_SECONDS * RATE) - SHOT_SPREAD**2 / 2
    while cuts[-1] < FRAMES:
        cuts.append(cuts[-1] + max(SHORTEST_SHOT, round(rng.lognormvariate(middle, SHOT_SPREAD))))
    return cuts[1:-1]


class Storage:
    """Time passes here: what is done goes on for as long as its bytes take. A step from event to event is
    arithmetic on all workers at once, so this has no queue of events.

    moved: seconds, and bytes read and written until then.
    """

    def __init__(self, bytes_a_second: float) -> None:
        self._limit, self.now = bytes_a_second, 0.0
        self.moved = [(0.0, 0.0, 0.0)]

    def serve(self, tasks: Sequence[Iterator[Cost]]) -> NDArray:
        """All at the same time, each one cost after another; when each of them ended."""
        left, wanted = np.full(len(tasks), np.inf), np.zeros((2, len(tasks)))
        ends = np.full(len(tasks), self.now)
        changed: Iterable[int] = range(len(tasks))
        while True:
            for number in changed:
                cost = next(tasks[number], None)
                left[number] = np.inf if cost is None else cost.seconds
                wanted[:, number] = _rates(cost)
                ends[number] = self.now
            if np.isinf(left).all():
                return ends
            speed = _speeds(wanted.sum(0), self._limit)
            step = (left / speed).min()
            changed = np.flatnonzero(left / speed <= step * (1 + 1e-12))
            left -= step * speed
            self._pass(step, wanted @ speed)

    def peak(self) -> float:
        """Bytes a second, in the busiest of the times of 10 s."""
        times, *moved = np.array(self.moved).T
        grid = np.arange(0, self.now + PEAK_SECONDS, PEAK_SECONDS)
        return float(np.diff(np.interp(grid, times, sum(moved))).max() / PEAK_SECONDS)

    def _pass(self, seconds: float, bytes_a_second: NDArray) -> None:
        self.now += seconds
        _, read, written = self.moved[-1]
        more_read, more_written = (float(rate) * seconds for rate in bytes_a_second)
        self.moved.append((self.now, read + more_read, written + more_written))


def _rates(cost: Cost | None) -> tuple[float, float]:
    """Bytes read and written in a second that nothing limits."""
    if cost is None or not cost.seconds:
        return 0.0, 0.0
    return cost.read_bytes / cost.seconds, cost.written_bytes / cost.seconds


def _speeds(wanted: NDArray, limit: float) -> NDArray:
    """Of everybody, 1 where nothing limits it. wanted: (N,) bytes a second."""
    if wanted.sum() <= limit:
        return np.ones(len(wanted))
    rising = np.sort(wanted)
    served = np.concatenate([[0.0], np.cumsum(rising)[:-1]])
    levels = (limit - served) / np.arange(len(rising), 0, -1)  # if all before it get what they want
    level = levels[np.argmax(rising > levels)]
    return level / np.maximum(wanted, level)

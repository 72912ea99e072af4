"""How many machines a film can use: a simulation of its render, from what its pieces take here.

    python benchmarks/scaling.py --measure samples/clip.mp4 --json measured.json    # under five minutes
    python benchmarks/scaling.py --from measured.json [--storage 1024 100] [--dispatch-seconds 0.002]
    python benchmarks/scaling.py --check

Two hours at 1920x1080 and 24 frames a second, in segments as vidgan.jobs.segments makes them: shots are drawn
with a fixed seed (an assumption: 5 s in the mean). As `vidgan batch --cluster` does it (vidgan/jobs/batch):
one worker alone hashes and indexes the film; then all are begun, look for its cuts, each in a part at a time,
and are given segments in their order, one at a time, each with its margins; then one hashes the parts, joins,
hashes and verifies the result. A worker is a whole machine like the one measured (cpus = its cores).

All share one storage, whose bandwidth is a limit for reading and writing together. Whatever is done wants
its bytes evenly over the seconds that it takes where nothing limits it; where all want too much, nobody gets
more than another who wants as much (max-min fairness), and takes longer. No machine caches anything.

Efficiency is the wall time of one worker over that of n, times n. A wall time is told apart by what it was
spent on; the largest is what bounds it.
"""

import argparse
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from statistics import mean

from scaling_measure import Cost, Drawing, Measured, measure
from scaling_simulation import (
    FRAMES,
    LAST,
    MIB,
    SERIAL,
    STORAGE,
    WORK,
    Outcome,
    Piece,
    Setup,
    drawing_costs,
    film,
    shot_cuts,
    simulate,
    steps_after,
    steps_before,
)

WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
ENOUGH = 0.8  # efficiency
GIB = 2**30


def show(measured: Measured, storages: Sequence[float]) -> None:
    _show_film(measured)
    for storage_mib in storages:
        _show_workers(measured, storage_mib)
    _show_segments(measured, storages[0])
    _show_changes(measured, storages[0])


def _show_film(measured: Measured) -> None:
    print(f"{measured.machine}, load {measured.load:.1f} before, {measured.day}; {measured.recipe}")
    rounds = "; ".join(f"{r.followed:.2f}, {r.drawn:.2f}, {r.finished:.2f}" for r in measured.rounds)
    print(f"seconds a frame followed, drawn, finished: {rounds}")
    call = measured.dispatch_seconds
    told = "not measured" if call is None else f"{1000 * call:.1f} ms"
    print(f"a worker starts in {measured.start_seconds:.1f} s; a call of an actor: {told}")
    source, result = (FRAMES * size / GIB for size in (measured.source_bytes, measured.part_bytes))
    print(
        f"{FRAMES} frames in {len(shot_cuts()) + 1} shots; source {source:.1f} GiB, result {result:.1f} GiB"
    )
    steps = {**steps_before(measured), **steps_after(measured, len(film(measured, Setup(1))))}
    _table("one worker alone", "min", "GiB read", "GiB written")
    for name, cost in steps.items():
        gib = cost.read_bytes / GIB, cost.written_bytes / GIB
        _row(name, f"{cost.seconds / 60:.1f}", *(f"{size:.1f}" for size in gib))


def _show_workers(measured: Measured, storage_mib: float) -> None:
    """Where it stops, too."""
    print(f"\nstorage {storage_mib:g} MiB/s")
    traffic = "GiB read", "written", "MiB/s, mean", "while drawing", "busiest 10 s"
    _table("workers", "wall time", "efficiency", *traffic, "bound by")
    efficient = _efficiencies(measured, Setup(1, storage_mib))
    for workers, efficiency in efficient.items():
        outcome = simulate(measured, Setup(workers, storage_mib))
        _row(workers, _hours(outcome), f"{efficiency:.2f}", *_traffic(outcome), _bound(outcome))
    stops = next((workers for workers, efficiency in efficient.items() if efficiency < ENOUGH), None)
    if stops:
        outcome = simulate(measured, Setup(stops, storage_mib))
        print(f"\nbelow {ENOUGH} from {stops} workers on; there {_causes(outcome)}")
    one = simulate(measured, Setup(1, storage_mib))
    most = one.wall_seconds / one.seconds[SERIAL]
    print(f"the serial part allows {most:.0f} times the speed of one worker, however many there are (Amdahl)")


def _efficiencies(measured: Measured, setup: Setup) -> dict[int, float]:
    """Against one worker, by their number."""
    walls = {n: simulate(measured, replace(setup, workers=n)).wall_seconds for n in WORKERS}
    return {workers: walls[1] / wall / workers for workers, wall in walls.items()}


def _show_segments(measured: Measured, storage_mib: float, workers: int = 64) -> None:
    print(f"\n{workers} workers, storage {storage_mib:g} MiB/s")
    _table("encode.segment", "segments", "margins", "wall time", "of it waiting for the last", "joining")
    for length in (48, 120, 480):
        setup = Setup(workers, storage_mib, length)
        pieces, outcome = film(measured, setup), simulate(measured, setup)
        joining = (measured.joining * FRAMES + measured.joining_part * len(pieces)).seconds
        last = outcome.seconds[LAST]
        margins = f"{_margins(pieces, measured):.1%} of drawing"
        _row(length, len(pieces), margins, _hours(outcome), f"{last / 60:.0f} min", f"{joining / 60:.0f} min")


def _show_changes(measured: Measured, storage_mib: float) -> None:
    print(f"\nwhat a change would do, storage {storage_mib:g} MiB/s: wall times")
    some = (16, 64, 256)
    _table("", *(f"{n} workers" for n in some), f"efficient ({ENOUGH}) up to", f"bound by, with {some[-1]}")
    setups = {
        "as it is": Setup(1, storage_mib),
        "a process for every segment": Setup(1, storage_mib, alone=True),
        "no verification": Setup(1, storage_mib, verifies=False),
        "segments of 480 frames": Setup(1, storage_mib, segment=480),
        "workers that draw 20 times as fast": Setup(1, storage_mib, speed=20),
    }
    for name, setup in setups.items():
        outcomes = [simulate(measured, replace(setup, workers=workers)) for workers in some]
        enough = [n for n, efficiency in _efficiencies(measured, setup).items() if efficiency >= ENOUGH]
        _row(name, *map(_hours, outcomes), max(enough), _bound(outcomes[-1]))


def _margins(pieces: Sequence[Piece], measured: Measured) -> float:
    """Their share of the seconds that segments take."""
    followed, drawn, finished = (
        mean(getattr(drawing, field.name) for drawing in measured.rounds) for field in fields(Drawing)
    )
    own = sum(piece.frames for piece in pieces) * finished
    margins = sum(piece.followed * followed + piece.drawn * drawn for piece in pieces)
    return margins / (own + margins)


def _traffic(outcome: Outcome) -> Iterator[str]:
    moved = outcome.read_bytes, outcome.written_bytes
    yield from (f"{size / GIB:.0f}" for size in moved)
    yield f"{sum(moved) / outcome.wall_seconds / MIB:.1f}"
    yield f"{outcome.drawing_bytes / (outcome.seconds[WORK] + outcome.seconds[LAST]) / MIB:.1f}"
    yield f"{outcome.bytes_a_second / MIB:.0f}"


def _bound(outcome: Outcome) -> str:
    return f"{outcome.bound}, {outcome.seconds[outcome.bound] / outcome.wall_seconds:.0%}"


def _causes(outcome: Outcome) -> str:
    shares = {name: seconds / outcome.wall_seconds for name, seconds in outcome.seconds.items()}
    return ", ".join(f"{name} {share:.1%}" for name, share in shares.items())


def _hours(outcome: Outcome) -> str:
    return f"{outcome.wall_seconds / 3600:.2f} h"


def _table(*names: str) -> None:
    print()
    _row(*names)
    _row(*["---"] * len(names))


def _row(*cells: object) -> None:
    print("|", " | ".join(map(str, cells)), "|")


def check() -> None:
    """The simulation against what can be told without one."""
    none, one = Cost(0.0), Cost(1.0)
    free = {"hashing": none, "opening": none, "header": none, "indexing": one / 1e9, "surveying": none}
    free |= {"entering": none, "joining": none, "joining_part": none, "verifying": none, "judging": none}
    drawing = (Drawing(0.2, 1.0, 1.5),)
    bare = Measured("", "", 0.0, "", drawing, 2, 16, 1e5, 48.0, 2e5, 0.0, dispatch_seconds=None, **free)
    whole = replace(bare, surveying=Cost(0.02, 1e5), joining=Cost(0.01, 2e5, 2e5), start_seconds=9.0)
    summed = 9.0 + FRAMES * (0.02 + 0.01) + sum(cost.seconds for cost in drawing_costs(whole, Setup(1)))
    assert math.isclose(simulate(whole, Setup(1)).wall_seconds, summed, rel_tol=1e-6)
    walls = [simulate(whole, Setup(workers)).wall_seconds for workers in WORKERS]
    assert walls == sorted(walls, reverse=True), "more workers are slower"
    for workers in WORKERS:
        efficient = (
            simulate(bare, Setup(1)).wall_seconds / simulate(bare, Setup(workers)).wall_seconds / workers
        )
        assert 0.85 < efficient <= 1 + 1e-9, f"{workers} workers with nothing in their way: {efficient:.2f}"
    slow = simulate(whole, Setup(64, 1.0))
    moved = slow.read_bytes + slow.written_bytes
    assert slow.wall_seconds >= moved / MIB > 0, "more was moved than the storage can"
    assert slow.bytes_a_second <= MIB * (1 + 1e-9)
    assert slow.bound == STORAGE
    print("the simulation agrees with what can be told without it")


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--measure", type=Path, metavar="CLIP", help="measure, then simulate")
    what.add_argument("--from", type=Path, dest="known", metavar="JSON", help="what was measured before")
    what.add_argument("--check", action="store_true", help="the simulation itself")
    parser.add_argument("--json", type=Path, help="where what is measured goes")
    parser.add_argument("--frames", type=int, default=10, help="drawn in a round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--storage", type=float, nargs="+", default=[1024.0, 100.0], metavar="MIB_A_SECOND")
    parser.add_argument("--dispatch-seconds", type=float, help="of an actor's call, if not as measured")
    arguments = parser.parse_args()
    if arguments.check:
        check()
        return
    measured = Measured.from_json(arguments.known.read_text()) if arguments.known else _measured(arguments)
    if arguments.dispatch_seconds is not None:
        measured = replace(measured, dispatch_seconds=arguments.dispatch_seconds)
    show(measured, arguments.storage)


def _measured(arguments: argparse.Namespace) -> Measured:
    print("measuring: some four minutes", file=sys.stderr)
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        measured = measure(arguments.measure, Path(folder), arguments.frames, arguments.rounds)
    if arguments.json:
        arguments.json.write_text(measured.as_json())
    return measured


if __name__ == "__main__":
    main()

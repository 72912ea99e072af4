"""Where a render's time goes: what its stages have told a meter, the busiest first."""

from vidgan.gan.threads import usable_cores
from vidgan.jobs.options import Profile, StageShare
from vidgan.meter import Meter, StageTime


def profile_of(meter: Meter) -> Profile:
    """To be asked when the job is done."""
    wall_seconds, cpu_seconds = meter.wall_seconds(), meter.cpu_seconds()
    shares = (_share(name, time, wall_seconds) for name, time in meter.stages().items())
    busiest = tuple(sorted(shares, key=lambda stage: -stage.share))
    return Profile(wall_seconds, cpu_seconds, cpu_seconds / (wall_seconds * usable_cores()), busiest)


def _share(name: str, time: StageTime, wall_seconds: float) -> StageShare:
    share = time.busy_seconds / (wall_seconds * time.workers)
    return StageShare(name, time.busy_seconds, share, time.items, time.workers)

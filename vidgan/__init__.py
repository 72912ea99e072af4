"""Give a clip the look of one picture: the same jobs as the command line's, as functions.

import vidgan
vidgan.translate("clip.mp4", "target.png", "out.mp4", pipeline="draft")
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Torch reads this when it first takes memory. Without huge pages, half of a 720p frame's time goes into
# page faults (benchmarks.md).
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
# GNU OpenMP reads this when torch loads: how long its threads spin for their next piece of work. By default
# they burn cores that OpenCV's threads could use (benchmarks.md).
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

# Heavy packages load with the first job that needs them, so that the command line answers at once.
_LAZY = {
    "Options": "vidgan.jobs.options",
    "Progress": "vidgan.jobs.options",
    "Result": "vidgan.jobs.options",
    "Watch": "vidgan.jobs.options",
    "BatchResult": "vidgan.jobs.batch.outcome",
    "BatchWatch": "vidgan.jobs.batch.watch",
    "advise": "vidgan.jobs.advise",
    "batch": "vidgan.jobs.batch.api",
    "flow": "vidgan.jobs.flow",
    "preview": "vidgan.jobs.preview",
    "probe": "vidgan.media",
    "render": "vidgan.jobs.render",
    "sample": "vidgan.jobs.sample",
    "train": "vidgan.jobs.train",
    "translate": "vidgan.jobs.translate",
    "verify": "vidgan.jobs.verification",
}
__all__ = [
    "BatchResult",
    "BatchWatch",
    "Options",
    "Progress",
    "Result",
    "VidganError",
    "Watch",
    "__version__",
    "advise",
    "batch",
    "flow",
    "preview",
    "probe",
    "render",
    "sample",
    "train",
    "translate",
    "verify",
]

from vidgan.errors import VidganError  # noqa: E402

if TYPE_CHECKING:
    from vidgan.jobs.advise import advise
    from vidgan.jobs.batch.api import batch
    from vidgan.jobs.batch.outcome import BatchResult
    from vidgan.jobs.batch.watch import BatchWatch
    from vidgan.jobs.flow import flow
    from vidgan.jobs.options import Options, Progress, Result, Watch
    from vidgan.jobs.preview import preview
    from vidgan.jobs.render import render
    from vidgan.jobs.sample import sample
    from vidgan.jobs.train import train
    from vidgan.jobs.translate import translate
    from vidgan.jobs.verification import verify
    from vidgan.media import probe


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'vidgan' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)

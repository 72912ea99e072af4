"""Motion: optical flow, what it hides and shows, and pictures held steady along it."""

from vidgan.motion.flow import DisFlow, Flow, FlowEstimator, RaftFlow, compose, flow_estimator, visible
from vidgan.motion.smooth import Moment, Picture, smooth

__all__ = [
    "DisFlow",
    "Flow",
    "FlowEstimator",
    "Moment",
    "Picture",
    "RaftFlow",
    "compose",
    "flow_estimator",
    "smooth",
    "visible",
]

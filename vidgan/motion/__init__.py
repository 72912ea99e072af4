"""Motion: optical flow, what it hides and shows, and pictures held steady along it."""

from vidgan.motion.carry import Origin, first_needed, origins, shot_start
from vidgan.motion.flow import (
    DisFlow,
    Flow,
    FlowEstimator,
    RaftFlow,
    compose,
    compose_fields,
    flow_estimator,
    visible,
    visible_field,
)
from vidgan.motion.smooth import Moment, smooth
from vidgan.motion.step import Picture, Step, Stepped, in_steps

__all__ = [
    "DisFlow",
    "Flow",
    "FlowEstimator",
    "Moment",
    "Origin",
    "Picture",
    "RaftFlow",
    "Step",
    "Stepped",
    "compose",
    "compose_fields",
    "first_needed",
    "flow_estimator",
    "in_steps",
    "origins",
    "shot_start",
    "smooth",
    "visible",
    "visible_field",
]

"""Smooth curves through a few knots."""

import numpy as np

Array = np.ndarray


def catmull_rom(knots: Array, per_span: int) -> Array:
    """Catmull-Rom spline through knots (N, D), `per_span` points from each to the next: (M, D)."""
    knots = np.asarray(knots, float)
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    s = np.linspace(0, 1, per_span, endpoint=False)[:, None]
    spans = [_span(*padded[i : i + 4], s) for i in range(len(knots) - 1)]
    return np.concatenate([*spans, knots[-1:]])


def _span(a: Array, b: Array, c: Array, d: Array, s: Array) -> Array:
    """The curve from b to c at parameters s (K, 1) in [0, 1]."""
    linear, square, cube = c - a, 2 * a - 5 * b + 4 * c - d, 3 * (b - c) + d - a
    return b + 0.5 * (linear * s + square * s**2 + cube * s**3)

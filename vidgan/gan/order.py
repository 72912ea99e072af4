"""Sorting, fast on a CPU too: sliced-Wasserstein distances sort more than they do anything else."""

import numpy as np
import torch
from torch import Tensor


def sort_rows(x: Tensor) -> Tensor:
    """Every row of (P, n) in ascending order; gradients find their way back to where values stood.

    On a CPU numpy's vectorised sort takes a fifth to a fifteenth of the time that torch's takes.
    """
    if x.device.type != "cpu":
        return x.sort(dim=1).values
    values = x.detach().contiguous().numpy()
    if not x.requires_grad:
        return torch.from_numpy(np.sort(values, axis=1))
    return x.gather(1, torch.from_numpy(np.argsort(values, axis=1)))

import pytest
import torch


@pytest.fixture(autouse=True)
def seed() -> None:
    """First weights are drawn from torch's own random numbers."""
    torch.manual_seed(0)

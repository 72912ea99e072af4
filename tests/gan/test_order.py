"""Sorting rows: the values that torch gives, and its gradients."""

import torch

from vidgan.gan.order import sort_rows


def rows(count: int = 5, length: int = 40) -> torch.Tensor:
    return torch.randn(count, length, generator=torch.Generator().manual_seed(0))


def test_every_row_is_sorted_as_torch_sorts_it():
    x = rows()
    assert torch.equal(sort_rows(x), x.sort(dim=1).values)
    assert torch.equal(sort_rows(x.T), x.T.sort(dim=1).values)  # not contiguous


def test_what_is_sorted_stays_as_it_was():
    x = rows()
    before = x.clone()
    sort_rows(x)
    sort_rows(x.requires_grad_())
    assert torch.equal(x, before)


def test_values_are_the_same_where_a_gradient_is_wanted():
    x = rows().requires_grad_()
    assert torch.equal(sort_rows(x), x.sort(dim=1).values)


def test_gradients_find_their_way_back_to_where_values_stood():
    ours, theirs = rows().requires_grad_(), rows().requires_grad_()
    ranks = torch.arange(40.0) ** 2
    (sort_rows(ours) * ranks).sum().backward()
    (theirs.sort(dim=1).values * ranks).sum().backward()
    assert torch.equal(ours.grad, theirs.grad)


def test_the_gradient_of_a_rank_is_its_values_alone():
    x = torch.tensor([[3.0, 1.0, 2.0]], requires_grad=True)
    sort_rows(x)[0, 0].backward()
    assert x.grad.tolist() == [[0, 1, 0]]


def test_equal_values_share_a_row():
    x = torch.tensor([[2.0, 1.0, 2.0, 1.0]], requires_grad=True)
    ordered = sort_rows(x)
    ordered.sum().backward()
    assert ordered.tolist() == [[1, 1, 2, 2]]
    assert x.grad.tolist() == [[1, 1, 1, 1]]

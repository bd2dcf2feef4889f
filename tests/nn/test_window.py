"""A window's shortcuts give the numbers of the long way."""

import pytest
import torch
from torch import Tensor

from seqhub.nn import Window
from seqhub.nn.padding import is_zero, shared_count


def run(window: Window, x: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
    """Buffer and the gradient of x, for rows of one length that end here."""
    x = x.clone().requires_grad_()
    rows = len(x)
    state = {"x": history, "pending": torch.zeros(rows, 1, dtype=torch.int64)}
    buffer, _, _ = window(x, torch.full((rows,), x.shape[1]), state, torch.ones(rows, dtype=torch.bool))
    weight = torch.arange(buffer.numel(), dtype=buffer.dtype).reshape(buffer.shape)
    (buffer * weight).sum().backward()
    assert x.grad is not None
    return buffer.detach(), x.grad


@pytest.mark.parametrize(("past", "future", "stride"), [(3, 0, 1), (2, 2, 1), (1, 0, 2), (3, 4, 3)])
def test_a_zero_history_is_padding(past, future, stride):
    window = Window(5, past=past, future=future, stride=stride)
    x, zeros = torch.randn(2, 7, 5), torch.zeros(2, window.capacity, 5)
    padded = run(window, x, zeros)
    joined = run(window, x, zeros.requires_grad_())  # of which a gradient is asked: it must be joined
    for short, long in zip(padded, joined, strict=True):
        torch.testing.assert_close(short, long, rtol=0, atol=0)


def test_what_is_known_without_work():
    assert is_zero(torch.zeros(2, 3))
    assert not is_zero(torch.tensor([0.0, 1.0]))
    assert not is_zero(torch.full((2,), torch.nan))
    assert not is_zero(torch.zeros(2, requires_grad=True))
    assert not is_zero(torch.zeros(2, device="meta"))
    assert shared_count(torch.tensor([4, 4, 4])) == 4
    assert shared_count(torch.tensor([4, 3, 4])) is None
    assert shared_count(torch.zeros(0, dtype=torch.int64)) is None
    assert shared_count(torch.tensor([4, 4], device="meta")) is None

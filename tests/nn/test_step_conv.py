"""A convolution that reads steps as they lie, against torch's 1-D one over the same numbers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from seqhub.nn import StepConv1d

CASES = [
    {"kernel": 1},
    {"kernel": 3, "dilation": 4},
    {"kernel": 4, "stride": 2, "bias": False},
    {"kernel": 5, "groups": 2},
    {"kernel": 4, "groups": 6, "stride": 3, "dilation": 2},
]


@pytest.mark.parametrize("options", CASES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_are_those_of_torch(options, dtype):
    kernel, rest = options["kernel"], {key: value for key, value in options.items() if key != "kernel"}
    torch.manual_seed(0)
    ours = StepConv1d(6, 12, kernel, **rest).to(dtype)
    torch.manual_seed(0)
    theirs = nn.Conv1d(6, 12, kernel, **rest).to(dtype)
    for (name, one), (other_name, other) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert name == other_name
        assert torch.equal(one, other)
    x = torch.randn(3, 17, 6, dtype=dtype, requires_grad=True)
    y, expected = ours(x), theirs(x.mT).mT
    torch.testing.assert_close(y, expected)
    weights = torch.randn_like(y)
    found = torch.autograd.grad((y * weights).sum(), [x, *ours.parameters()])
    wanted = torch.autograd.grad((expected * weights).sum(), [x, *theirs.parameters()])
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_outputs_and_input_gradients_lie_step_by_step():
    layer = StepConv1d(6, 12, 3)
    x = torch.randn(3, 17, 6, requires_grad=True)
    y = layer(x)
    assert y.is_contiguous()
    (gradient,) = torch.autograd.grad(y.square().sum(), x)
    assert gradient.is_contiguous()


def test_an_exporter_sees_the_operator_over_time():
    program = torch.export.export(StepConv1d(6, 12, 3).eval(), (torch.randn(2, 9, 6),))
    called = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert "aten.conv1d.default" in called
    assert "aten.conv2d.default" not in called

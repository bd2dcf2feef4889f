"""Weights that are learnt as direction and length are one weight in a graph."""

from __future__ import annotations

import onnx
import pytest
import torch

from seqhub.export.lower import lower
from seqhub.export.twin import DeploymentTwin
from seqhub_conv.tcn import TCN
from seqhub_conv.weight_norm import WeightNormConv1d


@pytest.mark.heavy
def test_a_graph_holds_the_folded_weight_and_nothing_else():
    layer = TCN(4, channels=4, kernel=3, weight_norm=True)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if name.endswith("gain"):
                parameter.mul_(2.5)
    proto, _ = lower(DeploymentTwin(layer, "full").eval(), "full", opset=20)
    operators = {node.op_type for node in proto.graph.node}
    assert not operators & {"Div", "ReduceL2", "Sqrt", "Pow", "ReduceSum"}
    weights = [onnx.numpy_helper.to_array(t) for t in proto.graph.initializer if len(t.dims) == 3 and t.dims[0] == 4]
    convs = [m for m in layer.modules() if isinstance(m, WeightNormConv1d)]
    assert len(weights) == len(convs) == 2
    for conv, weight in zip(convs, weights, strict=True):
        torch.testing.assert_close(torch.from_numpy(weight.copy()), (conv.gain * conv.weight / conv._length()).detach())

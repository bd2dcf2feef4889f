"""The native engine: LSTM, GRU and RNN through torch's fused kernels, and through ONNX's own operators.

Torch orders gates i f g o (LSTM) and r z n (GRU); ONNX orders them i o f c and z r h. onnxruntime returns a zero
state for a row of length 0, so the graph puts the given state back.
Shapes: B batch, T time, D input width, H hidden width, G gates.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqhub.nn.cell import NativeForm
from seqhub.nn.engines.mode import is_exporting
from seqhub.nn.padding import like_steps
from seqhub.nn.state import State

_ONNX_GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn_tanh": (0,), "rnn_relu": (0,)}
_ONNX_OP = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN", "rnn_relu": "RNN"}


def run_native(form: NativeForm, x: Tensor, lengths: Tensor, state: State) -> tuple[Tensor, State]:
    """x [B T D], lengths [B], state h (and c) [B H] -> y [B T H] (undefined on padding), next state."""
    if is_exporting():
        return _onnx_op(form, x, lengths, state)
    if x.shape[1] == 0:
        return x.new_zeros(x.shape[0], 0, form.weight_hh.shape[1]), state
    if bool((lengths == x.shape[1]).all()):
        out = _fused(form, [x], state, [True])
        return out[0], _as_state(form, out[1:], state)
    return _packed(form, x, lengths, state)


def _packed(form: NativeForm, x: Tensor, lengths: Tensor, state: State) -> tuple[Tensor, State]:
    """Ragged rows as torch's packed data: longest first, rows of length 0 left out."""
    order = lengths.argsort(descending=True, stable=True)
    order = order[: int((lengths > 0).sum())]
    steps = x.shape[1]
    y = x.new_zeros(x.shape[0], steps, form.weight_hh.shape[1])
    if order.numel() == 0:
        return y, state
    packed = torch.nn.utils.rnn.pack_padded_sequence(x[order], lengths[order].cpu(), batch_first=True)
    rows = {name: value[order] for name, value in state.items()}
    out = _fused(form, [packed.data, packed.batch_sizes], rows, [])
    again = torch.nn.utils.rnn.PackedSequence(out[0], packed.batch_sizes)
    padded, _ = torch.nn.utils.rnn.pad_packed_sequence(again, batch_first=True, total_length=steps)
    final = _as_state(form, out[1:], rows)
    next_state = {name: value.index_copy(0, order, final[name]) for name, value in state.items()}
    return y.index_copy(0, order, padded), next_state


def _fused(form: NativeForm, data: list[Tensor], state: State, batch_first: list[bool]) -> tuple[Tensor, ...]:
    kernel: Any = getattr(torch, form.kind)
    weights = [form.weight_ih, form.weight_hh, form.bias_ih, form.bias_hh]
    dtype = form.weight_hh.dtype
    first = state["h"].to(dtype)[None]
    hidden = (first, state["c"].to(dtype)[None]) if form.kind == "lstm" else first
    result: tuple[Tensor, ...] = kernel(*data, hidden, weights, True, 1, 0.0, False, False, *batch_first)
    return result


def _as_state(form: NativeForm, final: tuple[Tensor, ...], state: State) -> State:
    names = ("h", "c") if form.kind == "lstm" else ("h",)
    return {name: value[0].to(state[name].dtype) for name, value in zip(names, final, strict=True)}


def _onnx_op(form: NativeForm, x: Tensor, lengths: Tensor, state: State) -> tuple[Tensor, State]:
    """One ONNX LSTM, GRU or RNN node, time-major, with lengths and explicit states."""
    names = ("h", "c") if form.kind == "lstm" else ("h",)
    hidden = form.weight_hh.shape[1]
    order = _ONNX_GATES[form.kind]

    def pack(weight: Tensor) -> Tensor:  # [G*H ...] in torch's gate order -> [1 G*H ...] in ONNX's
        gates = weight.reshape(-1, hidden, *weight.shape[1:]).unbind(0)
        return torch.cat([gates[i] for i in order], dim=0)[None]

    bias = torch.cat((pack(form.bias_ih), pack(form.bias_hh)), dim=1)
    initial = [state[name][None] for name in names]  # [1 B H]
    attributes: dict[str, Any] = {"hidden_size": hidden, "direction": "forward"}
    if form.kind == "gru":
        attributes["linear_before_reset"] = 1
    if form.kind == "rnn_relu":
        attributes["activations"] = ["Relu"]
    batch, steps = x.shape[0], x.shape[1]
    outputs = torch.onnx.ops.symbolic_multi_out(
        _ONNX_OP[form.kind],
        [x.transpose(0, 1), pack(form.weight_ih), pack(form.weight_hh), bias, lengths.to(torch.int32), *initial],
        attributes,
        dtypes=[x.dtype] * (1 + len(names)),
        shapes=[[steps, 1, batch, hidden]] + [[1, batch, hidden]] * len(names),
    )
    y = outputs[0][:, 0].transpose(0, 1)  # [T 1 B H] -> [B T H]
    idle = lengths == 0
    final = {
        name: torch.where(like_steps(idle, state[name]), state[name], value[0])
        for name, value in zip(names, outputs[1:], strict=True)
    }
    return y, final

"""ONNX's own reference evaluator as a second opinion: numpy, operator by operator, as the standard words it.

It is slow and not without faults. Its LSTM, GRU and RNN ignore `sequence_lens` (onnx 1.23): here they run row by row,
each row cut to its own length, by the evaluator's own equations. What it cannot run at all is left to onnxruntime, and
the reason is kept.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator
from onnx.reference.ops.op_gru import CommonGRU
from onnx.reference.ops.op_lstm import CommonLSTM
from onnx.reference.ops.op_rnn import CommonRNN

from seqhub.runtime.manifest import GraphInfo, StateInfo
from seqhub.runtime.session import Arrays

NOTE = "LSTM, GRU and RNN row by row, since the evaluator ignores sequence_lens"


class CannotEvaluateError(Exception):
    """The evaluator has no such operator, or not this form of it; the message says which."""


class Evaluator:
    """A graph by the names of its tensors, as `runtime.session.Graph` runs it. CannotEvaluateError where it cannot."""

    def __init__(self, proto: onnx.ModelProto, info: GraphInfo, states: tuple[StateInfo, ...]) -> None:
        try:
            self._evaluator = ReferenceEvaluator(proto, new_ops=[LSTM, GRU, RNN])
        except Exception as error:  # the evaluator raises what its operators' constructors come upon
            raise CannotEvaluateError(_reason(error)) from error
        self.states = states
        self.takes_end = any(tensor.name == "end" for tensor in info.inputs)
        self._outputs = [*(tensor.name for tensor in info.outputs[:2]), *(state.output for state in states)]

    def run(
        self, x: np.ndarray, lengths: np.ndarray, state: Mapping[str, np.ndarray], end: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, Arrays]:
        """x [B T D], lengths [B], end [B] -> y [B T' ...], out_lengths [B], next state."""
        feeds = {"x": x, "lengths": lengths, **state}
        if self.takes_end:
            feeds["end"] = np.ones(len(x), dtype=bool) if end is None else end
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # NaN in padding is computed with, and then replaced
                found: Any = self._evaluator.run(self._outputs, feeds)
        except Exception as error:  # as above, of its operators' numpy
            raise CannotEvaluateError(_reason(error)) from error
        return found[0], found[1], {s.input: value for s, value in zip(self.states, found[2:], strict=True)}


class _ByRow:
    """Runs the operator on each row alone, cut to its length; zeros beyond, and for a row of length 0."""

    def _run(self, X: Any, W: Any, R: Any, B: Any = None, sequence_lens: Any = None, *first: Any, **kept: Any) -> Any:
        states = [value for value in first if value is not None]
        steps, batch = X.shape[:2]
        outputs: list[np.ndarray] = [np.zeros((steps, len(W), batch, R.shape[-1]), X.dtype)]
        outputs += [np.zeros_like(value) for value in states]
        for row in range(batch):
            n = steps if sequence_lens is None else int(sequence_lens[row])
            if n:
                of_row = [value[:, row : row + 1] for value in states]
                y, *after = super()._run(X[:n, row : row + 1], W, R, B, None, *of_row, **kept)  # type: ignore[misc]
                outputs[0][:n, :, row] = y[:, :, 0]
                for whole, value in zip(outputs[1:], after, strict=True):
                    whole[:, row] = value[:, 0]
        return tuple(outputs)


class LSTM(_ByRow, CommonLSTM):
    """ONNX's LSTM with `sequence_lens`."""

    op_domain = ""


class GRU(_ByRow, CommonGRU):
    """ONNX's GRU with `sequence_lens`."""

    op_domain = ""


class RNN(_ByRow, CommonRNN):
    """ONNX's RNN with `sequence_lens`, and with Relu, which the evaluator does not know."""

    op_domain = ""

    def choose_act(self, name: str, alpha: float | None, beta: float | None) -> Any:
        return _relu if name == "Relu" else super().choose_act(name, alpha, beta)  # type: ignore[no-untyped-call]


def _relu(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(x, 0))


def _reason(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:160] if lines else ''}".rstrip(": ")

"""What reduction must not touch: lengths, zero padding whatever the input's padding holds, the state of idle rows."""

from __future__ import annotations

import numpy as np

from seqhub.runtime.manifest import GraphInfo, Manifest
from seqhub.runtime.session import Arrays, Graph

_BATCHES, _BLOCKS, _MEMORY = (1, 3), (1, 5), 6
_Run = tuple[np.ndarray, np.ndarray, Arrays]  # y, out_lengths, the state after


def broken_contract(manifest: Manifest, expected: Graph, found: Graph) -> str:
    """Empty where the reduced graph keeps to the contract of the float32 one on ragged batches; else what it breaks."""
    draw = np.random.default_rng(0)
    for batch in _BATCHES:
        for blocks in _BLOCKS:
            steps = blocks * manifest.block
            memory = _memory(found.info, draw, batch)
            x, _ = _steps(manifest, found.info, draw, batch, steps)
            x[1:] = x[:1]  # a state that is carried: of one that is zero nothing can be lost
            fresh = {**expected.initial_state(batch, _MEMORY), **memory}
            _, _, carried = expected.run(x, np.full(batch, steps), fresh, np.zeros(batch, dtype=bool))
            x, lengths = _steps(manifest, found.info, draw, batch, steps)
            given = {**carried, **memory}
            try:
                runs = [graph.run(x, lengths, given, lengths == steps) for graph in (expected, found)]
            except Exception as error:  # onnxruntime's own exceptions share no base class but Exception
                return f"it does not run: {str(error).strip().splitlines()[0]}"
            problem = _difference(*runs, idle=lengths == 0)
            if problem:
                return f"{problem} (batch {batch}, {steps} steps)"
    return ""


def _difference(expected: _Run, found: _Run, *, idle: np.ndarray) -> str:
    (_, expected_lengths, before), (y, lengths, after) = expected, found
    if not np.array_equal(expected_lengths, lengths):
        return "out_lengths differ from those of float32"
    padding = np.arange(y.shape[1]) >= lengths[:, None]
    if not np.isfinite(y).all() or np.any(y[padding]):
        return "y is not finite, or not zero in its padding"
    for name, value in after.items():
        if not np.isfinite(value).all():
            return f"{name} is not finite"
        if not np.array_equal(value[idle], before[name][idle]):
            return f"{name} differs in a row of length 0"
    return ""


def _steps(
    manifest: Manifest, info: GraphInfo, draw: np.random.Generator, batch: int, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """x [B T D] with NaN, or an id of no vocabulary, in its padding, and lengths [B]; row 1 of 3 is idle."""
    tensor = next(tensor for tensor in info.inputs if tensor.name == "x")
    lengths = np.array([steps, 0, max(1, steps // 2)][:batch])
    padding = (np.arange(steps) >= lengths[:, None])[..., None]
    shape = (batch, steps, int(tensor.shape[2]))
    if tensor.dtype == "int64":
        vocabulary = (manifest.outputs[0],) if info.role == "decoder_step" else manifest.vocabulary
        return np.where(padding, -7, draw.integers(0, vocabulary, shape)), lengths
    shift, scale = (np.asarray(manifest.raw["scaling"][f"input_{what}"]) for what in ("shift", "scale"))
    x = np.where(padding, np.nan, shift + scale * draw.standard_normal(shape))
    return x.astype(np.float32), lengths


def _memory(info: GraphInfo, draw: np.random.Generator, batch: int) -> Arrays:
    """What a decoder attends to: rows of 6, 0 and 2 steps."""
    widths = [int(tensor.shape[2]) for tensor in info.inputs if tensor.name == "memory"]
    if not widths:
        return {}
    values = draw.standard_normal((batch, _MEMORY, widths[0])).astype(np.float32)
    return {"memory": values, "memory_lengths": np.array([_MEMORY, 0, 2][:batch])}

"""Traced steps, kept: one program for each cell, shape and circumstance, so that a training run traces once.

A step is not traced, and the cell is called instead, where nothing could have a gradient, under autocast, for a
few steps only, for a state of whole numbers, and where tracing fails (a step that branches on data).
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from seqhub.nn.cell import Cell
from seqhub.nn.engines import compiled
from seqhub.nn.engines.mode import compile_notice
from seqhub.nn.engines.program import Examples, StepFunction, trace_step
from seqhub.nn.engines.traced import TracedLoop
from seqhub.nn.state import State

FEWEST_STEPS = 8  # tracing costs as much as some hundred steps; single steps come from streams, not from training
MOST_PROGRAMS = 16  # per cell: batch sizes, ragged or not, training or not

_programs: WeakKeyDictionary[Cell, OrderedDict[Hashable, TracedLoop | None]] = WeakKeyDictionary()


def loop_for(step: Any, cell: Cell, sequences: list[Tensor], state: State, constants: State) -> TracedLoop | None:
    """The traced step for inputs [B T ...] of these shapes, or None where the cell itself is to be called."""
    parameters: list[Tensor] = list(dict(cell.named_parameters()).values())
    tensors = [*sequences, *state.values(), *parameters]
    wanted = any(tensor.requires_grad for tensor in tensors)  # a cell without parameters has little to gain
    plain = all(value.is_floating_point() for value in state.values()) and not torch.is_autocast_enabled(
        sequences[0].device.type
    )
    if not wanted or not plain or sequences[0].shape[1] < FEWEST_STEPS or torch.compiler.is_compiling():
        return None
    examples = Examples(
        [sequence[:, 0] for sequence in sequences], [*state.values()], [*constants.values()], parameters
    )
    key = (step.kind, cell.training, examples.likeness)
    kept = _programs.setdefault(cell, OrderedDict())
    if key not in kept:
        kept[key] = _trace(step, examples)
        if len(kept) > MOST_PROGRAMS:
            kept.popitem(last=False)
    kept.move_to_end(key)
    loop = kept[key]
    say = compile_notice()
    if loop is None or say is None or sequences[0].shape[1] < compiled.block_steps():
        return loop
    return compiled.compiled_loop(step, cell, key, examples, say) or loop


def _trace(step: StepFunction, examples: Examples) -> TracedLoop | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's tracer about itself
            return TracedLoop(trace_step(step, examples))
    except Exception:  # whatever tracing cannot follow, the cell itself can do
        return None

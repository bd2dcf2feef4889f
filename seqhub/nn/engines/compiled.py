"""Which loops are compiled, when, and how often: once for each kind of step and its widths, shared by equal layers.

A batch smaller than one that is compiled (the last of an epoch) runs the traced program, and so does whatever the
compiler refuses. On disk, torch's own cache keeps what was compiled for the next run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import torch

from seqhub.nn.cell import Cell
from seqhub.nn.engines.blocks import STEPS, Blocks, obstacle
from seqhub.nn.engines.parts import Parts, RowsNotApart
from seqhub.nn.engines.program import Examples, StepProgram, trace_step
from seqhub.nn.engines.rows import parts_of, threads_for
from seqhub.nn.engines.traced import TracedLoop

log = logging.getLogger("seqhub.nn")
MOST_BATCH_SIZES = 3  # per layer and kind: each larger than the ones before
_DTYPES = (torch.float32, torch.float64)


@dataclass
class _Loops:
    """What a cell has: its compiled loops by key, and by circumstance the batch sizes that were compiled."""

    by_key: dict[Hashable, TracedLoop | None] = field(default_factory=dict)
    batches: dict[Hashable, list[int]] = field(default_factory=dict)


_of_cells: WeakKeyDictionary[Cell, _Loops] = WeakKeyDictionary()
_shared: dict[Hashable, TracedLoop | None] = {}  # by what the programs say: equal layers share


def compiled_loop(
    step: Any, cell: Cell, key: Hashable, examples: Examples, say: Callable[[str], None]
) -> TracedLoop | None:
    """The compiled loop of this step at these shapes, compiled now if it is to be trained; None: run the program."""
    loops = _of_cells.setdefault(cell, _Loops())
    if key not in loops.by_key:
        known = loops.batches.setdefault((step.kind, cell.training), [])
        batch = len(examples.inputs[0])
        if not torch.is_grad_enabled() or not _suits(examples) or not _room(known, batch):
            return None
        known.append(batch)
        loops.by_key[key] = _compile(step, cell, examples, say)
    return loops.by_key[key]


def block_steps() -> int:
    """The steps of a compiled block: shorter chunks are not compiled."""
    return STEPS


def _suits(examples: Examples) -> bool:
    return all(
        tensor.device.type == "cpu" and (tensor.dtype in _DTYPES or not tensor.is_floating_point())
        for group in examples
        for tensor in group
    )


def _room(known: list[int], batch: int) -> bool:
    return len(known) < MOST_BATCH_SIZES and all(batch > before for before in known)


def _compile(step: Any, cell: Cell, examples: Examples, say: Callable[[str], None]) -> TracedLoop | None:
    """Compile, or find the loop of an equal layer. Whatever fails is said once, and the traced program runs."""
    try:
        program = trace_step(step, examples, for_compiler=True)
        parts = parts_of(len(examples.inputs[0]), program.work)
        name = (program.text, examples.likeness, parts, torch.get_num_threads(), STEPS)
        if name not in _shared:
            _shared[name] = None  # in case of failure
            if reason := obstacle():
                raise OSError(reason)
            say(f"compiling the loop of {type(cell).__name__} once; torch keeps it for later runs")
            with threads_for(program.work, parts):
                _shared[name] = TracedLoop(program, _blocks(step, program, examples, parts))
        return _shared[name]
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        _warn(f"running uncompiled: {type(error).__name__}: {first}")
        return None


def _blocks(step: Any, program: StepProgram, examples: Examples, parts: int) -> Blocks | Parts:
    """For each part of the rows, where there are several and they can be told apart."""
    if parts > 1:
        part = trace_step(step, examples.rows(parts), for_compiler=True)
        with suppress(RowsNotApart):
            return Parts(program, part, examples, STEPS, parts)
    return Blocks(program, examples, STEPS)


@cache
def _warn(text: str) -> None:
    """Say it, once a process."""
    log.warning(text)

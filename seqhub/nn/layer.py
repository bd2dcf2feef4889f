"""The contract of everything that maps a sequence to a sequence.

    y, out_lengths, next_state = layer(x, lengths, state, memory=None, ctx=WHOLE)

    x            [B T D]    steps at or after lengths[b] are padding and may hold anything, NaN included
    lengths      [B] int64  0 <= lengths <= T
    state        {slot: [B, *shape]}
    memory       (values [B S E], lengths [B]) for a layer that attends to another sequence; the same at every chunk
    y            [B T' D']  T' >= max(out_lengths); zero on padding
    out_lengths  [B] int64
    next_state   as state: frozen at each row's own last valid step; a row of length 0 keeps its state exactly

A whole sequence is one big chunk: training, truncated BPTT, streaming and both ONNX graphs run the same `forward`.
Shapes: B batch, T time, D input width, D' output width, S steps and E width of the memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

from seqhub.geometry import Geometry
from seqhub.nn.state import WHOLE, Context, Memory, Slot, State, check_state

_INSIDE: ContextVar[bool] = ContextVar("seqhub_inside_a_layer", default=False)


class SequenceLayer(nn.Module):
    """Base class. A subclass gives `forward`, and to this constructor its geometry and its state slots.

    vocabulary: how many ids each column of x may hold, for a layer that reads ids [B T D] int64; empty for numbers.
    attends_to: width E of the memory that this very layer reads; 0 where it reads none.
    """

    vocabulary: tuple[int, ...] = ()
    attends_to: int = 0

    def __init__(self, d_in: int, geometry: Geometry, state: Mapping[str, Slot] | None = None) -> None:
        super().__init__()
        self.d_in = d_in
        self.geometry = geometry
        self.state: dict[str, Slot] = dict(state or {})

    @property
    def d_out(self) -> int:
        return self.geometry.width

    def out_lengths(self, lengths: Tensor) -> Tensor:
        """Output steps of a whole sequence, elementwise: [B] -> [B]."""
        return self.geometry.out_length(lengths)  # type: ignore[no-any-return]

    @property
    def memory_width(self) -> int:
        """Width of the memory that this layer, or any layer inside it, attends to; 0 where none does.

        ValueError where layers inside ask for different widths. A layer that makes the memory itself says 0.
        """
        widths = {part.attends_to for part in self.modules() if isinstance(part, SequenceLayer)} - {0}
        if len(widths) > 1:
            raise ValueError(f"layers attend to memories of widths {sorted(widths)}: one memory serves them all")
        return max(widths, default=0)

    @property
    def reads_memory(self) -> bool:
        """It cannot run without a memory."""
        return self.memory_width > 0

    def initial_state(self, batch: int, device: torch.device | str | None = None, *, memory_steps: int = 0) -> State:
        """The state before the first step, [B ...] per slot, in this module's precision. memory_steps: S of the
        memory, which slots over the memory need.
        """
        weight = next(self.parameters(), None)
        where = torch.device(device) if device is not None else (weight.device if weight is not None else None)
        like = weight.dtype if weight is not None else torch.float32
        return {
            name: slot.tensor(batch, memory_steps=memory_steps, device=where, like=like)
            for name, slot in self.state.items()
        }

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`forward`, behind `check_inputs` where this layer is the outermost and looking costs next to nothing: not
        inside other layers, not in a traced graph, not on a device.
        """
        if _INSIDE.get():
            return super().__call__(*args, **kwargs)
        token = _INSIDE.set(True)
        try:
            plain = len(args) >= 3 and type(args[1]) is Tensor and args[1].device.type == "cpu"
            if plain and not torch.compiler.is_compiling():
                self.check_inputs(*args[:4])
            return super().__call__(*args, **kwargs)
        finally:
            _INSIDE.reset(token)

    def check_inputs(self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None) -> None:
        """Raise ValueError naming the tensor, its shape and what was expected. Costs a device sync off the CPU."""
        if x.dim() != 3 or x.shape[-1] != self.d_in:
            raise ValueError(f"x has shape {tuple(x.shape)}, expected [B T {self.d_in}]")
        if lengths.shape != x.shape[:1] or lengths.dtype != torch.int64:
            raise ValueError(f"lengths has shape {tuple(lengths.shape)} {lengths.dtype}, expected [{x.shape[0]}] int64")
        if lengths.numel() and (int(lengths.min()) < 0 or int(lengths.max()) > x.shape[1]):
            raise ValueError(f"lengths are {lengths.tolist()}, expected 0 to {x.shape[1]} (the steps of x)")
        width = self.memory_width
        if width and (memory is None or memory.values.shape[::2] != (x.shape[0], width)):
            got = "none" if memory is None else f"values {tuple(memory.values.shape)}"
            raise ValueError(f"memory: got {got}, expected values [{x.shape[0]} S {width}] and their lengths")
        check_state(state, self.state, x.shape[0], 0 if memory is None else memory.values.shape[1])

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

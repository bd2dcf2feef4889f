"""The contract of everything that maps a sequence to a sequence.

    y, out_lengths, next_state = layer(x, lengths, state, memory=None, ctx=WHOLE)

    x            [B T D]    steps at or after lengths[b] are padding and may hold anything, NaN included
    lengths      [B] int64  0 <= lengths <= T
    state        {slot: [B, *shape]}
    y            [B T' D']  T' >= max(out_lengths); zero on padding
    out_lengths  [B] int64
    next_state   as state: frozen at each row's own last valid step; a row of length 0 keeps its state exactly

A whole sequence is one big chunk: training, truncated BPTT, streaming and both ONNX graphs run the same `forward`.
Shapes: B batch, T time, D input width, D' output width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from seqhub.geometry import Geometry
from seqhub.nn.state import WHOLE, Context, Memory, Slot, State, check_state


class SequenceLayer(nn.Module):
    """Base class. A subclass gives `forward`, and to this constructor its geometry and its state slots."""

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

    def initial_state(self, batch: int, device: torch.device | str | None = None) -> State:
        """The state before the first step, [B ...] per slot, in this module's precision."""
        weight = next(self.parameters(), None)
        where = torch.device(device) if device is not None else (weight.device if weight is not None else None)
        like = weight.dtype if weight is not None else torch.float32
        return {name: slot.tensor(batch, device=where, like=like) for name, slot in self.state.items()}

    def check_inputs(self, x: Tensor, lengths: Tensor, state: State) -> None:
        """Raise ValueError naming the tensor, its shape and what was expected. Costs a device sync: not called in
        training.
        """
        if x.dim() != 3 or x.shape[-1] != self.d_in:
            raise ValueError(f"x has shape {tuple(x.shape)}, expected [B T {self.d_in}]")
        if lengths.shape != x.shape[:1] or lengths.dtype != torch.int64:
            raise ValueError(f"lengths has shape {tuple(lengths.shape)} {lengths.dtype}, expected [{x.shape[0]}] int64")
        if lengths.numel() and (int(lengths.min()) < 0 or int(lengths.max()) > x.shape[1]):
            raise ValueError(f"lengths are {lengths.tolist()}, expected 0 to {x.shape[1]} (the steps of x)")
        check_state(state, self.state, x.shape[0])

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

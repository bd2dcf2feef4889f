"""A sliding window over a stream: the one mechanism behind convolution, look-ahead, delay and alignment.

Output j reads the input steps [j*s - past, j*s + s - 1 + future], s the stride. A chunk may bring any number of steps:
what still waits for input is kept, and given when it is complete or when its row ends (with zeros past the end). So a
stream, cut anywhere, gives the outputs of the whole sequence.

The state is the last `capacity` inputs and, where outputs can wait, the number of inputs not yet answered (`pending`).
Shapes: B batch, T steps of the chunk, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqhub.nn.padding import gather_steps
from seqhub.nn.state import Slot, State


class Window:
    """Buffers for windows of `past + stride + future` steps, one every `stride` steps."""

    def __init__(self, d_in: int, *, past: int, future: int = 0, stride: int = 1) -> None:
        if past < 0 or future < 0 or stride < 1:
            raise ValueError(f"a window needs past >= 0, future >= 0, stride >= 1; got {past}, {future}, {stride}")
        self.past, self.future, self.stride = past, future, stride
        self.waits = future > 0 or stride > 1
        self.capacity = past + future + stride - 1
        self.state: dict[str, Slot] = {}
        if self.capacity:
            self.state["x"] = Slot((self.capacity, d_in))
        if self.waits:
            self.state["pending"] = Slot((1,), dtype="int64")

    def __call__(self, x: Tensor, lengths: Tensor, state: State, end: Tensor | None) -> tuple[Tensor, Tensor, State]:
        """x [B T D] with zeros on padding -> buffer, out_lengths [B], next state.

        Output j of this chunk reads buffer[:, j*stride : j*stride + past + stride + future]; the buffer holds as many
        windows as any row may need, and `out_lengths` says how many are real.
        """
        if not self.capacity:
            return x, lengths, {}
        steps = x.shape[1]
        history = state["x"].to(x.dtype)
        if not self.waits:
            buffer = torch.cat((history, x), dim=1)
            return buffer, lengths, {"x": gather_steps(buffer, lengths, self.capacity).to(state["x"].dtype)}

        past, future, stride = self.past, self.future, self.stride
        zeros = x.new_zeros(x.shape[0], future, x.shape[2])
        held = torch.cat((history, x, zeros), dim=1)
        pending = state["pending"][:, 0]  # [B], inputs whose outputs were not given yet
        open_now = pending + lengths
        ready = (open_now - future).clamp(min=0) // stride  # outputs whose look-ahead has come
        if end is None:
            out_lengths, left = open_now // stride, torch.zeros_like(open_now)
        else:
            out_lengths = torch.where(end, open_now // stride, ready)
            left = torch.where(end, torch.zeros_like(open_now), open_now - out_lengths * stride)
        most = (steps + future + stride - 1) // stride  # pending is at most future + stride - 1
        buffer = gather_steps(held, self.capacity - pending - past, past + most * stride + future)
        tail = gather_steps(held, lengths, self.capacity).to(state["x"].dtype)
        return buffer, out_lengths, {"x": tail, "pending": left[:, None]}

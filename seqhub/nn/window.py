"""A sliding window over a stream: the one mechanism behind convolution, look-ahead, delay and alignment.

Output j reads the input steps [j*s - past, j*s + s - 1 + future], s the stride. A chunk may bring any number of steps:
what still waits for input is kept, and given when it is complete or when its row ends (with zeros past the end). So a
stream, cut anywhere, gives the outputs of the whole sequence.

The state is the last `capacity` inputs and, where outputs can wait, the number of inputs not yet answered (`pending`).
Where no row waits for more than another, their windows start at one place, and slices replace the gathers: the same
numbers, sooner.
Shapes: B batch, T steps of the chunk, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from seqhub.nn.padding import gather_steps, is_zero, shared_count
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
        history = state["x"].to(x.dtype)
        tail = self._tail(history, x, lengths).to(state["x"].dtype)
        if not self.waits:
            return _join(history, x, 0), lengths, {"x": tail}
        pending = state["pending"][:, 0]  # [B], inputs whose outputs were not given yet
        open_now = pending + lengths
        most = open_now // self.stride
        out_lengths, left = most, torch.zeros_like(most)
        if end is not None:
            ready = (open_now - self.future).clamp(min=0) // self.stride  # outputs whose look-ahead has come
            out_lengths = torch.where(end, most, ready)
            left = torch.where(end, left, open_now - out_lengths * self.stride)
        buffer = self._buffer(history, x, pending, out_lengths)
        return buffer, out_lengths, {"x": tail, "pending": left[:, None]}

    def _buffer(self, history: Tensor, x: Tensor, pending: Tensor, out_lengths: Tensor) -> Tensor:
        """The steps from each row's first open window on."""
        steps, (past, future, stride) = x.shape[1], (self.past, self.future, self.stride)
        waiting = shared_count(pending)
        if waiting is not None:
            given = shared_count(out_lengths)
            outputs = (waiting + steps) // stride if given is None else given  # as many as any row gives
            behind, wanted = past + waiting, past + outputs * stride + future
            ahead = wanted - behind - steps  # steps that never came, zeros, if any; else those that no window reads
            kept = x if ahead >= 0 else x[:, : steps + ahead]
            if outputs:
                return _join(history[:, self.capacity - behind :], kept, max(ahead, 0))
        most = (steps + future + stride - 1) // stride  # pending is at most future + stride - 1
        held = torch.cat((history, x, x.new_zeros(x.shape[0], future, x.shape[2])), dim=1)
        return gather_steps(held, self.capacity - pending - past, past + most * stride + future)

    def _tail(self, history: Tensor, x: Tensor, lengths: Tensor) -> Tensor:
        """Each row's last `capacity` valid inputs."""
        steps = x.shape[1]
        if shared_count(lengths) == steps and steps >= self.capacity:  # in this order: a trace must not ask the size
            return x[:, steps - self.capacity :].clone()
        return gather_steps(torch.cat((history, x), dim=1), lengths, self.capacity)


def _join(history: Tensor, x: Tensor, ahead: int) -> Tensor:
    """history, x, and `ahead` steps of zeros: [B P D], [B T D] -> [B P+T+ahead D].

    At the begin of a sequence the history is zero, and padding is enough: the same numbers, and less to do in the
    backward pass.
    """
    if is_zero(history):
        return F.pad(x, (0, 0, history.shape[1], ahead))
    joined = torch.cat((history, x), dim=1)
    return F.pad(joined, (0, 0, 0, ahead)) if ahead else joined

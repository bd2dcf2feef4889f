"""Every step less the last one: what is left says how a sequence came to where it stands, whatever its level.

    y_t = x_t - x_L        L: the sequence's last step

NLinear, Zeng et al. 2022, arXiv:2205.13504, section 4.1; SegRNN, arXiv:2308.11200, section 4.2. A forecast adds the
last value again (`anchor: last`). The last step must be known first, so it cannot run chunk by chunk; `anchor: running`
and instance-norm can. Shapes: B batch, T time (1 at least), D width.
"""

from __future__ import annotations

from torch import Tensor

from seqhub.geometry import from_last_geometry
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import last_step, zero_padding
from seqhub.nn.state import WHOLE, Context, Memory, State


class FromLast(SequenceLayer):
    """[B T D] -> [B T D]. No state."""

    def __init__(self, d_in: int) -> None:
        super().__init__(d_in, from_last_geometry(d_in))

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        x = zero_padding(x, lengths)
        return zero_padding(x - last_step(x, lengths)[:, None], lengths), lengths, {}

"""The convolution module of a Conformer.

    g = W1 x * sigmoid(W2 x)               gated linear unit
    z = silu( norm( depthwise(g) ) )
    y = dropout( W3 z )

Gulati et al. 2020, arXiv:2005.08100, section 2.2, without the layer norm before it and the sum around it: those are
the `residual` of a recipe. Differs: layer norm in place of batch norm (`norm: batch` gives that), and causal where the
paper is centred, so that it streams without delay. Shapes: B batch, T time, D width.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import WHOLE, Context, Memory, SequenceLayer, State, StepConv1d, zero_padding
from seqhub_conv.geometry import Padding, conv_geometry
from seqhub_conv.norms import make_norm
from seqhub_conv.options import NormName
from seqhub_conv.windowed import WindowedConv


class ConformerConv(SequenceLayer):
    """State: that of the depthwise convolution, over g."""

    def __init__(
        self,
        d_in: int,
        *,
        kernel: int = 15,
        padding: Padding = "causal",
        norm: NormName = "layer",
        dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        geometry = conv_geometry(d_in, kernel=kernel, padding=padding)
        conv = StepConv1d(d_in, d_in, kernel, groups=d_in, bias=bias)
        depthwise = WindowedConv(d_in, geometry, conv, norm=make_norm(norm, d_in), activation=nn.SiLU())
        super().__init__(d_in, geometry, depthwise.state)
        self.gated = nn.Linear(d_in, 2 * d_in, bias=bias)
        self.depthwise = depthwise
        self.out = nn.Linear(d_in, d_in, bias=bias)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        g = F.glu(self.gated(zero_padding(x, lengths)), dim=-1)  # the depthwise convolution zeroes its padding
        z, out_lengths, next_state = self.depthwise(g, lengths, state, memory, ctx)
        return zero_padding(self.dropout(self.out(z)), out_lengths), out_lengths, next_state

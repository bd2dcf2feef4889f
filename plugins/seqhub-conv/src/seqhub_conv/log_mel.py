"""Log-mel spectrogram of a waveform: one frame every hop.

    P_jk = | sum_n w_n x[j*h + h + F - N + n] exp(-2 pi i k n / M) |^2          n = 0 .. N-1
    y_jm = ln( max( sum_k A_mk P_jk, floor ) )

h hop, N window, M size of the Fourier transform, w the taper, A the mel filters, F look-ahead. Each input column is a
channel of its own; a step is a sample. The transform is a strided convolution with sines and cosines, so it needs no
operator of its own in a graph, streams sample by sample and has a gradient. Causal: the window ends with its hop, so
the first frames begin in the silence before the first sample.
Davis and Mermelstein 1980, doi:10.1109/TASSP.1980.1163420.
Shapes: B batch, T samples, D channels, N window, K frequencies, M mels.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.nn import WHOLE, Context, Memory, SequenceLayer, State, Window, zero_padding
from seqhub_conv.frames import Taper, frame_geometry, frame_sizes
from seqhub_conv.geometry import Padding
from seqhub_conv.mel import Scale, mel_filters


class LogMel(SequenceLayer):
    """State: the last samples of the window, and how many of them wait."""

    basis: Tensor
    filters: Tensor

    def __init__(
        self,
        d_in: int,
        *,
        rate_hz: int = 16000,
        window_ms: float = 25.0,
        hop_ms: float = 10.0,
        fft: int | None = None,
        mels: int = 80,
        low_hz: float = 0.0,
        high_hz: float | None = None,
        mel: Scale = "htk",
        taper: Taper = "hann",
        floor: float = 1e-10,
        scale: bool = False,
        padding: Padding = "causal",
    ) -> None:
        sizes = frame_sizes(rate_hz, window_ms, hop_ms, fft)
        geometry = frame_geometry(d_in * mels, sizes, taper, padding)
        window = Window(d_in, past=int(geometry.past), future=int(geometry.future), stride=sizes.hop)
        super().__init__(d_in, geometry, window.state)
        self.window, self.mels, self.floor = window, mels, floor
        top = rate_hz / 2 if high_hz is None else high_hz
        filters = mel_filters(rate_hz=rate_hz, fft=sizes.fft, mels=mels, low_hz=low_hz, high_hz=top, scale=mel)
        basis = fourier_basis(sizes.window, sizes.fft, taper)[:, :, sizes.window - sizes.taps(taper) :]
        self.register_buffer("basis", basis.float(), persistent=False)
        self.register_buffer("filters", torch.tensor(filters, dtype=torch.float64).mT.float(), persistent=False)
        self.gain = nn.Parameter(torch.ones(mels)) if scale else None
        self.bias = nn.Parameter(torch.zeros(mels)) if scale else None

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        buffer, out_lengths, next_state = self.window(zero_padding(x, lengths), lengths, state, ctx.end)
        waves = buffer.mT.flatten(0, 1)[:, None]  # [B N+ D] -> [B*D 1 N+]
        real, imaginary = F.conv1d(waves, self.basis, stride=self.window.stride).chunk(2, dim=1)  # 2 x [B*D K T']
        power = real.square() + imaginary.square()  # [B*D K T']
        # channels stay before time: transposed sooner, the trace would ask that there be more frames than one
        y = F.conv1d(power, self.filters.mT[:, :, None]).clamp(min=self.floor).log()  # [B*D M T']
        if self.gain is not None and self.bias is not None:
            y = y * self.gain[:, None] + self.bias[:, None]
        y = y.reshape(-1, self.d_in * self.mels, y.shape[2]).mT  # [B T' D*M]
        return zero_padding(y, out_lengths), out_lengths, next_state


def fourier_basis(window: int, fft: int, taper: Taper) -> Tensor:
    """Tapered cosines over tapered sines, [2 (fft // 2 + 1), 1, window], float64."""
    n = torch.arange(window, dtype=torch.float64)
    k = torch.arange(fft // 2 + 1, dtype=torch.float64)
    make = torch.hann_window if taper == "hann" else torch.hamming_window
    angle = 2 * math.pi / fft * torch.outer(k, n)
    waves = torch.cat((angle.cos(), -angle.sin())) * make(window, periodic=True, dtype=torch.float64)
    return waves[:, None]

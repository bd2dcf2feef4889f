"""How a waveform is cut into frames, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seqhub.api import Geometry
from seqhub_conv.geometry import Padding, conv_geometry

Taper = Literal["hann", "hamming"]


@dataclass(frozen=True)
class FrameSizes:
    """In samples. fft: over how many the Fourier transform goes, zeros beyond the window."""

    window: int
    hop: int
    fft: int

    def taps(self, taper: Taper) -> int:
        """Samples that a frame depends on: a periodic Hann window is zero at its first one."""
        return self.window - 1 if taper == "hann" else self.window


def frame_sizes(rate_hz: int, window_ms: float, hop_ms: float, fft: int | None) -> FrameSizes:
    """Milliseconds in samples; `fft` is the next power of two where not given. ValueError where one cannot be."""
    window, hop = round(rate_hz * window_ms / 1000), round(rate_hz * hop_ms / 1000)
    if hop < 1 or window < 2:
        got = f"{window} samples every {hop}"
        raise ValueError(f"{window_ms:g} ms every {hop_ms:g} ms are {got} at {rate_hz} Hz: too few")
    size = 1 << (window - 1).bit_length() if fft is None else fft
    if size < window:
        raise ValueError(f"fft is {size}, less than the window's {window} samples")
    return FrameSizes(window, hop, size)


def frame_geometry(width: int, sizes: FrameSizes, taper: Taper, padding: Padding) -> Geometry:
    """One output a hop; ValueError where the window is shorter than the hop."""
    return conv_geometry(width, kernel=sizes.taps(taper), stride=sizes.hop, padding=padding)

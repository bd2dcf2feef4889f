"""Mel filterbanks, in plain numbers.

    htk      m = 2595 log10(1 + f / 700)
    slaney   m = f / (200/3) below 1000 Hz, then 15 + 27 ln(f / 1000) / ln(6.4)

Filter i is a triangle over the frequencies f_i, f_(i+1), f_(i+2), which stand at equal steps of m. The Slaney form
scales each to the same area, by 2 / (f_(i+2) - f_i). O'Shaughnessy 1987, and Slaney's Auditory Toolbox (1998).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

Scale = Literal["htk", "slaney"]
_LINEAR_HZ = 200 / 3  # Hz a mel of the Slaney scale below its break
_BREAK_HZ, _LOG_STEP = 1000.0, math.log(6.4) / 27


def to_mel(hz: float, scale: Scale) -> float:
    if scale == "htk":
        return 2595 * math.log10(1 + hz / 700)
    if hz < _BREAK_HZ:
        return hz / _LINEAR_HZ
    return _BREAK_HZ / _LINEAR_HZ + math.log(hz / _BREAK_HZ) / _LOG_STEP


def from_mel(mel: float, scale: Scale) -> float:
    if scale == "htk":
        return float(700 * (10 ** (mel / 2595) - 1))
    knee = _BREAK_HZ / _LINEAR_HZ
    return mel * _LINEAR_HZ if mel < knee else _BREAK_HZ * math.exp((mel - knee) * _LOG_STEP)


def mel_filters(*, rate_hz: int, fft: int, mels: int, low_hz: float, high_hz: float, scale: Scale) -> list[list[float]]:
    """[mels, fft // 2 + 1] weights of the power at k * rate_hz / fft."""
    low, high = to_mel(low_hz, scale), to_mel(high_hz, scale)
    edges = [from_mel(low + (high - low) * i / (mels + 1), scale) for i in range(mels + 2)]
    bins = [k * rate_hz / fft for k in range(fft // 2 + 1)]
    return [_triangle(bins, edges[i], edges[i + 1], edges[i + 2], scale) for i in range(mels)]


def _triangle(bins: Sequence[float], left: float, peak: float, right: float, scale: Scale) -> list[float]:
    area = 2 / (right - left) if scale == "slaney" else 1.0
    return [area * max(0.0, min((f - left) / (peak - left), (right - f) / (right - peak))) for f in bins]

"""Recordings made by a seed: each word is two tones, one after the other, with silence and noise between words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqhub.data.configs_audio import BeepsConfig
from seqhub.data.table import Sequences

WORDS = ("low", "rise", "high", "fall", "mid", "leap", "drop", "flat")
_TONES = ((1, 1), (1, 3), (4, 4), (3, 1), (2, 2), (1, 4), (4, 1), (3, 3))  # steps of _STEP hertz above _LOWEST
_LOWEST, _STEP = 150.0, 120.0
_RAMP = 0.01  # seconds in which a tone swells and fades, so that it does not click


class BeepsSource:
    """Sequences [T 1] of samples; a label is the words, with spaces between them."""

    def __init__(self, config: BeepsConfig, base_dir: Path) -> None:
        del base_dir
        self.config = config

    def read(self) -> Sequences:
        """As many recordings as asked for, each of 1 to `most` words."""
        draw = np.random.default_rng(self.config.seed)
        items, labels = [], []
        for _ in range(self.config.items):
            said = draw.integers(0, self.config.words, int(draw.integers(1, self.config.most + 1)))
            items.append(self._recording(said, draw)[:, None])
            labels.append(" ".join(WORDS[word] for word in said))
        names = tuple(f"beeps{i:04d}.wav" for i in range(len(items)))
        return Sequences(items, labels, ("sample",), "beeps", names=names, rate_hz=self.config.rate_hz)

    def _recording(self, said: NDArray[np.int64], draw: np.random.Generator) -> NDArray[np.float64]:
        parts = [self._silence(draw)]
        for word in said:
            for tone in _TONES[word]:
                hertz = (_LOWEST + _STEP * tone) * draw.uniform(0.96, 1.04)
                parts.append(self._tone(hertz, draw.uniform(0.05, 0.09), draw.uniform(0.25, 0.5)))
            parts.append(self._silence(draw))
        clean = np.concatenate(parts)
        return np.asarray(clean + self.config.noise * draw.standard_normal(len(clean)))

    def _silence(self, draw: np.random.Generator) -> NDArray[np.float64]:
        return np.zeros(int(draw.uniform(0.03, 0.12) * self.config.rate_hz))

    def _tone(self, hertz: float, seconds: float, loud: float) -> NDArray[np.float64]:
        t = np.arange(int(seconds * self.config.rate_hz)) / self.config.rate_hz
        swell = np.minimum(1.0, np.minimum(t, t[::-1]) / _RAMP)
        return np.asarray(loud * swell * np.sin(2 * np.pi * hertz * t))

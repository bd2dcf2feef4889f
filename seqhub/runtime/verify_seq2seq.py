"""Proving an encoder-decoder bundle again where it is used: many tokens in one run against one after the other."""

from __future__ import annotations

import numpy as np

from seqhub.runtime.checks import Check
from seqhub.runtime.model import Model
from seqhub.runtime.seq2seq import Translator
from seqhub.runtime.session import Arrays

_SOURCE, _TOKENS = 9, 12


def check_writing(model: Model, tolerance: float, *, rows: int = 3, seed: int = 0) -> Check:
    """Random tokens behind random sources: scores of all at once, in two parts and one by one; the largest difference,
    relative to scores above one.
    """
    if not isinstance(model, Translator):
        return Check("writing", None, "the bundle has no decoder")
    draw = np.random.default_rng(seed)
    memory, memory_lengths = random_memory(model, draw, _lengths(draw, rows))
    tokens = draw.integers(0, model.manifest.outputs[0], (rows, _TOKENS))

    def written(size: int) -> np.ndarray:
        state: Arrays = model.graphs["decoder_step"].initial_state(rows, memory.shape[1])
        parts = []
        for at in range(0, _TOKENS, size):
            scores, state = model.decode(tokens[:, at : at + size], state, memory, memory_lengths)
            parts.append(scores)
        return np.concatenate(parts, axis=1)

    whole = written(_TOKENS).astype(np.float64)
    relative = np.maximum(1, np.abs(whole))
    worst = max(float((np.abs(written(size) - whole) / relative).max()) for size in (1, 7))
    detail = f"one token at a time, and all at once: {worst:.1e} apart (tolerance {tolerance:g})"
    return Check("writing", worst <= 2 * tolerance, detail)


def random_writing(model: Translator, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The memory [B S' E] of random sources, zero in its padding, and the scores [B L V] of random tokens behind it."""
    draw = np.random.default_rng(seed)
    memory, memory_lengths = random_memory(model, draw, _lengths(draw, rows))
    tokens = draw.integers(0, model.manifest.outputs[0], (rows, _TOKENS))
    state: Arrays = model.graphs["decoder_step"].initial_state(rows, memory.shape[1])
    scores, _ = model.decode(tokens, state, memory, memory_lengths)
    return memory.astype(np.float64), scores.astype(np.float64)


def random_memory(model: Translator, draw: np.random.Generator, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The memory [B S' E] of random sources of these lengths [B], in the range of the inputs, and its lengths."""
    shape = (len(lengths), int(lengths.max()), len(model.features))
    if model.manifest.vocabulary:
        return model.encode(draw.integers(0, model.manifest.vocabulary, shape), lengths)
    scaling = model.manifest.raw["scaling"]
    shift, scale = (np.asarray(scaling[key]) for key in ("input_shift", "input_scale"))
    return model.encode(np.asarray(shift + scale * draw.standard_normal(shape), dtype=np.float32), lengths)


def _lengths(draw: np.random.Generator, rows: int) -> np.ndarray:
    """[B]: the longest first."""
    return np.array([_SOURCE, *draw.integers(1, _SOURCE, rows - 1)])

"""Do small errors pile up? A long stream through the reduced graph beside the float32 one, their states apart; of an
encoder-decoder, a long row of tokens that its decoder is told.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seqhub.export.drift import MEMORY, PARTS, STEPS, Drift
from seqhub.runtime.model import Model
from seqhub.runtime.seq2seq import Translator
from seqhub.runtime.verify_seq2seq import random_memory


def measure_drift(model: Model, reduced: Model, *, steps: int = STEPS, seed: int = 0) -> Drift | None:
    """One row of random steps in the range of the inputs, a block at a time, or of random tokens. None for a model that
    does neither stream nor write, or that gives too few outputs to tell.
    """
    manifest = model.manifest
    if isinstance(model, Translator) and isinstance(reduced, Translator):
        pairs = _written(model, reduced, max(3 * PARTS, steps), seed)
    elif "stream" in model.graphs:
        pairs = _streamed(model, reduced, max(3 * PARTS, steps // manifest.block), seed)
    else:
        return None
    scale = np.asarray(manifest.raw["scaling"]["output_scale"]).reshape(manifest.outputs)
    return Drift.of(steps, [np.abs(one.astype(np.float64) - other) / scale for one, other in pairs])


def _streamed(model: Model, reduced: Model, blocks: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Outputs of both, [T' ...] each."""
    draw, streams = np.random.default_rng(seed), (model.stream(), reduced.stream())
    for _ in range(blocks):
        chunk = _random_steps(model, draw, model.manifest.block)
        one, other = (np.asarray(stream.push(chunk)) for stream in streams)
        yield one, other


def _written(model: Translator, reduced: Translator, tokens: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Scores of both, [1 V] each, behind one memory: what grows is then the decoders' own."""
    draw = np.random.default_rng(seed)
    memory, lengths = random_memory(model, draw, np.array([MEMORY]))
    states = [one.graphs["decoder_step"].initial_state(1, memory.shape[1]) for one in (model, reduced)]
    for token in draw.integers(0, model.manifest.outputs[0], (tokens, 1, 1)):
        given = [one.decode(token, own, memory, lengths) for one, own in zip((model, reduced), states, strict=True)]
        states = [after for _, after in given]
        yield given[0][0][0], given[1][0][0]


def _random_steps(model: Model, draw: np.random.Generator, steps: int) -> np.ndarray:
    """[T D] in the range of the inputs."""
    scaling, vocabulary = model.manifest.raw["scaling"], model.manifest.vocabulary
    if vocabulary:
        return draw.integers(0, vocabulary, (steps, len(vocabulary)))
    shift, scale = (np.asarray(scaling[f"input_{what}"]) for what in ("shift", "scale"))
    return np.asarray(shift + scale * draw.standard_normal((steps, len(shift))), dtype=np.float32)

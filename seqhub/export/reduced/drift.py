"""Do small errors pile up? A long stream through the reduced graph beside the float32 one, their states apart."""

from __future__ import annotations

import numpy as np

from seqhub.export.drift import PARTS, STEPS, Drift
from seqhub.runtime.model import Model


def measure_drift(model: Model, reduced: Model, *, steps: int = STEPS, seed: int = 0) -> Drift | None:
    """One row of random steps in the range of the inputs, a block at a time. None for a model that does not stream, or
    that gives too few outputs to tell.
    """
    if "stream" not in model.graphs:
        return None
    manifest, block = model.manifest, model.manifest.block
    draw = np.random.default_rng(seed)
    streams, apart = (model.stream(), reduced.stream()), []
    scale = np.asarray(manifest.raw["scaling"]["output_scale"]).reshape(manifest.outputs)
    for _ in range(max(3 * PARTS, steps // block)):
        chunk = _random_steps(model, draw, block)
        one, other = (np.asarray(stream.push(chunk)) for stream in streams)
        apart.append(np.abs(one.astype(np.float64) - other) / scale)
    return Drift.of(steps, apart)


def _random_steps(model: Model, draw: np.random.Generator, steps: int) -> np.ndarray:
    """[T D] in the range of the inputs."""
    scaling, vocabulary = model.manifest.raw["scaling"], model.manifest.vocabulary
    if vocabulary:
        return draw.integers(0, vocabulary, (steps, len(vocabulary)))
    shift, scale = (np.asarray(scaling[f"input_{what}"]) for what in ("shift", "scale"))
    return np.asarray(shift + scale * draw.standard_normal((steps, len(shift))), dtype=np.float32)

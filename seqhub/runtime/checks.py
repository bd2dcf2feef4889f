"""What every proof of a bundle uses: the outcome of a check, random inputs, a stream in chunks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqhub.runtime.model import Model


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. ok None: it could not be, and `detail` says why."""

    name: str
    ok: bool | None
    detail: str


def check_dimensions(model: Model, role: str) -> Check:
    """The graph's own shapes against those of the manifest."""
    graph = model.graphs[role]
    found = {tensor.name: tuple(tensor.shape) for tensor in [*graph.session.get_inputs(), *graph.session.get_outputs()]}
    promised = {tensor.name: tensor.shape for tensor in (*graph.info.inputs, *graph.info.outputs)}
    wrong = [
        f"{name} is {found.get(name)}, promised {shape}" for name, shape in promised.items() if found.get(name) != shape
    ]
    return Check(f"dimensions of {graph.info.file}", not wrong, "; ".join(wrong) or "batch and time are free")


def random_sequences(model: Model, rows: int, source: np.random.Generator) -> list[np.ndarray]:
    """[T_i D] each, in the range of the model's inputs; lengths from one block up."""
    scaling, block, vocabulary = model.manifest.raw["scaling"], model.manifest.block, model.manifest.vocabulary
    shift, scale = (np.asarray(scaling[key]) for key in ("input_shift", "input_scale"))
    lengths = [block, *source.integers(block, 24 * block + 1, rows - 1)]
    if vocabulary:
        return [source.integers(0, vocabulary, (n, len(vocabulary))) for n in lengths]
    return [(shift + scale * source.standard_normal((n, len(shift)))).astype(np.float32) for n in lengths]


def stream_through(model: Model, sequences: Sequence[np.ndarray], size: int) -> list[np.ndarray]:
    """Outputs [T'_i *outputs] of sequences pushed side by side, in chunks of `size` steps (0: at once), flushed."""
    stream, longest = model.stream(len(sequences)), max(len(x) for x in sequences)
    size = size or longest
    parts: list[list[np.ndarray]] = [[] for _ in sequences]
    for start in range(0, longest, size):
        _collect(parts, stream.push([x[start : start + size] for x in sequences]))
    _collect(parts, stream.flush())
    return [np.concatenate(part) for part in parts]


def _collect(parts: list[list[np.ndarray]], outputs: np.ndarray | list[np.ndarray]) -> None:
    if len(parts) == 1:
        parts[0].append(np.asarray(outputs))
        return
    for part, y in zip(parts, outputs, strict=True):
        part.append(y)

"""Proving a bundle again where it is used: files, graphs, free dimensions, streaming against the whole sequence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqhub.runtime.manifest import check_files, read_manifest
from seqhub.runtime.model import Model, open_model

CHUNKS = (1, 3, 7, 0)  # in blocks; 0 is everything at once
DEFAULT_TOLERANCE = 1e-4
GRAIN = 4 * float(np.finfo(np.float32).eps)  # roundings between a number in standard units and in raw ones


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. ok None: it could not be, and `detail` says why."""

    name: str
    ok: bool | None
    detail: str


def verify(folder: Path) -> list[Check]:
    """Every check that needs onnxruntime only. BundleError where the bundle cannot even be loaded."""
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    from seqhub.runtime.verify_tokens import check_tokens

    model = open_model(folder, manifest)
    sums = ", ".join(manifest.files)
    checks = [
        Check("checksums", True, sums),
        Check("manifest", True, "the one beside the graphs is the one inside them"),
    ]
    checks += [check_dimensions(model, role) for role in model.graphs]
    checks += check_tokens(folder, manifest)
    if "encoder" in model.graphs:
        from seqhub.runtime.verify_seq2seq import check_writing

        checks.append(check_writing(model, tolerance_of(folder)))
    else:
        checks.append(check_streaming(model, tolerance_of(folder)))
    if manifest.reduced:
        from seqhub.runtime.verify_reduced import check_reduced

        checks += check_reduced(folder, manifest, model)
    return checks


def tolerance_of(folder: Path) -> float:
    """The tolerance that the bundle was proven with."""
    try:
        return float(json.loads((folder / "parity.json").read_text(encoding="utf-8"))["tolerance"])
    except (OSError, ValueError, KeyError, TypeError):
        return DEFAULT_TOLERANCE


def check_dimensions(model: Model, role: str) -> Check:
    """The graph's own shapes against those of the manifest."""
    graph = model.graphs[role]
    found = {tensor.name: tuple(tensor.shape) for tensor in [*graph.session.get_inputs(), *graph.session.get_outputs()]}
    promised = {tensor.name: tensor.shape for tensor in (*graph.info.inputs, *graph.info.outputs)}
    wrong = [
        f"{name} is {found.get(name)}, promised {shape}" for name, shape in promised.items() if found.get(name) != shape
    ]
    return Check(f"dimensions of {graph.info.file}", not wrong, "; ".join(wrong) or "batch and time are free")


def check_streaming(model: Model, tolerance: float, *, rows: int = 3, seed: int = 0) -> Check:
    """Random ragged sequences, pushed in chunks, against the full graph: largest difference in standard units."""
    missing = {"full", "stream"} - set(model.graphs)
    if missing:
        return Check("streaming", None, f"the bundle has no {missing.pop()} graph to compare with")
    sequences = random_sequences(model, rows, np.random.default_rng(seed))
    whole = model.outputs(sequences)
    scaling, shape = model.manifest.raw["scaling"], model.manifest.outputs
    scale, shift = (np.asarray(scaling[f"output_{what}"]).reshape(shape) for what in ("scale", "shift"))
    worst, passed = 0.0, True
    for blocks in CHUNKS:
        streamed = stream_through(model, sequences, blocks * model.manifest.block)
        for expected, found in zip(whole, streamed, strict=True):
            if expected.shape != found.shape:
                detail = f"chunks of {blocks} blocks give {len(found)} output steps, the whole {len(expected)}"
                return Check("streaming", False, detail)
            difference = np.abs(expected.astype(np.float64) - found) / scale
            relative = 0 if scaling.get("anchor") else np.abs((expected - shift) / scale)
            allowed = tolerance * (1 + relative) + GRAIN * np.abs(expected) / scale
            worst = max(worst, float(difference.max(initial=0.0)))
            passed = passed and bool((difference <= allowed).all())
    detail = f"in chunks of 1, 3, 7 blocks and all at once: {worst:.1e} from the whole (tolerance {tolerance:g})"
    return Check("streaming", passed, detail)


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

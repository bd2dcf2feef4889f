"""Proving a bundle again where it is used: files, graphs, free dimensions, streaming against the whole sequence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from seqhub.runtime.checks import Check, check_dimensions, random_sequences, stream_through
from seqhub.runtime.manifest import check_files, read_manifest
from seqhub.runtime.model import Model
from seqhub.runtime.opening import open_model
from seqhub.runtime.verify_reduced import check_reduced
from seqhub.runtime.verify_seq2seq import check_writing
from seqhub.runtime.verify_tokens import check_tokens

CHUNKS = (1, 3, 7, 0)  # in blocks; 0 is everything at once
DEFAULT_TOLERANCE = 1e-4
GRAIN = 4 * float(np.finfo(np.float32).eps)  # roundings between a number in standard units and in raw ones


def verify(folder: Path) -> list[Check]:
    """Every check that needs onnxruntime only. BundleError where the bundle cannot even be loaded."""
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    model = open_model(folder, manifest)
    sums = ", ".join(manifest.files)
    checks = [
        Check("checksums", True, sums),
        Check("manifest", True, "the one beside the graphs is the one inside them"),
    ]
    checks += [check_dimensions(model, role) for role in model.graphs]
    checks += check_tokens(folder, manifest)
    if "encoder" in model.graphs:
        checks.append(check_writing(model, tolerance_of(folder)))
    else:
        checks.append(check_streaming(model, tolerance_of(folder)))
    if manifest.reduced:
        checks += check_reduced(folder, manifest, model)
    return checks


def tolerance_of(folder: Path) -> float:
    """The tolerance that the bundle was proven with."""
    try:
        return float(json.loads((folder / "parity.json").read_text(encoding="utf-8"))["tolerance"])
    except (OSError, ValueError, KeyError, TypeError):
        return DEFAULT_TOLERANCE


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

"""Proving a reduced precision again where it is used: it is as far from float32 as when it was written."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seqhub.runtime.checks import Check, check_dimensions, random_sequences, stream_through
from seqhub.runtime.manifest import Manifest
from seqhub.runtime.model import Model
from seqhub.runtime.opening import open_model
from seqhub.runtime.seq2seq import Translator
from seqhub.runtime.verify_seq2seq import random_writing

# Rounding to integers flips at a hair's breadth: another processor moves a few of thousands of numbers by a whole step.
SLACK = 1.5


def gaps(model: Model, reduced: Model, *, rows: int = 3, seed: int = 0) -> dict[str, float]:
    """How far the reduced graphs answer from the float32 ones, for each role: the mean difference of outputs, in
    standard units, over random ragged sequences; those of the stream one block at a time.
    """
    if isinstance(model, Translator) and isinstance(reduced, Translator):
        pairs = zip(random_writing(model, rows, seed), random_writing(reduced, rows, seed), strict=True)
        names = ("encoder", "decoder_step")
        return {name: float(np.abs(a - b).mean()) for name, (a, b) in zip(names, pairs, strict=True)}
    sequences = random_sequences(model, rows, np.random.default_rng(seed))
    whole, found = model.outputs(sequences), {}
    if "full" in model.graphs:
        found["full"] = _apart(model, whole, reduced.outputs(sequences))
    if "stream" in model.graphs:
        found["stream"] = _apart(model, whole, stream_through(reduced, sequences, model.manifest.block))
    return found


def check_reduced(folder: Path, manifest: Manifest, model: Model) -> list[Check]:
    """Dimensions of every reduced graph, and its distance from the float32 one."""
    checks = []
    for precision, info in manifest.reduced.items():
        reduced = open_model(folder, manifest, precision=precision)
        checks += [check_dimensions(reduced, role) for role in info.files]
        found, recorded = gaps(model, reduced), info.facts["gap"]
        for role, file in info.files.items():
            allowed = SLACK * float(recorded[role]) + 1e-6
            detail = f"{found[role]:.1e} from float32 in the mean, {recorded[role]:.1e} when it was written"
            checks.append(Check(f"answers of {file}", found[role] <= allowed, detail))
    return checks


def _apart(model: Model, expected: list[np.ndarray], found: list[np.ndarray]) -> float:
    """The mean difference of outputs [T'_i *outputs], in standard units; infinite where a length differs."""
    if any(a.shape != b.shape for a, b in zip(expected, found, strict=True)):
        return float("inf")
    scale = np.asarray(model.manifest.raw["scaling"]["output_scale"]).reshape(model.manifest.outputs)
    differences = [(np.abs(a.astype(np.float64) - b) / scale).ravel() for a, b in zip(expected, found, strict=True)]
    mean = float(np.concatenate(differences).mean())
    return mean if np.isfinite(mean) else float("inf")

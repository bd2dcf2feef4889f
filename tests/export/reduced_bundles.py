"""Bundles whose graphs were not compared with torch, in a second or two: what is reduced here is proven elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from seqhub.export.manifest import build_manifest, embed
from seqhub.export.reduced import Judge
from seqhub.export.sides import lower_sides, sides_of
from seqhub.export.twin import describe_states
from seqhub.nn import Ends, SequenceLayer
from seqhub.runtime import load
from seqhub.runtime.manifest import FILE, sha256_of

OTHER = {"type": "other"}


def unproven(
    folder: Path,
    model: SequenceLayer,
    ends: Ends,
    task: Mapping[str, Any] = OTHER,
    graphs: Sequence[str] = ("full", "stream"),
) -> Path:
    """The bundle of a model, as `export_bundle` writes it, but for the proof and the card."""
    folder.mkdir(parents=True)
    sides = sides_of(model, ends, graphs, task)
    lowered = lower_sides(sides, 20)
    infos, states = [info for _, info in lowered.values()], describe_states(sides[-1].layer)
    raw = build_manifest(model, ends, task, {}, infos, states, name="small", opset=20)
    for role, (proto, info) in lowered.items():
        onnx.save(embed(proto, raw, role), folder / info.file)
    (folder / "parity.json").write_text('{"tolerance": 1e-4}')
    files = {path.name: {"sha256": sha256_of(path), "bytes": path.stat().st_size} for path in sorted(folder.iterdir())}
    (folder / FILE).write_text(json.dumps({**raw, "files": files}))
    return folder


def steps_for(rows: int, seed: int = 0) -> list[np.ndarray]:
    """[T_i 3] each, in the range of `tests.export.layers.plain_ends`."""
    draw = np.random.default_rng(seed)
    lengths = draw.integers(8, 40, rows)
    return [(draw.standard_normal((n, 3)) * [2, 3, 4] + [10, 11, 12]).astype(np.float32) for n in lengths]


def judge(folder: Path, *, noise: float = 1.0, better: str = "min") -> Judge:
    """Scores by the distance to what float32 answers, plus noise; `closeness` is the same upside down."""
    draw = np.random.default_rng(5)
    rows = steps_for(6, seed=1)
    true = [y[-1] + noise * draw.standard_normal(y[-1].shape) for y in load(folder).outputs(rows)]

    def score(bundle: Path, precision: str) -> dict[str, float]:
        found = load(bundle, precision=precision).outputs(rows)
        mae = float(np.mean([np.abs(y[-1] - t).mean() for y, t in zip(found, true, strict=True)]))
        return {"mae": mae, "closeness": -mae}

    return Judge("mae" if better == "min" else "closeness", "max" if better == "max" else "min", score, batches)


def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Two batches of training data."""
    for seed in (2, 3):
        rows = [row[:8] for row in steps_for(4, seed)]
        yield np.stack(rows), np.full(4, 8)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file and what is in it."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def one_thread(make: Callable[[], SequenceLayer]) -> SequenceLayer:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return make().eval()

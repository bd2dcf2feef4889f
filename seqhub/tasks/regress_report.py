"""What recordings look like before a model sees them: `seqhub data`."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqhub.data.scaler import Scaler, fit_scaler
from seqhub.tasks.measured import Measured

_FAR = 0.05  # share of a split's steps outside train's range from which a model must extrapolate


def describe_measured(measured: Measured, inputs: Scaler) -> dict[str, Any]:
    """JSON: recordings, lengths, columns, splits, warnings."""
    pieces = [piece for recordings in measured.splits.values() for piece in recordings]
    lengths = np.array([len(piece.x) for piece in pieces])
    x, y = np.concatenate([piece.x for piece in pieces]), np.concatenate([piece.y[piece.scored] for piece in pieces])
    return {
        "task": "regress",
        "source": measured.origin,
        "items": measured.recordings,
        "lengths": {"min": int(lengths.min()), "median": float(np.median(lengths)), "max": int(lengths.max())},
        "columns": [
            *_columns("target", measured.targets, y, _train_targets(measured)),
            *_columns("feature", measured.features, x, inputs),
        ],
        "splits": [
            {
                "split": split,
                "pieces": len(recordings),
                "steps": sum(len(piece.x) for piece in recordings),
                "with target": sum(int(piece.scored.sum()) for piece in recordings),
            }
            for split, recordings in measured.splits.items()
        ],
        "notes": list(measured.notes),
        "warnings": _warnings(measured, inputs),
    }


def _train_targets(measured: Measured) -> Scaler:
    return fit_scaler(np.concatenate([piece.y[piece.scored] for piece in measured.splits["train"]]))


def _columns(role: str, names: tuple[str, ...], values: Any, scaler: Scaler) -> list[dict[str, Any]]:
    return [
        {
            "column": name,
            "role": role,
            "min": float(values[:, i].min()),
            "mean": float(values[:, i].mean()),
            "max": float(values[:, i].max()),
            "train_mean": scaler.shift[i],
            "train_std": 0.0 if scaler.constant[i] else scaler.scale[i],
        }
        for i, name in enumerate(names)
    ]


def _warnings(measured: Measured, inputs: Scaler) -> list[str]:
    constant = zip(measured.features, inputs.constant, strict=True)
    found = [f"column {name!r} never changes in train" for name, never in constant if never]
    train, test = (np.concatenate([r.x for r in measured.splits[split]]) for split in ("train", "test"))
    outside = ((test < train.min(axis=0)) | (test > train.max(axis=0))).mean(axis=0)
    for name, share in zip(measured.features, outside.tolist(), strict=True):
        if share > _FAR:
            found.append(f"column {name!r}: {share:.0%} of test lies outside of what train holds")
    seen = {np.ascontiguousarray(piece.x).tobytes() for piece in measured.splits["train"]}
    for split in ("valid", "test"):
        twice = sum(np.ascontiguousarray(piece.x).tobytes() in seen for piece in measured.splits[split])
        if twice:
            found.append(f"{twice} recordings of {split} are in train as well, value for value: its numbers flatter")
    return found

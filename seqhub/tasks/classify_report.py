"""What labelled sequences look like before a model sees them (`seqhub data`), and what a model says of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from seqhub.tasks.items import Labelled


def told(logits: Tensor, labels: Sequence[str]) -> dict[str, Any]:
    """JSON: the likeliest label and the probability of each, of logits [C]."""
    probabilities = logits.double().softmax(dim=-1)
    return {
        "prediction": labels[int(probabilities.argmax())],
        "probabilities": dict(zip(labels, probabilities.tolist(), strict=True)),
    }


def describe_labelled(labelled: Labelled) -> dict[str, Any]:
    """JSON: sequences, lengths, features, labels and splits, warnings."""
    lengths = np.array([len(item) for item in labelled.items])
    steps = np.concatenate(labelled.items)
    classes = len(labelled.labels)
    counts = {name: np.bincount(labelled.classes[m], minlength=classes) for name, m in labelled.splits.items()}
    return {
        "task": "classify",
        "source": labelled.origin,
        "sequences": len(labelled.items),
        "lengths": {"min": int(lengths.min()), "median": float(np.median(lengths)), "max": int(lengths.max())},
        "columns": [
            {
                "column": name,
                "min": float(steps[:, i].min()),
                "mean": float(steps[:, i].mean()),
                "max": float(steps[:, i].max()),
                "train_mean": labelled.scaler.shift[i],
                "train_std": 0.0 if labelled.scaler.constant[i] else labelled.scaler.scale[i],
            }
            for i, name in enumerate(labelled.features)
        ],
        "labels": [
            {"label": label, **{split: int(count[i]) for split, count in counts.items()}}
            for i, label in enumerate(labelled.labels)
        ],
        "splits": [
            {"split": split, "sequences": len(members), "steps": int(lengths[members].sum())}
            for split, members in labelled.splits.items()
        ],
        "notes": list(labelled.notes),
        "warnings": _warnings(labelled, counts["train"]),
    }


def _warnings(labelled: Labelled, in_train: np.ndarray[Any, np.dtype[np.int64]]) -> list[str]:
    found = [f"label {labelled.labels[i]!r} does not occur in train" for i in np.flatnonzero(in_train == 0)]
    constant = zip(labelled.features, labelled.scaler.constant, strict=True)
    found += [f"feature {name!r} never changes in train" for name, never in constant if never]
    seen = {_bytes(labelled.items[i]) for i in labelled.splits["train"]}
    for split in ("valid", "test"):
        twice = sum(_bytes(labelled.items[i]) in seen for i in labelled.splits[split])
        if twice:
            found.append(f"{twice} sequences of {split} are in train as well, value for value: its numbers flatter")
    return found


def _bytes(item: np.ndarray[Any, np.dtype[np.float64]]) -> bytes:
    return np.ascontiguousarray(item).tobytes()

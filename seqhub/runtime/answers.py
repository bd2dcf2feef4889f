"""What a model answers: numbers of a graph turned into something a person can use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqhub.runtime.manifest import Manifest
from seqhub.runtime.sound import Transcript, transcribed
from seqhub.runtime.text_answers import NextTokens, Tagged, next_tokens, tagged
from seqhub.runtime.translation import Translation


@dataclass(frozen=True, eq=False)
class Forecast:
    """The next steps, in raw units: values [H targets], step 1 first."""

    values: np.ndarray
    targets: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        columns = {name: plain(self.values[:, i]) for i, name in enumerate(self.targets)}
        return {"steps": list(range(1, len(self.values) + 1)), "values": columns}

    def table(self) -> tuple[list[str], list[list[Any]]]:
        """Header and rows, one a step."""
        rows = [[step, *plain(line)] for step, line in enumerate(self.values, start=1)]
        return ["step", *self.targets], rows


@dataclass(frozen=True, eq=False)
class Classification:
    """The likeliest label, and the probability of each [classes]."""

    label: str
    probabilities: np.ndarray
    labels: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        each = zip(self.labels, self.probabilities, strict=True)
        return {"label": self.label, "probabilities": {label: float(p) for label, p in each}}

    def table(self) -> tuple[list[str], list[list[Any]]]:
        """Header and one row."""
        return ["label", *(f"p({label})" for label in self.labels)], [[self.label, *map(float, self.probabilities)]]


@dataclass(frozen=True, eq=False)
class Values:
    """The plain output of the last step, [*outputs], for a task that this runtime does not know."""

    values: np.ndarray
    names: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"names": list(self.names), "shape": list(self.values.shape), "values": plain(self.values.ravel())}

    def table(self) -> tuple[list[str], list[list[Any]]]:
        """Header and one row for each line of the output."""
        return list(self.names), [plain(line) for line in self.values.reshape(-1, self.values.shape[-1])]


Answer = Forecast | Classification | Tagged | Transcript | NextTokens | Translation | Values


def answer(manifest: Manifest, y: np.ndarray) -> Answer:
    """One output step, [*outputs] or flat, as the task's answer."""
    y = y.reshape(manifest.outputs)
    kind = manifest.task.get("type")
    if kind == "forecast":
        return Forecast(y, manifest.output_names)
    if kind == "classify":
        probabilities = softmax(y)
        return Classification(manifest.output_names[int(probabilities.argmax())], probabilities, manifest.output_names)
    if kind == "language-model":
        return next_tokens(manifest, softmax(y))
    return Values(y, manifest.output_names)


def whole_answer(manifest: Manifest, y: np.ndarray, words: Sequence[str] = ()) -> Answer:
    """The outputs of a whole sequence [T *outputs] as the task's answer; `words` are what its steps stand for."""
    if manifest.task.get("type") == "tag":
        return tagged(manifest, y, words)
    if manifest.task.get("type") == "transcribe":
        return transcribed(manifest, y)
    return answer(manifest, y[-1])


def plain(values: np.ndarray) -> list[float]:
    """[N] as Python numbers with no more digits than their own precision holds: 0.1, not 0.10000000149."""
    return [float(str(value)) for value in values]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis, in float64 so that they add up to one."""
    shifted = np.asarray(logits, dtype=np.float64)
    powers = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))

"""What a model answers: numbers of a graph turned into something a person can use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from seqhub.errors import BundleError
from seqhub.runtime.manifest import Manifest
from seqhub.runtime.sound import Transcript, transcribed
from seqhub.runtime.spread import Spread
from seqhub.runtime.text_answers import NextTokens, Tagged, next_tokens, tagged
from seqhub.runtime.translation import Translation

_T = TypeVar("_T")
_POINT = Spread()
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)  # quantiles of a distribution that are written down


@dataclass(frozen=True, eq=False)
class Forecast:
    """The next steps, in raw units: values [H targets], step 1 first.

    spread: what is known of each number beside its value, and parameters: [H P targets], its numbers.
    """

    values: np.ndarray
    targets: tuple[str, ...]
    spread: Spread = _POINT
    parameters: np.ndarray | None = None

    @property
    def quantiles(self) -> dict[float, np.ndarray]:
        """The quantiles by level, [H targets] each: those that the model answers, or for a distribution `LEVELS`."""
        levels = self.spread.levels if self.spread.kind == "quantiles" else LEVELS
        return {level: self.quantile(level) for level in levels}

    def quantile(self, level: float) -> np.ndarray:
        """What the truth stays below with this probability, [H targets]. BundleError where the model does not say."""
        return self._asked(lambda y: self.spread.quantile(y, level))

    def interval(self, share: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends [H targets] between which the truth lies with this probability."""
        return self._asked(lambda y: self.spread.interval(y, share))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        found = {"steps": list(range(1, len(self.values) + 1)), "values": self._columns(self.values)}
        if self.parameters is not None:
            found["quantiles"] = {f"{level:g}": self._columns(values) for level, values in self.quantiles.items()}
        return found

    def table(self) -> tuple[list[str], list[list[Any]]]:
        """Header and rows, one a step; quantiles stand behind the values, as `y q0.1`."""
        header, columns = ["step", *self.targets], [self.values]
        if self.parameters is not None:
            for level, values in self.quantiles.items():
                header += [f"{name} q{level:g}" for name in self.targets]
                columns.append(values)
        rows = [[step, *plain(line)] for step, line in enumerate(np.concatenate(columns, axis=1), start=1)]
        return header, rows

    def _columns(self, values: np.ndarray) -> dict[str, list[float]]:
        return {name: plain(values[:, i]) for i, name in enumerate(self.targets)}

    def _asked(self, of: Callable[[np.ndarray], _T]) -> _T:
        if self.parameters is None:
            fix = "train with task.output: quantiles, or a distribution"
            raise BundleError("this model answers with values alone, not with quantiles", fix=fix, code="E710")
        try:
            return of(self.parameters)
        except ValueError as error:
            raise BundleError(str(error), fix="ask for one between them", code="E710") from None


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
    """Plain outputs: every step's, [T K], of a task that answers step by step; of one that this runtime does not know,
    or of one step of a stream, [*outputs].
    """

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
        return _forecast(manifest, y)
    if kind == "classify":
        probabilities = softmax(y)
        return Classification(manifest.output_names[int(probabilities.argmax())], probabilities, manifest.output_names)
    if kind == "language-model":
        return next_tokens(manifest, softmax(y))
    return Values(y, manifest.output_names)


def _forecast(manifest: Manifest, y: np.ndarray) -> Forecast:
    """y: [H K], or [H P K] where the bundle says what P parameters say."""
    kind = manifest.task.get("output")
    if not kind:
        return Forecast(y, manifest.output_names)
    spread = Spread(str(kind["kind"]), tuple(float(level) for level in kind["levels"]))
    parameters = y.astype(np.float64)
    values = spread.point(parameters).astype(np.float32)
    return Forecast(values, manifest.output_names, spread, parameters)


def whole_answer(manifest: Manifest, y: np.ndarray, words: Sequence[str] = ()) -> Answer:
    """The outputs of a whole sequence [T *outputs] as the task's answer; `words` are what its steps stand for."""
    if manifest.task.get("type") == "tag":
        return tagged(manifest, y, words)
    if manifest.task.get("type") == "transcribe":
        return transcribed(manifest, y)
    if manifest.task.get("type") == "regress":
        return Values(y, manifest.output_names)
    return answer(manifest, y[-1])


def plain(values: np.ndarray) -> list[float]:
    """[N] as Python numbers with no more digits than their own precision holds: 0.1, not 0.10000000149."""
    return [float(str(value)) for value in values]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis, in float64 so that they add up to one."""
    shifted = np.asarray(logits, dtype=np.float64)
    powers = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))

"""Differences between two sets of numbers, in standard output units, and whether they are within tolerance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqhub.runtime.verify import GRAIN

_SMALLEST, _DECADES, _PER_DECADE = -12, 20, 100  # bins from 1e-12 to 1e8


@dataclass(frozen=True, eq=False)
class Units:
    """Raw units against standard ones: raw = standard * scale + shift, [D_in] and [D_out].

    classes: how many scores an output step holds side by side, of which the largest is chosen; 0: it holds none.
    anchored: an input column is added to the outputs, so a large output is no excuse for a large difference.
    """

    input_shift: np.ndarray
    input_scale: np.ndarray
    output_shift: np.ndarray
    output_scale: np.ndarray
    anchored: bool = False
    classes: int = 0

    @classmethod
    def of(cls, scaling: Mapping[str, Any]) -> Units:
        """Those of a model, from `Ends.as_dict()` or from a manifest's `scaling`."""
        shift_scale = (
            np.asarray(scaling[f"{end}_{what}"]) for end in ("input", "output") for what in ("shift", "scale")
        )
        input_shift, input_scale, output_shift, output_scale = shift_scale
        return cls(input_shift, input_scale, output_shift, output_scale, bool(scaling["anchor"]))

    @classmethod
    def plain(cls, d_in: int, d_out: int) -> Units:
        """Standard units everywhere: those of a layer alone."""
        return cls(np.zeros(d_in), np.ones(d_in), np.zeros(d_out), np.ones(d_out))

    def standard(self, y: np.ndarray) -> np.ndarray:
        """Raw outputs [... D_out] in standard units, float64."""
        return np.asarray((y.astype(np.float64) - self.output_shift) / self.output_scale)

    def allowed(self, y: np.ndarray, tolerance: float) -> np.ndarray:
        """The difference allowed at each raw output, in standard units: tolerance * (1 + |standard|), without the
        second part where outputs are anchored, and the grain of float32 at the raw number."""
        relative = 0 if self.anchored else np.abs(self.standard(y))
        grain = GRAIN * np.abs(y.astype(np.float64)) / self.output_scale
        return np.asarray(tolerance * (1 + relative) + grain)


@dataclass(frozen=True)
class Mismatch:
    """What differed: the tensor, by how much, and how much was allowed there."""

    tensor: str
    difference: float
    allowed: float
    note: str = ""

    def __str__(self) -> str:
        return self.note or f"{self.tensor} differs by {self.difference:.3g}, allowed {self.allowed:.3g}"


def mismatch(name: str, expected: np.ndarray, found: np.ndarray, allowed: np.ndarray | float) -> Mismatch | None:
    """None where the shapes agree and |found - expected| <= allowed everywhere; integers must be equal."""
    if expected.shape != found.shape:
        return Mismatch(name, np.inf, 0.0, f"{name} has shape {list(found.shape)}, expected {list(expected.shape)}")
    if expected.size == 0:
        return None
    if expected.dtype.kind in "iub":
        wrong = float(np.abs(expected.astype(np.int64) - found.astype(np.int64)).max())
        return Mismatch(name, wrong, 0.0) if wrong else None
    if not np.isfinite(expected).all():
        note = f"{name} is not finite in torch itself: the model is at fault, not the graph"
        return Mismatch(name, np.nan, 0.0, note)
    allowed = np.broadcast_to(np.asarray(allowed, dtype=np.float64), expected.shape)
    difference = np.abs(found.astype(np.float64) - expected)
    excess = np.where(np.isnan(difference), np.inf, difference - allowed)  # a NaN is never within what is allowed
    worst = np.unravel_index(int(excess.argmax()), excess.shape)
    return Mismatch(name, float(difference[worst]), float(allowed[worst])) if excess[worst] > 0 else None


@dataclass
class Tally:
    """Differences gathered over cases, in memory that does not grow: counts in bins of a hundredth of a decade."""

    cases: int = 0
    state_max: float = 0.0
    steps: int = 0  # output steps whose largest score was compared
    agreed: int = 0  # of them, those where both have it in one place
    excused: int = 0  # cases with a difference beyond the tolerance that was let pass
    _open: bool = False  # the present case has such a difference
    _values: int = 0
    _sum: float = 0.0
    _max: float = 0.0
    _bins: np.ndarray = field(default_factory=lambda: np.zeros(_DECADES * _PER_DECADE + 1, np.int64))

    def add(self, expected: np.ndarray, found: np.ndarray) -> None:
        """Outputs in standard units."""
        self.add_differences(np.abs(expected - found))

    def add_differences(self, differences: np.ndarray) -> None:
        """Of any shape, none below zero."""
        if not differences.size:
            return
        self._values += differences.size
        self._sum += float(differences.sum())
        self._max = max(self._max, float(differences.max()))
        with np.errstate(divide="ignore"):
            places = (np.log10(differences.ravel()) - _SMALLEST) * _PER_DECADE
        places = np.clip(np.ceil(places), 0, len(self._bins) - 1).astype(np.int64)
        self._bins += np.bincount(places, minlength=len(self._bins))

    def add_state(self, expected: np.ndarray, found: np.ndarray) -> None:
        """One slot; the difference is taken relative to values above one."""
        if expected.size and expected.dtype.kind == "f":
            relative = np.abs(expected - found) / np.maximum(1, np.abs(expected))
            self.state_max = max(self.state_max, float(relative.max()))

    def add_excuses(self, differences: np.ndarray, allowed: np.ndarray) -> None:
        """Differences that passed; those beyond what the tolerance alone allows were excused."""
        self._open = self._open or bool((differences > allowed).any())

    def end_case(self) -> None:
        """The present case passed."""
        self.cases += 1
        self.excused += self._open
        self._open = False

    def add_choices(self, expected: np.ndarray, found: np.ndarray) -> None:
        """Scores [... C] of valid output steps: is the largest the same one?"""
        same = expected.argmax(axis=-1) == found.argmax(axis=-1)
        self.steps += same.size
        self.agreed += int(same.sum())

    def as_dict(self) -> dict[str, Any]:
        """cases, values, max, mean, p99 (a bin's upper edge: at most 2.4% too large), state_max, and of scores argmax,
        the share of steps where both choose alike.
        """
        report = {
            "cases": self.cases,
            "values": self._values,
            "max": self._max,
            "mean": self._sum / max(1, self._values),
            "p99": self._percentile(0.99),
            "state_max": self.state_max,
        }
        return report | ({"argmax": self.agreed / self.steps} if self.steps else {})

    def _percentile(self, share: float) -> float:
        """The smallest edge below which this share of the differences lies."""
        place = int(np.searchsorted(np.cumsum(self._bins), share * self._values))
        edge = 10 ** (_SMALLEST + place / _PER_DECADE) if place else 0.0
        return min(self._max, float(edge))

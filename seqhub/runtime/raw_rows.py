"""Rows of a file as a forecast was trained to read them: in order of time, at even steps, gaps filled, columns added.

What is done is what the recipe asked for under `data`; the bundle carries it under `task.rows`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from seqhub.runtime.clock import ELAPSED, ahead_names, arrange, calendar, calendar_names, elapsed, filled, later


class Missing(ValueError):
    """A column without a value where one is needed. column: its position among `columns`.  row: as it was read."""

    def __init__(
        self, column: int, row: int = 0, what: str = "the first values are missing, so nothing stands for them"
    ) -> None:
        super().__init__(what)
        self.column, self.row = column, row


@dataclass(frozen=True)
class RawRows:
    """order, repeated, step_s: see `clock.arrange`.  missing: `error`, or how gaps are filled, see `clock.filled`.
    calendar, elapsed_s, mask: columns that are made, see `columns`.  known: columns that are read `horizon` rows
    later; the last `horizon` rows of a file have these alone, and none of the first `targets` columns.
    """

    order: str = "check"
    repeated: str = "error"
    step_s: int | None = None
    missing: str = "error"
    calendar: tuple[str, ...] = ()
    elapsed_s: int | None = None
    mask: bool = False
    known: tuple[str, ...] = ()
    targets: int = 0
    horizon: int = 0

    @classmethod
    def of(cls, task: Mapping[str, Any]) -> RawRows | None:
        """What a bundle's task says of its rows; None where they are read as they are."""
        rules = task.get("rows")
        if not rules:
            return None
        step_s = rules.get("step_s")
        return cls(
            order=str(rules["order"]),
            repeated=str(rules["repeated"]),
            step_s=None if step_s is None else int(step_s),
            missing=str(rules["missing"]),
            calendar=tuple(str(kind) for kind in rules["calendar"]),
            elapsed_s=rules.get("elapsed_s"),
            mask=bool(rules["mask"]),
            known=tuple(str(name) for name in rules.get("known", ())),
            targets=int(rules.get("targets", 0)),
            horizon=int(rules.get("horizon", 0)),
        )

    @property
    def gaps(self) -> bool:
        """Whether cells may be empty."""
        return self.missing != "error" or bool(self.known)

    @property
    def needs_time(self) -> bool:
        """Whether a row means nothing without its time."""
        return bool(self.calendar) or self.step_s is not None or self.elapsed_s is not None

    def columns(self, features: Sequence[str]) -> tuple[str, ...]:
        """The columns that a file has; the others are made of them: those of the calendar, `elapsed`, and `NAME
        missing`.
        """
        made = set(calendar_names(self.calendar)) | ({ELAPSED} if self.elapsed_s else set())
        if self.mask:
            made |= {f"{name} missing" for name in features}
        made |= set(ahead_names(self.known))
        return (*(name for name in features if name not in made), *self.known)

    def steps(self, values: np.ndarray, times: Sequence[str]) -> np.ndarray:
        """Values [M F] of the file's columns with NaN for gaps, and each row's time or none -> steps [N D] float64.

        `clock.Unfit` where the times cannot be used, `Missing` where a gap cannot be filled, ValueError for a text
        that is no time.
        """
        stamps = np.array([moment(cell) for cell in times], dtype="datetime64[us]") if any(times) else None
        if stamps is not None:
            rows, _ = arrange(stamps, order=self.order, repeated=self.repeated, step_s=self.step_s)
            values, stamps = rows(values), rows.times
        source = np.arange(len(values)) if stamps is None else rows.row
        if self.known:
            values, ahead = self._ahead(values, source)
            stamps = None if stamps is None else stamps[: len(values)]
        gaps = np.isnan(values)
        values = self._filled(values, source)
        parts = [values, ahead] if self.known else [values]
        if self.calendar and stamps is not None:
            parts.append(calendar(stamps, self.calendar))
        if self.elapsed_s and stamps is not None:
            parts.append(elapsed(stamps, self.elapsed_s))
        if self.mask:
            parts.append(gaps.astype(np.float64))
        return np.concatenate(parts, axis=1)

    def _filled(self, values: np.ndarray, source: np.ndarray, first: int = 0) -> np.ndarray:
        """Without gaps, or `Missing`. first: position of the first of these columns.  source: the rows as read."""
        gaps = np.isnan(values)
        if not gaps.any():
            return values
        if self.missing == "error":
            row, column = (int(i[0]) for i in np.nonzero(gaps))
            raise Missing(first + column, max(0, int(source[row])), "the value is missing")
        values = filled(values, self.missing)
        left = np.flatnonzero(np.isnan(values).any(axis=0))
        if len(left):
            raise Missing(first + int(left[0]))
        return values

    def _ahead(self, values: np.ndarray, source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows up to the last that has a target, without and with the known columns: [N F], [N len(known)].

        The `horizon` rows behind it have the known columns; what else they hold is not read.
        """
        first = values.shape[1] - len(self.known)
        there = np.flatnonzero(~np.isnan(values[:, : self.targets]).all(axis=1))
        if not len(there):
            raise Missing(0)
        stop = int(there[-1]) + 1
        if len(values) < stop + self.horizon:
            what = f"{len(values) - stop} rows stand behind the last value of a target, but {self.horizon} are forecast"
            raise Missing(first, max(0, int(source[stop - 1])), f"{what}, and it is known in advance")
        known = self._filled(values[: stop + self.horizon, first:], source, first)
        return values[:stop, :first], later(known, self.horizon)[:stop]


def moment(cell: str) -> np.datetime64:
    """An ISO 8601 time, in UTC where it has a zone. ValueError where it is none."""
    found = datetime.fromisoformat(cell)
    if found.tzinfo is not None:
        found = found.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(found, "us")

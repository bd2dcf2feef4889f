"""Rows of a file as a forecast was trained to read them: in order of time, at even steps, gaps filled, columns added.

What is done is what the recipe asked for under `data`; the bundle carries it under `task.rows`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from seqhub.runtime.clock import ELAPSED, arrange, calendar, calendar_names, elapsed, filled


class Missing(ValueError):
    """A column without a value to begin with. column: its position."""

    def __init__(self, column: int) -> None:
        super().__init__("the first values are missing, so nothing stands for them")
        self.column = column


@dataclass(frozen=True)
class RawRows:
    """order, repeated, step_s: see `clock.arrange`.  missing: `error`, or how gaps are filled, see `clock.filled`.
    calendar, elapsed_s, mask: columns that are made, see `columns`.
    """

    order: str = "check"
    repeated: str = "error"
    step_s: int | None = None
    missing: str = "error"
    calendar: tuple[str, ...] = ()
    elapsed_s: int | None = None
    mask: bool = False

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
        )

    @property
    def gaps(self) -> bool:
        """Whether cells may be empty."""
        return self.missing != "error"

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
        return tuple(name for name in features if name not in made)

    def steps(self, values: np.ndarray, times: Sequence[str]) -> np.ndarray:
        """Values [M F] of the file's columns with NaN for gaps, and each row's time or none -> steps [N D] float64.

        `clock.Unfit` where the times cannot be used, `Missing` where a gap cannot be filled, ValueError for a text
        that is no time.
        """
        stamps = np.array([moment(cell) for cell in times], dtype="datetime64[us]") if any(times) else None
        if stamps is not None:
            rows, _ = arrange(stamps, order=self.order, repeated=self.repeated, step_s=self.step_s)
            values, stamps = rows(values), rows.times
        gaps = np.isnan(values)
        if gaps.any():
            values = filled(values, self.missing)
        left = np.flatnonzero(np.isnan(values).any(axis=0))
        if len(left):
            raise Missing(int(left[0]))
        parts = [values]
        if self.calendar and stamps is not None:
            parts.append(calendar(stamps, self.calendar))
        if self.elapsed_s and stamps is not None:
            parts.append(elapsed(stamps, self.elapsed_s))
        if self.mask:
            parts.append(gaps.astype(np.float64))
        return np.concatenate(parts, axis=1)


def moment(cell: str) -> np.datetime64:
    """An ISO 8601 time, in UTC where it has a zone. ValueError where it is none."""
    found = datetime.fromisoformat(cell)
    if found.tzinfo is not None:
        found = found.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(found, "us")

"""Rows brought into the order of time: sorted, one for each time, at even steps; and what a time says as columns.

Training and the runtime do this to raw rows by the same functions. Times are datetime64, or plain numbers where nothing
but their order is asked for. Shapes: M rows as they were read, N rows afterwards, D columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

YEAR_S = 365.2425 * 86400
_TURNS = {"hour": 86400.0, "weekday": 7 * 86400.0, "yearday": YEAR_S}
_MONDAY = np.datetime64("1969-12-29", "s").astype(np.int64)  # a Monday, so that a week's turn begins with one


@dataclass(frozen=True, eq=False)
class Rows:
    """Which rows make which. times [N].  order [M]: the rows as read, by time.  first [G]: where in that order each
    time begins.  place [G]: its row among the N.  keep: which of several rows of one time.
    """

    times: np.ndarray
    order: np.ndarray
    first: np.ndarray
    place: np.ndarray
    keep: str

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Values [M] or [M D] as [N ..], NaN in rows that were not there. Of a mean, missing values are left out."""
        values = np.asarray(values, dtype=np.float64)[self.order]
        ends = np.append(self.first[1:], len(values))
        if self.keep == "mean" and len(self.first) < len(values):
            known = ~np.isnan(values)
            total = np.add.reduceat(np.where(known, values, 0.0), self.first)
            count = np.add.reduceat(known.astype(np.float64), self.first)
            kept = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        else:
            kept = values[ends - 1 if self.keep == "last" else self.first]
        found = np.full((len(self.times), *values.shape[1:]), np.nan)
        found[self.place] = kept
        return found

    @property
    def row(self) -> np.ndarray:
        """For each of the N rows the one it was read from, -1 where it was not there."""
        found = np.full(len(self.times), -1, dtype=np.int64)
        ends = np.append(self.first[1:], len(self.order))
        found[self.place] = self.order[ends - 1 if self.keep == "last" else self.first]
        return found


class Unfit(ValueError):
    """Times that cannot be used. rows: the two rows, as read, that show it."""

    def __init__(self, what: str, fix: str, rows: tuple[int, int]) -> None:
        super().__init__(what)
        self.fix, self.rows = fix, rows


def arrange(
    times: np.ndarray, *, order: str = "check", repeated: str = "error", step_s: int | None = None
) -> tuple[Rows, list[str]]:
    """The rows by time, and what was done to them in words. Unfit where that is not allowed.

    order: `check` or `sort`.  repeated: `error`, `first`, `last` or `mean`.  step_s: seconds between two rows.
    """
    notes: list[str] = []
    backwards = np.flatnonzero(times[1:] < times[:-1])
    by_time = np.arange(len(times))
    if len(backwards):
        row = int(backwards[0])
        if order != "sort":
            what = f"{show(times[row + 1])} comes before {show(times[row])}"
            raise Unfit(what, "sort the rows by time, or let order: sort do it", (row, row + 1))
        by_time = np.argsort(times, kind="stable")
        notes.append(f"rows were sorted by time: {len(backwards)} came before the row above them")
    ordered = times[by_time]
    first = np.flatnonzero(np.append(True, ordered[1:] > ordered[:-1])) if len(times) else np.zeros(0, dtype=np.int64)
    several = len(times) - len(first)
    if several:
        again = int(np.flatnonzero(ordered[1:] == ordered[:-1])[0])
        rows = int(by_time[again]), int(by_time[again + 1])
        if repeated == "error":
            what = f"{show(ordered[again])} appears twice"
            raise Unfit(what, "keep one row per time, or let repeated: first, last or mean do it", rows)
        did = "their mean was taken" if repeated == "mean" else f"the {repeated} of them was kept"
        notes.append(f"{several} rows repeat a time, the first of them {show(ordered[again])}: {did}")
    times = ordered[first]
    place = np.arange(len(first))
    if step_s is not None and len(times) > 1:
        place, times, note = _grid(times, step_s, by_time[first])
        notes += note
    return Rows(times, by_time, first, place, repeated), notes


def _grid(times: np.ndarray, step_s: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    if times.dtype.kind != "M":
        what = "times are plain numbers, but step is a span of time"
        raise Unfit(what, "leave step out", (int(rows[0]), int(rows[1])))
    step = np.timedelta64(step_s, "s").astype(times.dtype.str.replace("M8", "m8"))
    since = times - times[0]
    off = np.flatnonzero(since % step != np.timedelta64(0, "s"))
    if len(off):
        at = int(off[0])
        what = f"{show(times[at])} is no whole number of steps of {step_s} s after {show(times[0])}"
        raise Unfit(what, "choose a smaller step, or correct the time", (int(rows[at - 1]), int(rows[at])))
    place = (since // step).astype(np.int64)
    whole = times[0] + step * np.arange(int(place[-1]) + 1)
    missing = len(whole) - len(place)
    gap = np.flatnonzero(np.diff(place) > 1)
    notes = [f"{missing} rows are missing, the first after {show(times[gap[0]])}: they are gaps"] if missing else []
    return place, whole, notes


def calendar_names(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the columns that `calendar` makes: `hour sin`, `hour cos`, .."""
    return tuple(f"{kind} {wave}" for kind in kinds for wave in ("sin", "cos"))


def calendar(times: np.ndarray, kinds: tuple[str, ...]) -> np.ndarray:
    """Sine and cosine of where in the day, the week (from Monday) or the mean year a time lies: [N] -> [N 2*kinds]."""
    seconds = times.astype("datetime64[s]").astype(np.int64) - _MONDAY
    if "yearday" in kinds:
        year = times.astype("datetime64[Y]").astype("datetime64[s]").astype(np.int64)
    waves = []
    for kind in kinds:
        since = seconds + _MONDAY - year if kind == "yearday" else seconds
        angle = 2 * np.pi * (since % _TURNS[kind]) / _TURNS[kind]
        waves += [np.sin(angle), np.cos(angle)]
    return np.stack(waves, axis=1) if waves else np.zeros((len(times), 0))


ELAPSED = "elapsed"


def elapsed(times: np.ndarray, unit_s: int) -> np.ndarray:
    """Time since the row before in units of `unit_s` seconds, [N] -> [N 1]; the first row counts as one unit."""
    gaps = np.diff(times) / np.timedelta64(unit_s, "s")
    return np.concatenate(([1.0], gaps))[: len(times), None]


def ahead_names(known: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the columns that hold what is known of a later row."""
    return tuple(f"{name} ahead" for name in known)


def later(values: np.ndarray, steps: int) -> np.ndarray:
    """In each row the value `steps` rows later; where there is none, the last one: [N ..]."""
    rows = np.minimum(np.arange(len(values)) + steps, len(values) - 1)
    found: np.ndarray = values[rows]
    return found


def filled(values: np.ndarray, how: str) -> np.ndarray:
    """Values [N D] without gaps: by a straight line between neighbours, or the value before; at the end always the
    value before. A gap at the start stays NaN.
    """
    values = np.array(values, dtype=np.float64)
    rows = np.arange(len(values))
    for column in values.T:
        known = np.flatnonzero(~np.isnan(column))
        if not len(known) or len(known) == len(column):
            continue
        if how == "interpolate":
            line = np.interp(rows, known, column[known], left=np.nan)
        else:
            before = np.searchsorted(known, rows, side="right") - 1
            line = np.where(before >= 0, column[known[before]], np.nan)
        column[:] = line
    return values


def show(value: Any) -> str:
    """`1958-03-29`, `1958-03-29T12:30:00`, or a plain number."""
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[s]")).removesuffix("T00:00:00")
    return f"{float(value):.15g}"

"""Dates in the many ways that people write them, and in ISO 8601: a translation task that needs no download."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable
from pathlib import Path

from seqhub.data.configs_parallel import DatesConfig
from seqhub.data.pairs import Pairs

_FIRST, _LAST = datetime.date(1900, 1, 1), datetime.date(2049, 12, 31)
_SPRING = ("january", "february", "march", "april", "may", "june")
_MONTHS = (*_SPRING, "july", "august", "september", "october", "november", "december")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WAYS: tuple[Callable[[datetime.date], str], ...] = (
    lambda d: f"{d.day} {_MONTHS[d.month - 1]} {d.year}",
    lambda d: f"{_MONTHS[d.month - 1]} {d.day}, {d.year}",
    lambda d: f"{d.day} {_MONTHS[d.month - 1][:3]} {d.year}",
    lambda d: f"{_MONTHS[d.month - 1][:3]} {d.day:02d} {d.year}",
    lambda d: f"the {_ordinal(d.day)} of {_MONTHS[d.month - 1]}, {d.year}",
    lambda d: f"{_DAYS[d.weekday()]}, {d.day} {_MONTHS[d.month - 1]} {d.year}",
    lambda d: f"{d.day}.{d.month}.{d.year}",
    lambda d: f"{d.day:02d}-{_MONTHS[d.month - 1][:3].upper()}-{d.year}",
    lambda d: f"{d.year}/{d.month}/{d.day}",
)


class DatesSource:
    """`3 May 1998` beside `1998-05-03`, nine ways of writing, from 1900 to 2049; the same for the same seed."""

    def __init__(self, config: DatesConfig, base_dir: Path) -> None:
        del base_dir
        self.config = config

    def read(self) -> Pairs:
        """`size` pairs whose sources all differ."""
        draw, found = random.Random(self.config.seed), dict[str, str]()
        while len(found) < self.config.size:
            day = _FIRST + datetime.timedelta(days=draw.randrange((_LAST - _FIRST).days + 1))
            found.setdefault(draw.choice(_WAYS)(day), day.isoformat())
        return Pairs(list(found), list(found.values()), "dates")


def _ordinal(number: int) -> str:
    """1 -> 1st, 12 -> 12th, 23 -> 23rd."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number // 10 != 1 else "th"
    return f"{number}{ending}"

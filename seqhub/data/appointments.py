"""Sentences about appointments, made by a grammar: who meets whom, when and for how much. Tags mark the spans."""

from __future__ import annotations

import random
from pathlib import Path

from seqhub.data.configs import BuiltinConfig
from seqhub.data.texts import Sentences

_COUNT, _SEED = 2000, 0
_MONTHS = ("January", "March", "April", "May", "June", "August", "October", "November")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
_NAMES = ("May", "June", "April", "August", "Ada", "Bo", "Friday", "Ines", "Omar", "Wu")  # some are dates elsewhere
_ONSETS, _VOWELS, _CODAS = ("b", "d", "k", "l", "m", "n", "r", "s", "t", "v"), ("a", "e", "i", "o"), ("", "n", "l", "s")
_UNITS = ("euros", "dollars", "yen", "rupees")
_FRAMES = (
    "{person} pays {person} {amount} on {date} .",
    "{person} may meet {person} {date} at {time} .",
    "On {date} , {person} bought {count} books for {amount} .",
    "The bill of {amount} is due {date} .",
    "{person} will call at {time} , not at {time} .",
    "Since {date} {person} has owed {person} {amount} .",
    "We march to {person} 's house in {date} .",
    "{count} people saw {person} between {time} and {time} .",
)


class AppointmentsSource:
    """2,000 sentences with spans of person, date, time and amount in BIO tags; the same every time."""

    def __init__(self, config: BuiltinConfig, base_dir: Path) -> None:
        del config, base_dir

    def read(self) -> Sentences:
        """Most surnames occur once, and a word such as May is a month here and a person there."""
        draw = random.Random(_SEED)
        pairs = [_sentence(draw) for _ in range(_COUNT)]
        return Sentences([words for words, _ in pairs], [tags for _, tags in pairs], "appointments")


def _sentence(draw: random.Random) -> tuple[list[str], list[str]]:
    words: list[str] = []
    tags: list[str] = []
    for piece in draw.choice(_FRAMES).split():
        kind = piece[1:-1] if piece.startswith("{") else ""
        found = _filled(kind, draw).split() if kind else [piece]
        marked = kind not in ("", "count")
        words += found
        tags += [f"{'I' if i else 'B'}-{kind}" if marked else "O" for i in range(len(found))]
    return words, tags


def _filled(kind: str, draw: random.Random) -> str:
    day, month = draw.randint(1, 28), draw.choice(_MONTHS)
    match kind:
        case "person":
            surname = "".join(draw.choice(_ONSETS) + draw.choice(_VOWELS) + draw.choice(_CODAS) for _ in range(2))
            return draw.choice((draw.choice(_NAMES), f"{draw.choice(_NAMES)} {surname.capitalize()}"))
        case "date":
            ways = (f"{day} {month}", f"{month} {day}", f"{draw.choice(_DAYS)}", month, f"{day} {month} {1990 + day}")
            return draw.choice(ways)
        case "time":
            return draw.choice((f"{draw.randint(1, 12)} o'clock", f"{draw.randint(0, 23)}:{draw.randint(0, 59):02d}"))
        case "amount":
            return f"{draw.randint(2, 9000)} {draw.choice(_UNITS)}"
        case _:
            return str(draw.randint(2, 40))

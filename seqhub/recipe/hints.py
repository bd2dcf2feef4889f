"""The edits that messages propose."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from seqhub.recipe.fields import Option
from seqhub.recipe.nodes import Entry, Node, Scalar
from seqhub.recipe.suggest import choice, nearest
from seqhub.recipe.types import Keys

_OLD_BOOLEANS = {"yes": True, "on": True, "y": True, "no": False, "off": False, "n": False}  # of YAML 1.1


@dataclass(frozen=True)
class UnknownKey:
    """A key that its mapping does not take.

    owner: what the mapping is, such as `cell 'gru'`.  allowed: what it takes.  present: the keys beside it.
    """

    entry: Entry
    path: Keys
    owner: str
    allowed: tuple[str, ...]
    present: frozenset[str]


def expectation(option: Option, location: Keys) -> str:
    """What an option may be, or an entry of its list."""
    return option.expected.split(", each entry ", 1)[-1].split(", or null")[0] if len(location) > 1 else option.expected


def value_hint(option: Option, expected: str, node: Node) -> str:
    """What to write instead of a value that an option does not allow."""
    about = option.help
    if not isinstance(node, Scalar):
        return about
    value = node.value
    if value is None:
        default = "" if option.required else f", or remove the key for its default, {option.default}"
        return f"give a value{default}"
    if isinstance(value, str) and "true or false" in expected and node.text.lower() in _OLD_BOOLEANS:
        return f"write {'true' if _OLD_BOOLEANS[node.text.lower()] else 'false'}"
    if isinstance(value, str) and "number" in expected:
        unquoted = Scalar(node.place, node.text.strip().replace("_", "").replace(",", "")).value
        if isinstance(unquoted, int | float) and not isinstance(unquoted, bool):
            return f"write {unquoted}" + (" without quotes" if node.quoted else "")
    if isinstance(value, float) and "whole number" in expected and value.is_integer():
        return f"write {int(value)}"
    if "list" in expected and not isinstance(value, bool):
        return f"write [{node.text}]"
    if "text" in expected:
        return f"put it in quotes: '{node.text}'"
    if "one of" in expected and (near := nearest(node.text, re.split(r", (?:or )?", expected.split("one of ")[1]))):
        return f"did you mean '{near}'?"
    return about


def key_hint(key: UnknownKey, elsewhere: Callable[[str], str]) -> str:
    """What to write instead of an unknown key; `elsewhere` says where in the recipe it would belong."""
    word = key.entry.key
    absent = [name for name in key.allowed if name not in key.present]
    if word == "bidirectional" and "direction" in key.allowed:
        return "write 'direction: bidirectional'"
    if near := nearest(word, absent, 0.8):
        return f"did you mean '{near}'?"
    if other := elsewhere(word):
        return other
    if near := nearest(word, absent) or nearest(word, key.allowed):
        return f"did you mean '{near}'?"
    return f"allowed here: {choice(key.allowed)}"

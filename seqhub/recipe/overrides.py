"""`--set a.b=c`: the value is YAML, the path may count into lists, and errors name the option instead of a line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from seqhub.errors import Place, Problem
from seqhub.recipe.nodes import Entry, Mapping, Node, Scalar, Sequence, describe
from seqhub.recipe.yaml12 import parse_yaml


class _Unfit(Exception):
    """The path does not lead anywhere in this recipe: (message, fix)."""


def apply_overrides(root: Mapping, overrides: Iterable[str]) -> tuple[Mapping, list[Problem]]:
    """The tree with each override put in, in order, and what is wrong with the overrides themselves."""
    problems: list[Problem] = []
    for text in overrides:
        place = Place(f"--set {text}", 0)
        path, equals, value = text.partition("=")
        keys = path.strip().split(".")
        if not equals or not all(keys):
            problems.append(
                Problem("E113", f"'{text}' is no `path=value`", "write it like `--set train.epochs=3`", place)
            )
            continue
        node, wrong = parse_yaml(value, place.file, lined=False)
        if wrong:
            quoted = f"quote the value: `--set {path}='\"{value}\"'`"
            problems.extend(dataclasses.replace(p, fix=quoted if p.code == "E106" else p.fix) for p in wrong)
            continue
        try:
            root = _put_mapping(root, keys, node or Scalar(place, ""), place, "")
        except _Unfit as error:
            problems.append(Problem("E113", error.args[0], error.args[1], place))
    return root, problems


def _put(node: Node, keys: list[str], value: Node, place: Place, path: str) -> Node:
    if not keys:
        return value
    match node:
        case Sequence():
            return _put_sequence(node, keys, value, place, path)
        case Mapping():
            return _put_mapping(node, keys, value, place, path)
        case Scalar(value=str()) if node.text:  # `task: forecast` is short for {type: forecast}
            return _put_mapping(Mapping(place, (Entry(node.place, "type", node),)), keys, value, place, path)
        case Scalar(value=None):
            return _put_mapping(Mapping(place, ()), keys, value, place, path)
    raise _Unfit(f"{path} is {describe(node)} and has no '{keys[0]}'", f"set {path} itself, or check the path")


def _put_mapping(node: Mapping, keys: list[str], value: Node, place: Place, path: str) -> Mapping:
    key, rest = keys[0], keys[1:]
    here = f"{path}.{key}" if path else key
    old = node.get(key)
    if old is None:
        new = Entry(place, key, _put(Mapping(place, ()), rest, value, place, here))
        return dataclasses.replace(node, entries=(*node.entries, new))
    new = Entry(old.place if rest else place, key, _put(old.node, rest, value, place, here))
    return dataclasses.replace(node, entries=tuple(new if entry is old else entry for entry in node.entries))


def _put_sequence(node: Sequence, keys: list[str], value: Node, place: Place, path: str) -> Sequence:
    count = len(node.items)
    if not (keys[0].isdecimal() and int(keys[0]) < count):
        choice = f"0 to {count - 1}" if count > 1 else "0" if count else "none: the list is empty"
        raise _Unfit(f"{path} is a list and has no entry '{keys[0]}'", f"entries count from 0: {choice}")
    index = int(keys[0])
    new = _put(node.items[index], keys[1:], value, place, f"{path}.{index}")
    return dataclasses.replace(node, items=(*node.items[:index], new, *node.items[index + 1 :]))

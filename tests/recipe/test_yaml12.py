"""Values by the core schema of YAML 1.2, positions, and bytes that are no recipe."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from seqhub.errors import RecipeError
from seqhub.plugins import Registry
from seqhub.recipe import load_recipe
from seqhub.recipe.dump import dump_yaml
from seqhub.recipe.nodes import Mapping, Scalar, Sequence, plain
from seqhub.recipe.yaml12 import LARGEST, parse_bytes, parse_yaml

VALUES = [
    ("1e-3", 0.001),
    ("1E3", 1000.0),
    ("-2.5e+3", -2500.0),
    (".5", 0.5),
    ("5.", 5.0),
    ("+7", 7),
    ("-7", -7),
    ("010", 10),
    ("0o10", 8),
    ("0x1F", 31),
    ("0", 0),
    ("-0.0", 0.0),
    (".inf", math.inf),
    ("-.INF", -math.inf),
    ("true", True),
    ("False", False),
    ("null", None),
    ("~", None),
    ("", None),
    ("Null", None),
    ("no", "no"),
    ("yes", "yes"),
    ("on", "on"),
    ("off", "off"),
    ("y", "y"),
    ("NO", "NO"),
    ("tRue", "tRue"),
    ("12:30:00", "12:30:00"),
    ("1:30", "1:30"),
    ("1_000", "1_000"),
    ("0b11", "0b11"),
    ("2024-01-31", "2024-01-31"),
    ("0o8", "0o8"),
    ("1e", "1e"),
    ("e5", "e5"),
    ("=", "="),
    ("'3'", "3"),
    ('"true"', "true"),
    ("'null'", "null"),
    ("1" * 5000, "1" * 5000),
]


@pytest.mark.parametrize(("text", "value"), VALUES, ids=[text[:10] or "empty" for text, _ in VALUES])
def test_values(text: str, value: object) -> None:
    root, problems = parse_yaml(f"a: {text}\n", "f")
    assert not problems
    assert root is not None
    found = plain(root)
    assert found == {"a": value}
    assert isinstance(found, dict)
    assert type(found["a"]) is type(value)


def test_nan() -> None:
    root, _ = parse_yaml("a: .nan", "f")
    assert isinstance(root, Mapping)
    assert math.isnan(root.entries[0].node.value)  # type: ignore[union-attr, arg-type]


def test_every_node_has_its_place() -> None:
    root, problems = parse_yaml("a: 1\nb:\n  - {c: x, d: [y, z]}\n", "f.yaml")
    assert not problems
    assert isinstance(root, Mapping)
    a, b = root.entries
    assert str(a.place) == "f.yaml:1:1"
    assert str(a.node.place) == "f.yaml:1:4"
    assert str(b.place) == "f.yaml:2:1"
    assert isinstance(b.node, Sequence)
    inner = b.node.items[0]
    assert isinstance(inner, Mapping)
    assert str(inner.place) == "f.yaml:3:5"
    d = inner.get("d")
    assert d is not None
    assert str(d.place) == "f.yaml:3:12"
    assert isinstance(d.node, Sequence)
    assert [str(item.place) for item in d.node.items] == ["f.yaml:3:16", "f.yaml:3:19"]
    assert d.place.text == "  - {c: x, d: [y, z]}"


def test_windows_line_ends_and_byte_order_mark_change_nothing() -> None:
    root, problems = parse_bytes("\ufeffa: 1\r\nb: no\r\n".encode(), "f")
    assert not problems
    assert isinstance(root, Mapping)
    assert plain(root) == {"a": 1, "b": "no"}
    assert root.entries[1].place.line == 2
    assert root.entries[1].place.text == "b: no"


@pytest.mark.parametrize(
    "value", ["1e-3", "no", "010", "0o10", "1_000", "12:30:00", "null", "", "~", "true", " x", "a: b"]
)
def test_strings_survive_writing(value: str) -> None:
    root, problems = parse_yaml(dump_yaml({"a": value, "b": [value]}), "f")
    assert not problems
    assert root is not None
    assert plain(root) == {"a": value, "b": [value]}


@pytest.mark.parametrize("value", [1e-5, 1e-3, 0.1, 1e22, 3, -7, True, None, [], {}, [1, [2.5, "x"]]])
def test_other_values_survive_writing(value: object) -> None:
    root, problems = parse_yaml(dump_yaml({"a": value}), "f")
    assert not problems
    assert root is not None
    assert plain(root) == {"a": value}


BYTES = [
    (b"", "E108", 1, 1, "seqhub recipes list"),
    (b"# only a comment\n", "E108", 1, 1, "empty"),
    (b"---\n...\n", "E108", 2, 1, "no mapping"),
    (b"- a\n- b\n", "E108", 1, 1, "no mapping"),
    (b"forecast\n", "E108", 1, 1, "no mapping"),
    (b"recipe: 1\nname: caf\xe9\n", "E109", 2, 10, "save the file as UTF-8"),
    ("recipe: 1\n".encode("utf-16"), "E109", 1, 1, "UTF-8"),
    (b"recipe: 1\nname: a\x00b\n", "E109", 2, 8, "U+0000"),
    (b"recipe: 1\nname: a\x07b\n", "E109", 2, 8, "U+0007"),
    (b"a: " + b"x" * LARGEST, "E110", 1, 1, "too large"),
    (b"a: " + b"[" * 60 + b"]" * 60, "E110", 1, 44, "nested deeper"),
    (b"? {a: 1}\n: 2\n", "E107", 1, 3, "a key is a word"),
    (b"%YAML 1.1\n---\na: 1\n", "E107", 1, 1, "directives"),
    (b"a: *b\n", "E107", 1, 4, "alias '*b'"),
    (b"@a: 1\n", "E106", 1, 1, "put the value in quotes"),
    (b"a: {b: 1\n", "E106", 2, 1, "not closed"),
    (b'a: "\\q"\n', "E106", 1, 6, "escape"),
    (b"a: 1\n b: 2\n", "E106", 2, 3, "indentation"),
]


@pytest.mark.parametrize(("data", "code", "line", "column", "says"), BYTES, ids=[f"{b[1]}-{b[4]}" for b in BYTES])
def test_bytes_that_are_no_recipe(
    data: bytes, code: str, line: int, column: int, says: str, registry: Registry, tmp_path: Path
) -> None:
    path = tmp_path / "r.yaml"
    path.write_bytes(data)
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, registry)
    problem = next(p for p in caught.value.problems if p.code not in ("E102", "E105"))
    assert problem.place is not None
    assert (problem.code, problem.place.line, problem.place.column) == (code, line, column), caught.value.render()
    assert says in f"{problem.message} | {problem.fix}"


@pytest.mark.parametrize("path", ["missing.yaml", ".", "a\0b", "no/such/folder/r.yaml"])
def test_files_that_cannot_be_read(path: str, registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot read the recipe") as caught:
        load_recipe(f"{tmp_path}/{path}", registry)
    assert caught.value.problems[0].code == "E100"


def test_deep_and_wide_texts_end_quickly(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("a: " + "[" * 100_000)
    with pytest.raises(RecipeError, match="nested deeper"):
        load_recipe(path, registry)


def test_scalars_keep_their_text() -> None:
    root, _ = parse_yaml("a: 1_000", "f")
    assert isinstance(root, Mapping)
    assert isinstance(root.entries[0].node, Scalar)
    assert root.entries[0].node.text == "1_000"

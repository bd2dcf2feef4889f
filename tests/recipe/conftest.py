"""The broken recipes of `broken.txt`, and the registry of this environment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from seqhub.plugins import Registry, load_registry

HERE = Path(__file__).parent
GOOD = (HERE / "good.yaml").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Expected:
    code: str
    line: int
    column: int
    says: str


@dataclass(frozen=True)
class Broken:
    title: str
    text: str
    expected: tuple[Expected, ...]
    schema: bool  # whether the JSON Schema refuses it too


def read_broken() -> list[Broken]:
    """Each case of `broken.txt`, applied to `good.yaml`."""
    parts = (HERE / "broken.txt").read_text(encoding="utf-8").split("\n=== ")[1:]
    return [_case(part.splitlines()) for part in parts]


def _case(lines: list[str]) -> Broken:
    out = [line[1:] for line in lines if line.startswith("-")]
    new = [line[1:] for line in lines if line.startswith("+")]
    recipe = GOOD.splitlines()
    for index, old in enumerate(out):
        assert recipe.count(old) == 1, f"{lines[0]}: {old!r} stands {recipe.count(old)} times in good.yaml"
        at = recipe.index(old)
        last = index == len(out) - 1
        recipe[at : at + 1] = new[index:] if last else new[index : index + 1]
    expected = []
    for line in lines:
        if found := re.fullmatch(r"! (\w+) (\d+):(\d+) (.*)", line):
            expected.append(Expected(found[1], int(found[2]), int(found[3]), found[4]))
    return Broken(lines[0], "\n".join(recipe) + "\n", tuple(expected), "@ schema" in lines)


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(params=read_broken(), ids=lambda case: case.title.replace(" ", "-"))
def broken(request: pytest.FixtureRequest) -> Broken:
    case: Broken = request.param
    return case

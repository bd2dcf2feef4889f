"""Whatever stands in the file, the answer is a recipe or a RecipeError whose problems have a place and a remedy."""

from __future__ import annotations

import random
from pathlib import Path

from seqhub.assembly.plan import check_recipe
from seqhub.errors import Problem, RecipeError
from seqhub.plugins import Registry

GOOD = (Path(__file__).parent / "good.yaml").read_text(encoding="utf-8")
SPICE = ["{", "}", "[", "]", ":", ": ", "- ", ",", "#", "&a ", "*a", "!!int ", "'", '"', "\t", "\n", "  ", "null", "-1"]
SPICE += [
    "1e999",
    "true",
    "?",
    "|",
    ">",
    "%",
    "@",
    "<<: ",
    "gru",
    "\u00e9",
    "\x00",
    "\u2028",
    "9" * 30,
    "type",
    "repeat: 3",
]


def mutated(rng: random.Random) -> str:
    text = GOOD
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(text))
        kind = rng.random()
        if kind < 0.4:
            text = text[:at] + rng.choice(SPICE) + text[at:]
        elif kind < 0.7:
            text = text[:at] + text[at + rng.randint(1, 12) :]
        else:
            lines = text.splitlines(keepends=True)
            rng.shuffle(lines) if rng.random() < 0.1 else lines.insert(rng.randrange(len(lines)), rng.choice(lines))
            text = "".join(lines)
    return text


def problems_of(path: Path, registry: Registry) -> tuple[Problem, ...]:
    try:
        check_recipe(path, registry)
    except RecipeError as error:
        error.render()
        return error.problems
    return ()


def test_no_text_ends_in_anything_but_a_recipe_or_its_problems(registry: Registry, tmp_path: Path) -> None:
    rng = random.Random(0)
    path = tmp_path / "r.yaml"
    refused = 0
    for _ in range(300):
        text = mutated(rng)
        path.write_bytes(text.encode())
        problems = problems_of(path, registry)
        refused += bool(problems)
        assert all(problem.place and problem.fix and problem.message for problem in problems), text
        places = [(problem.place.line, problem.place.column) for problem in problems if problem.place]
        assert places == sorted(places)
    assert refused > 200

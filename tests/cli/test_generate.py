"""`seqhub generate`: options, and what is printed when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import seqhub.runtime
from seqhub.cli import main
from seqhub.runtime.sampling import Sampling


class Writer:
    """Stands in for a bundle: remembers how it was asked."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def generate(self, prompt: str, **options: Any) -> Iterator[str]:
        self.asked = {"prompt": prompt, **options}
        return iter([" and", " so", " on"])


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Writer:
    found = Writer()
    monkeypatch.setattr(seqhub.runtime, "load", lambda path, precision=None: found)
    return found


def test_the_prompt_and_what_follows_it(writer, capsys):
    words = ["--prompt", "Once", "--tokens", "7", "--seed", "3", "--stop", "a", "--stop", "b", "--top-k", "5"]
    assert main(["generate", "bundle", *words]) == 0
    assert capsys.readouterr().out == "Once and so on\n"
    sampling = Sampling(1.0, 5, None)
    assert writer.asked == {"prompt": "Once", "tokens": 7, "sampling": sampling, "seed": 3, "stop": ["a", "b"]}


def test_as_json(writer, capsys):
    assert main(["generate", "bundle", "--temperature", "0.5", "--top-p", "0.9", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["prompt"], told["text"]) == ("", " and so on")
    assert writer.asked["sampling"] == Sampling(0.5, None, 0.9)


def test_greedy(writer):
    assert main(["generate", "bundle", "--greedy"]) == 0
    assert writer.asked["sampling"].temperature == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--greedy", "--top-k", "3"], "--greedy draws nothing, so --top-k has no effect"),
        (["--greedy", "--seed", "3"], "--greedy draws nothing, so --seed has no effect"),
        (["--seed", "-1"], "--seed is -1, expected 0 or more"),
        (["--top-p", "1.2"], "top_p is 1.2, expected 0 to 1"),
        (["--top-k", "0"], "top_k is 0, expected 1 or more"),
    ],
)
def test_options_that_cannot_be(writer, capsys, words, message):
    assert main(["generate", "bundle", *words]) == 2
    assert message in capsys.readouterr().err
    assert not writer.asked

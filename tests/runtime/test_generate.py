"""Writing on: with a stand-in for a model whose every next token is known."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seqhub.errors import BundleError
from seqhub.runtime.generate import generate
from seqhub.runtime.sampling import Sampling
from seqhub.text import Tokenizer
from seqhub.text.bpe import BytePairs
from seqhub.text.tokenizers import Bytes, Chars, Words

GREEDY = Sampling(temperature=0)


class Reciter:
    """Knows one text by heart: scores its next token highest. Its state is the number of tokens it has read."""

    def __init__(self, tokenizer: Tokenizer, text: str, start: str = "") -> None:
        tokenizer.fit([text], ("<unk>",))
        self.ids, self.size = tokenizer.encode(text), tokenizer.size
        task = {"type": "language-model", "tokenizer": tokenizer.as_dict(), "start": tokenizer.encode(start or text[0])}
        self.manifest = SimpleNamespace(task=task, name="reciter")
        self.runs: list[int] = []

    def run(self, x: np.ndarray, lengths: np.ndarray, state: Any) -> tuple[np.ndarray, np.ndarray, Any]:
        done = 0 if state is None else int(state["read"])
        assert x.shape == (1, int(lengths[0]), 1)
        assert x[0, :, 0].tolist() == self.ids[done : done + x.shape[1]]  # what was written comes back in, once
        done += x.shape[1]
        y = np.zeros((1, x.shape[1], self.size), np.float32)
        y[0, :, 0] = 9.0  # <unk> would be the likeliest of all
        y[0, -1, self.ids[done % len(self.ids)]] = 5.0
        self.runs.append(x.shape[1])
        return y, lengths, {"read": done}


TEXT = "Grüße an 東京 und 🙂 zurück, sagte sie. Ende gut!"


@pytest.mark.parametrize(
    "tokenizer", [Chars(), Bytes(), BytePairs(size=280), Words(pattern=r"\S+")], ids=["chars", "bytes", "bpe", "words"]
)
@pytest.mark.parametrize("prompt", ["Grüße an", "Grüße an 東京 und"])
def test_what_is_written_is_spelt_right_whatever_a_token_is(tokenizer, prompt):
    model = Reciter(tokenizer, TEXT)
    left = len(model.ids) - len(tokenizer.encode(prompt))
    pieces = list(generate(model, prompt, tokens=left, sampling=GREEDY))  # type: ignore[arg-type]
    assert prompt + "".join(pieces) == TEXT
    assert all(pieces)
    assert model.runs == [len(tokenizer.encode(prompt))] + [1] * (left - 1)  # the state is carried: no token twice


def test_bytes_that_are_no_character_come_out_in_the_end():
    tokenizer = Bytes()
    model = Reciter(tokenizer, "aé")
    assert "".join(generate(model, "a", tokens=1, sampling=GREEDY)) == "\N{REPLACEMENT CHARACTER}"  # type: ignore[arg-type]


def test_without_a_prompt_it_starts_where_the_bundle_says():
    model = Reciter(Chars(), "\nHello", start="\n")
    assert "".join(generate(model, tokens=5, sampling=GREEDY)) == "Hello"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        (("zur",), " an 東京 und 🙂 "),
        (("sie", "🙂"), " an 東京 und "),
        (("zurufen",), " an 東京 und 🙂 zurück, sagte sie. Ende gut!"),
        ((" an",), ""),
    ],
)
def test_the_text_ends_before_a_stop_text_and_never_shows_its_beginning(stop, expected):
    model = Reciter(Chars(), TEXT)
    pieces = list(generate(model, "Grüße", tokens=len(TEXT) - 5, sampling=GREEDY, stop=stop))  # type: ignore[arg-type]
    assert "".join(pieces) == expected


def test_no_tokens_no_text():
    assert list(generate(Reciter(Chars(), TEXT), "Grüße", tokens=0)) == []  # type: ignore[arg-type]


class Bigram:
    """Draws the next of three letters by a table of its own."""

    def __init__(self) -> None:
        tokenizer = Chars()
        tokenizer.fit(["abc"], ("<unk>",))
        self.table = np.log(
            np.array([[1, 1, 1, 1], [1e-9, 0.1, 0.2, 0.7], [1e-9, 0.6, 0.3, 0.1], [1e-9, 0.3, 0.3, 0.4]])
        )
        task = {"type": "language-model", "tokenizer": tokenizer.as_dict(), "start": [1]}
        self.manifest = SimpleNamespace(task=task, name="bigram")

    def run(self, x: np.ndarray, lengths: np.ndarray, state: Any) -> tuple[np.ndarray, np.ndarray, Any]:
        return self.table[x[..., 0]].astype(np.float32), lengths, {}


def test_a_seed_gives_the_same_text_and_the_text_has_the_models_frequencies():
    one, same, other = (
        "".join(generate(Bigram(), "a", tokens=4000, seed=seed))
        for seed in (1, 1, 2)  # type: ignore[arg-type]
    )
    assert one == same
    assert one != other
    pairs = Counter(pairwise(one))
    for first, shares in zip("abc", ((0.1, 0.2, 0.7), (0.6, 0.3, 0.1), (0.3, 0.3, 0.4)), strict=True):
        total = sum(pairs[first, second] for second in "abc")
        for second, share in zip("abc", shares, strict=True):
            sigma = (share * (1 - share) / total) ** 0.5
            assert abs(pairs[first, second] / total - share) < 4 * sigma


@pytest.mark.parametrize(
    ("options", "words"),
    [({"tokens": -1}, "tokens is -1"), ({"stop": ("a", "")}, "one of the stop texts is empty")],
)
def test_options_out_of_range(options, words):
    with pytest.raises(BundleError, match=words):
        generate(Bigram(), "a", **options)  # type: ignore[arg-type]


def test_another_task_writes_no_text():
    model = SimpleNamespace(manifest=SimpleNamespace(task={"type": "forecast"}, name="co2"))
    with pytest.raises(BundleError, match="is of task 'forecast', which writes no text"):
        generate(model, "a")  # type: ignore[arg-type]

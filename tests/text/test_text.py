"""Vocabulary and tokenisers: ids, specials, round trips, and what comes back out of JSON."""

from __future__ import annotations

import json

import pytest

from seqhub.errors import DataError
from seqhub.text import BEGIN, END, SPECIALS, UNKNOWN, Vocabulary, restore
from seqhub.text.bpe import BytePairs
from seqhub.text.tokenizers import Bytes, Chars, Words

TEXTS = ["Hello there, wörld!", "日本 語 の <s> text", "hello again hello"]
STRANGE = "zzz \u2202\n\tend "


def every_kind():
    return [
        Chars(),
        Chars(normalize="NFKC", lowercase=True, most=12),
        Words(),
        Words(pattern=r"\S+", least=2),
        Bytes(),
        BytePairs(size=300),
        BytePairs(size=290, lowercase=True),
    ]


def test_most_frequent_first_and_equal_ones_by_their_text():
    found = Vocabulary.of({"b": 2, "a": 2, "c": 5, "d": 1, END: 9}, (UNKNOWN, END), most=5, least=2)
    assert found.tokens == (UNKNOWN, END, "c", "a", "b")
    assert found.encode(["a", "d", END]) == [3, 0, 0]  # what looks like a special is not one
    assert found.decode([0, 1, 2, 3]) == ["c", "a"]
    assert Vocabulary.from_dict(json.loads(json.dumps(found.as_dict()))) == found


def test_most_counts_the_specials_and_never_drops_them():
    counts = dict.fromkeys("abcdef", 1)
    assert len(Vocabulary.of(counts, SPECIALS, most=6)) == 6
    assert Vocabulary.of(counts, SPECIALS, most=2).tokens == SPECIALS


def test_a_vocabulary_without_unknown_refuses():
    with pytest.raises(DataError, match="'x' is not in the vocabulary") as caught:
        Vocabulary(("a", "b")).encode(["x"])
    assert caught.value.problems[0].code == "E316"
    with pytest.raises(IndexError, match="outside the vocabulary"):
        Vocabulary(("a",)).decode([-1])


@pytest.mark.parametrize("tokenizer", every_kind(), ids=lambda t: t.kind)
@pytest.mark.parametrize("specials", [SPECIALS, (UNKNOWN,)], ids=["four", "one"])
def test_what_every_kind_keeps(tokenizer, specials):
    plain = tokenizer.fit(TEXTS, specials)
    assert plain == json.loads(json.dumps(plain))
    assert tokenizer.vocabulary.tokens[: len(specials)] == specials
    again = restore(json.loads(json.dumps(tokenizer.as_dict())))
    for text in (*TEXTS, STRANGE, ""):
        ids = tokenizer.encode(text)
        assert all(0 <= i < tokenizer.size for i in ids)
        assert len(ids) == len(tokenizer.pieces(text))
        assert again.encode(text) == ids
        assert again.decode(ids) == tokenizer.decode(ids)
        assert tokenizer.decode([*ids, *range(len(specials))]) == tokenizer.decode(ids)  # specials are no text
        assert tokenizer.decode(tokenizer.encode(tokenizer.decode(ids))) == tokenizer.decode(ids)


@pytest.mark.parametrize("tokenizer", [Bytes(), BytePairs(size=300)], ids=lambda t: t.kind)
def test_bytes_lose_nothing(tokenizer):
    tokenizer.fit(TEXTS, SPECIALS)
    for text in (*TEXTS, STRANGE):
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_bytes_are_numbered_as_they_are():
    tokenizer = Bytes()
    tokenizer.fit([], (BEGIN,))
    assert tokenizer.encode("aé") == [1 + 0x61, 1 + 0xC3, 1 + 0xA9]
    assert tokenizer.decode([1 + 0xC3]) == "\ufffd"  # half a character


def test_words_and_signs():
    tokenizer = Words(lowercase=True)
    tokenizer.fit(["Don't stop."], SPECIALS)
    assert tokenizer.pieces("Don't  STOP.") == ["don", "'", "t", "stop", "."]
    assert tokenizer.decode(tokenizer.encode("Stop don!")) == "stop don"


def test_byte_pairs_merge_what_is_frequent():
    tokenizer = BytePairs(size=270)
    tokenizer.fit(["low lower lowest low low"] * 4, SPECIALS)
    assert tokenizer.size <= 270
    assert tokenizer.pieces("low")[0] == "low"


def test_a_foreign_kind_is_refused():
    with pytest.raises(DataError, match="'acme/syllables'") as caught:
        restore({"type": "acme/syllables", "options": {}, "vocabulary": {}})
    assert caught.value.problems[0].code == "E317"

"""Bad data sets of the Hugging Face Hub, and bad folders that `save_to_disk` wrote."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.data.bad import CLASSIFY, EMBEDDED, FORECAST, TRANSLATOR, Bad, check_one_clear_error, recipe
from tests.data.hub_folders import dataset, reviews, save, sentences, sequences

TEXTS = "{type: text-classify, tokens: words}"
HUB = "{source: {type: hugging-face, path: set%s}%s}"
KINDS = {
    "reviews": recipe(TEXTS, HUB % ("", ""), EMBEDDED),
    "one split": recipe(TEXTS, HUB % (", splits: [train]", ""), EMBEDDED),
    "no slice": recipe(TEXTS, HUB % (', splits: ["train[a:]"]', ""), EMBEDDED),
    "no rows": recipe(TEXTS, HUB % (', splits: ["train[:0%]"]', ""), EMBEDDED),
    "another column": recipe(TEXTS, HUB % ("", ", text: txt"), EMBEDDED),
    "a revision": recipe(TEXTS, HUB % (", revision: v1", ""), EMBEDDED),
    "far folder": recipe(TEXTS, "{source: {type: hugging-face, path: ../sets/one/two}}", EMBEDDED),
    "sentences": recipe("{type: tag}", HUB % (", words: words, tags: tags", ""), EMBEDDED),
    "words of text": recipe("{type: tag}", HUB % (", words: text, tags: label", ""), EMBEDDED),
    "pairs": recipe(
        "{type: translate, source: words, target: words}",
        HUB % (", splits: [train]", ", source_text: pair.en, target_text: pair.fr"),
        TRANSLATOR,
    ),
    "rows": recipe(FORECAST, HUB % (", splits: [train]", ", target: [y]")),
    "rows of three": recipe(FORECAST, HUB % ("", ", target: [y]")),
    "steps": recipe(CLASSIFY, HUB % (", steps: [a, b], label: label", "")),
    "running": recipe(
        "{type: language-model, tokens: chars, bptt: 8}", HUB % (", splits: [train], running: label", "")
    ),
}


class BadSet(NamedTuple):
    """make: writes the data set where it is told to, or None: there is none."""

    kind: str
    make: Callable[[Path], Any] | None
    code: str
    words: tuple[str, ...]


def three(make: Callable[[int], Any], **others: Callable[[], Any]) -> Callable[[Path], Any]:
    """A data set of three splits, some of them others than `make` makes."""

    def write(folder: Path) -> None:
        sizes = {"train": 40, "validation": 10, "test": 10}
        save(folder, **{split: others[split]() if split in others else make(rows) for split, rows in sizes.items()})

    return write


def one(make: Callable[[], Any]) -> Callable[[Path], Any]:
    return lambda folder: save(folder, whole=make())


def damaged(folder: Path) -> None:
    save(folder, whole=reviews(40))
    next(folder.glob("*.arrow")).write_bytes(b"junk")


def numbers(cells: list[Any]) -> Callable[[], Any]:
    return lambda: dataset(y=(cells, None))


def pairs() -> Any:
    import datasets

    both = datasets.Translation(languages=["en", "fr"])
    return dataset(pair=([{"en": f"one {i}", "fr": "" if i == 7 else f"un {i}"} for i in range(40)], both))


TABLE = {
    "hugging-face: no folder": BadSet("far folder", None, "E301", ("no folder ../sets/one/two", "looked for")),
    "hugging-face: nowhere": BadSet("reviews", None, "E320", ("set is no folder here", "check path, name and rev")),
    "hugging-face: another folder": BadSet(
        "reviews", lambda folder: folder.mkdir(), "E300", ("set cannot be read", "save_to_disk wrote")
    ),
    "hugging-face: damaged": BadSet("one split", damaged, "E300", ("set cannot be read as what save_to_disk",)),
    "hugging-face: unknown split": BadSet(
        "reviews", one(lambda: reviews(40)), "E320", ("set has no split 'validation'", "splits: train;", "splits")
    ),
    "hugging-face: no slice": BadSet("no slice", one(lambda: reviews(40)), "E320", ("'train[a:]' is no slice",)),
    "hugging-face: a split without rows": BadSet(
        "reviews",
        three(reviews, test=lambda: reviews(40).select([])),
        "E300",
        ("what save_to_disk writes", "a split without rows"),
    ),
    "hugging-face: a slice without rows": BadSet(
        "no rows", one(lambda: reviews(40)), "E303", ("the split 'train[:0%]' has no rows",)
    ),
    "hugging-face: a revision of a folder": BadSet("a revision", three(reviews), "E312", ("remove data.source.rev",)),
    "hugging-face: missing column": BadSet("another column", three(reviews), "E307", ("no column 'txt'", "text")),
    "hugging-face: empty text": BadSet(
        "reviews",
        three(reviews, validation=lambda: reviews(2, texts=["fine", " "])),
        "E309",
        ("set valid row 2, column 'text': the cell is empty",),
    ),
    "hugging-face: no label": BadSet(
        "reviews",
        three(reviews, test=lambda: reviews(3, labels=[0, 1, -1])),
        "E309",
        ("set test row 3, column 'label': the cell is empty",),
    ),
    "hugging-face: label never seen": BadSet(
        "reviews",
        three(lambda rows: reviews(rows), train=lambda: reviews(40, labels=[0] * 40)),
        "E313",
        ("set valid item 2: the label 'good' of valid never occurs in train",),
    ),
    "hugging-face: splits of two types": BadSet(
        "reviews",
        three(reviews, test=lambda: dataset(text=(["a", "b"], None), label=(["bad", "good"], None))),
        "E314",
        ("column 'label' holds string in test, ",),
    ),
    "hugging-face: text for lists": BadSet(
        "words of text", three(reviews), "E308", ("column 'text' holds string, not lists of words",)
    ),
    "hugging-face: words without tags": BadSet(
        "sentences",
        three(sentences, test=lambda: sentences(2, [[0, 1, 2], [0, 1]])),
        "E306",
        ("set test item 2: 3 words, but 2 tags",),
    ),
    "hugging-face: a tag without a name": BadSet(
        "sentences",
        three(sentences, validation=lambda: sentences(1, [[0, -1, 2]])),
        "E313",
        ("set valid item 1: the word 'dog0' has the tag -1",),
    ),
    "hugging-face: empty target": BadSet("pairs", one(pairs), "E309", ("row 8, column 'pair.fr': the cell is empty",)),
    "hugging-face: text for numbers": BadSet(
        "rows", one(numbers(["one", "two"] * 20)), "E308", ("row 1, column 'y': 'one' is not a number",)
    ),
    "hugging-face: infinite": BadSet(
        "rows", one(numbers([1.0] * 8 + [float("inf")] + [2.0] * 30)), "E309", ("row 9, column 'y': the value is inf",)
    ),
    "hugging-face: too short": BadSet("rows", one(numbers([1.0, 2.0])), "E311", ("set has 2 rows",)),
    "hugging-face: splits of a series": BadSet(
        "rows of three", three(lambda rows: numbers([1.0, 2.0] * rows)()), "E312", ("set has splits of its own",)
    ),
    "hugging-face: ragged steps": BadSet(
        "steps",
        three(sequences, test=lambda: dataset(**columns_of_two_lengths())),
        "E306",
        ("set, test sequence 1: a row needs as many steps", "2 in 'a', 1 in 'b'"),
    ),
    "hugging-face: numbers for a running text": BadSet("running", one(lambda: reviews(40)), "E308", ("not text",)),
}


def columns_of_two_lengths() -> dict[str, tuple[list[Any], Any]]:
    import datasets

    return {
        "a": ([[1.0, 2.0]], None),
        "b": ([[1.0]], None),
        "label": ([0], datasets.ClassLabel(names=["bad", "good"])),
    }


@pytest.mark.parametrize("case", TABLE)
def test_a_bad_data_set_is_one_clear_error(case, tmp_path, capsys, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    bad = TABLE[case]
    if bad.make is not None:
        bad.make(tmp_path / "set")
    check_one_clear_error(Bad(bad.kind, {}, bad.code, None, bad.words), KINDS, tmp_path, capsys)


def test_without_the_library_an_error_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    case = Bad("reviews", {}, "E004", None, ("needs the library `datasets`", "pip install 'seqhub[hub]'"))
    check_one_clear_error(case, KINDS, tmp_path, capsys)

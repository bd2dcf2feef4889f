"""Data sets of the Hugging Face Hub: columns as each task needs them, in memory only what is asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from seqhub.cli import main
from seqhub.data.columns import numbers, texts
from seqhub.data.configs_hub import HuggingFaceConfig
from seqhub.data.document import Document
from seqhub.data.hugging_face import HuggingFaceSource
from seqhub.data.table import Sequences, Table
from seqhub.data.texts import Sentences
from tests.data.bad import EMBEDDED, recipe
from tests.data.hub_folders import dataset, reviews, save, sentences, sequences


def read(folder: Path, **options: Any) -> Any:
    return HuggingFaceSource(HuggingFaceConfig(path=folder.name, **options), folder.parent).read()


def test_a_table_of_three_splits_with_labels_by_name(tmp_path):
    found = read(save(tmp_path / "set", train=reviews(4), validation=reviews(2), test=reviews(3)))
    assert isinstance(found, Table)
    assert found.splits == {"train": range(4), "valid": range(4, 6), "test": range(6, 9)}
    assert found.rows == 9
    assert list(found.columns) == ["text", "label"]
    assert texts(found, "label") == ["bad", "good"] * 2 + ["bad", "good"] + ["bad", "good", "bad"]
    assert texts(found, "text")[6:] == ["a bad day 0", "a good day 1", "a bad day 2"]
    assert found.line(7) == "test row 2"


def test_slices_and_sums_are_splits(tmp_path):
    folder = save(tmp_path / "set", train=reviews(10), extra=reviews(3))
    found = read(folder, splits=("train[:6]+extra", "train[60%:80%]", "train[-2:]"))
    assert texts(found, "text") == [
        *(f"a {'good' if i % 2 else 'bad'} day {i}" for i in (0, 1, 2, 3, 4, 5, 0, 1, 2, 6, 7, 8, 9))
    ]
    assert found.splits == {"train": range(9), "valid": range(9, 11), "test": range(11, 13)}
    one = read(folder, splits=("extra",))
    assert (one.rows, one.splits) == (3, None)


def test_words_and_tags_are_sentences(tmp_path):
    found = read(
        save(tmp_path / "set", train=sentences(3), validation=sentences(1), test=sentences(2)),
        words="words",
        tags="tags",
    )
    assert isinstance(found, Sentences)
    assert found.words[4] == ["a", "dog0", "barks"]
    assert set(map(tuple, found.tags)) == {("DET", "NOUN", "VERB")}
    assert found.splits == {"train": range(3), "valid": range(3, 4), "test": range(4, 6)}


def test_lists_of_numbers_are_sequences(tmp_path):
    found = read(
        save(tmp_path / "set", train=sequences(3), validation=sequences(2), test=sequences(2)),
        steps=("b", "a"),
        label="label",
    )
    assert isinstance(found, Sequences)
    assert (found.features, list(found.labels[:3])) == (("b", "a"), ["bad", "good", "bad"])
    np.testing.assert_array_equal(found.items[1], np.stack([np.arange(6.0, 0, -1), np.arange(1.0, 7)], axis=1))


def test_a_column_is_a_running_text_and_its_key_changes_with_it(tmp_path):
    lines = [f"line {i}\n" if i % 2 else f"line {i}" for i in range(2500)]
    found = read(
        save(tmp_path / "set", whole=dataset(said=([*lines, None, ""], None))), splits=("train",), running="said"
    )
    assert isinstance(found, Document)
    assert "".join(found.pieces()) == "".join(f"line {i}\n" for i in range(2500))
    other = read(save(tmp_path / "other", whole=dataset(said=(lines[1:], None))), splits=("train",), running="said")
    same = read(save(tmp_path / "same", whole=dataset(said=(lines, None))), splits=("train",), running="said")
    assert other.fingerprint() != found.fingerprint() == same.fingerprint()


def test_only_columns_that_are_asked_for_leave_the_disk(tmp_path):
    rows = 200_000
    big = dataset(y=(np.arange(rows, dtype=np.float64), None), other=(["x" * 40] * rows, None))
    folder = save(tmp_path / "set", whole=big)
    del big
    before = pa.total_allocated_bytes()
    found = read(folder, splits=("train",))
    assert found.rows == rows
    assert found.columns["other"].nbytes > 8_000_000
    assert pa.total_allocated_bytes() - before < 100_000  # mapped, not read
    np.testing.assert_array_equal(numbers(found, "y"), np.arange(rows))


@pytest.mark.parametrize("where", ["hub", "files"])
def test_a_name_on_the_hub_and_a_folder_of_files_go_to_the_library(tmp_path, monkeypatch, where):
    """With all that names a version of the data, and nothing that would run code."""
    import datasets

    asked: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def load(*names: Any, **options: Any) -> Any:
        asked.append((names, options))
        return datasets.DatasetDict(train=reviews(4))

    monkeypatch.setattr(datasets, "load_dataset", load)
    path = "someone/set"
    if where == "files":
        (tmp_path / "set").mkdir()
        (tmp_path / "set" / "train.csv").write_text("text,label\nfine,good\n")
        path = "set"
    config = HuggingFaceConfig(path=path, name="plain", revision="abc", splits=("train",))
    found: Any = HuggingFaceSource(config, tmp_path).read()
    assert found.rows == 4
    named = str(tmp_path / "set") if where == "files" else path
    assert asked == [((named, "plain"), {"revision": "abc", "keep_in_memory": False})]


def test_reviews_of_three_splits_are_told_apart(tmp_path, capsys):
    save(tmp_path / "set", train=reviews(40), validation=reviews(10), test=reviews(12))
    text = recipe("{type: text-classify, tokens: words}", "{source: {type: hugging-face, path: set}}", EMBEDDED)
    (tmp_path / "recipe.yaml").write_text(text)
    assert main(["data", str(tmp_path / "recipe.yaml"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(row["split"], row["texts"]) for row in found["splits"]] == [
        ("train", 40),
        ("valid", 10),
        ("test", 12),
    ]


def test_parts_of_a_structure_are_columns(tmp_path):
    import datasets

    both = datasets.Translation(languages=["en", "fr"])
    save(tmp_path / "set", whole=dataset(pair=([{"en": f"one {i}", "fr": f"un {i}"} for i in range(40)], both)))
    found = read(tmp_path / "set", splits=("train",))
    assert list(found.columns) == ["pair.en", "pair.fr"]
    assert texts(found, "pair.fr")[7] == "un 7"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"splits": ("train", "test")}, "names 2, expected one or three"),
        ({"words": "words"}, "words without tags"),
        ({"steps": ("a",)}, "label is not given"),
        ({"label": "label"}, "steps is not given"),
        ({"running": "text"}, "cut by position"),
        ({"running": "text", "words": "w", "tags": "t", "splits": ("train",)}, "different things of a row"),
    ],
)
def test_options_that_contradict_each_other(options, said):
    found = HuggingFaceConfig(path="set", **options).problems(0)
    assert len(found) == 1
    assert said in found[0][1]


def test_the_library_is_imported_on_reading_alone():
    code = "import sys, seqhub.data.hugging_face, seqhub.data.hub; sys.exit('datasets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

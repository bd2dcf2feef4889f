"""Classification of texts: vocabulary of train alone, folds, weights, calibration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from seqhub.data.batch import Batch
from seqhub.data.configs import BuiltinConfig, CsvConfig
from seqhub.data.configs_text import JsonlConfig
from seqhub.data.csv_file import CsvSource
from seqhub.data.jsonl_file import JsonlSource
from seqhub.data.texts import Texts
from seqhub.errors import DataError
from seqhub.tasks.classify_scores import ClassifyScores
from seqhub.tasks.configs import Split
from seqhub.tasks.configs_text import TextClassifyConfig, TextClassifyData
from seqhub.tasks.text_classify import TextClassify

GOOD, BAD = ("fine", "great", "lovely", "superb"), ("poor", "awful", "sad", "bleak")


class Given:
    """A source of texts that are given."""

    def __init__(self, texts: list[str], labels: list[str], splits: dict[str, range] | None = None) -> None:
        self.found = Texts(texts, labels, "given", splits)

    def read(self) -> Texts:
        return self.found


def reviews(count: int = 60) -> Given:
    draw = np.random.default_rng(0)
    words = [GOOD if i % 3 else BAD for i in range(count)]
    texts = [f"a {draw.choice(kind)} film number{i}" for i, kind in enumerate(words)]
    return Given(texts, ["yes" if kind is GOOD else "no" for kind in words])


def make(source: object | None = None, data: TextClassifyData | None = None, **options: object) -> TextClassify:
    config = TextClassifyConfig(**{"tokens": "words", **options})  # type: ignore[arg-type]
    task = TextClassify(config, data or TextClassifyData(), source or reviews(), 3)  # type: ignore[arg-type]
    task.prepare()
    return task


def whole(task: TextClassify, split: str) -> Batch:
    items = task.dataset(split)
    return task.collate([items[i] for i in range(len(items))])


def test_the_vocabulary_is_that_of_train():
    task = make()
    tokens = set(task.labelled.tokenizer.vocabulary.tokens)
    for split in ("train", "test"):
        numbers = {f"number{i}" for i in task.labelled.splits[split]}
        assert (numbers <= tokens) == (split == "train")
        assert bool(numbers & tokens) == (split == "train")
    assert task.ends.output_names == ("no", "yes")
    item = task.dataset("test")[0]
    member = int(task.labelled.splits["test"][0])
    assert item.x[:, 0].tolist() == task.labelled.tokenizer.encode(task.labelled.texts.texts[member])


def test_long_texts_are_cut_in_training_only():
    task = make(longest=2)
    assert whole(task, "train").lengths.tolist() == [2] * len(task.dataset("train"))
    assert whole(task, "test").lengths.tolist() == [4] * len(task.dataset("test"))


def test_folds_part_the_texts_and_every_label_in_them():
    parts = [make(data=TextClassifyData(folds=5, fold=fold)).labelled for fold in range(5)]
    tests = [set(part.splits["test"].tolist()) for part in parts]
    assert sorted(i for test in tests for i in test) == list(range(60))
    for part, test in zip(parts, tests, strict=True):
        rest = {i for split in ("train", "valid") for i in part.splits[split].tolist()}
        assert rest | test == set(range(60))
        assert not rest & test
        assert sorted(np.bincount(part.classes[sorted(test)]).tolist()) == [4, 8]
    assert TextClassifyData(folds=3, fold=3).problems(0)[0][0] == "fold"


def test_balanced_weights_let_each_label_weigh_the_same():
    task = make(class_weights="balanced")
    batch = whole(task, "train")
    counts = np.bincount(batch.target)
    total, weight = task.loss(torch.zeros(len(batch.lengths), 4, 2), batch.lengths, batch)
    assert float(weight) == pytest.approx(len(batch.lengths), rel=1e-6)
    assert float(total / weight) == pytest.approx(np.log(2), rel=1e-6)
    y = torch.zeros(len(batch.lengths), 4, 2)
    y[..., 1] = 1.0  # leans to `yes`
    total, weight = task.loss(y, batch.lengths, batch)
    each = functional.cross_entropy(y[:, -1], batch.target, reduction="none")
    means = [float(each[batch.target == label].mean()) for label in range(2)]
    assert counts[0] != counts[1]
    assert float(total / weight) == pytest.approx(np.mean(means), rel=1e-6)


def test_tokens_that_occur_once_are_hidden_in_training():
    task = make(unknown=1.0)

    class Recorder(torch.nn.Module):
        def forward(self, x, lengths, state):  # type: ignore[no-untyped-def]
            self.x = x
            return torch.zeros(*x.shape[:2], 2), lengths, state

    model, batch = Recorder(), whole(task, "train")
    task.run(model, batch, {})  # type: ignore[arg-type]
    unknown = task.labelled.tokenizer.vocabulary.id("<unk>")
    assert (model.x[:, 3, 0] == unknown).all()  # the number of each film
    assert torch.equal(model.x[:, 0], batch.x[:, 0])
    model.eval()
    task.run(model, batch, {})  # type: ignore[arg-type]
    assert torch.equal(model.x, batch.x)


@pytest.mark.parametrize("size", [1, 7, 300])
def test_calibration_error_by_its_definition(size):
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(300, 3, generator=draw) * 2
    truth = torch.randint(0, 3, (300,), generator=draw)
    scores = ClassifyScores(3)
    for first in range(0, 300, size):
        rows = torch.arange(first, min(first + size, 300))
        scores.update(logits[rows], Batch(torch.zeros(0), rows, truth[rows], rows, rows))
    sure, guess = logits.softmax(dim=1).max(dim=1)
    bins = (sure * 15).ceil().long()
    gaps = [
        float((sure[bins == b].mean() - (guess == truth)[bins == b].float().mean()).abs()) * int((bins == b).sum())
        for b in bins.unique()
    ]
    assert scores.compute()["ece"] == pytest.approx(sum(gaps) / 300, abs=1e-5)


def test_baselines():
    scores = make().baselines("test")
    assert scores["majority"]["accuracy"] == pytest.approx(2 / 3, abs=0.01)
    assert scores["bag-of-words"]["accuracy"] == 1


def test_two_columns_of_a_table(tmp_path):
    rows = [f"{'fine' if i % 2 else 'bad'} thing,{i % 2}" for i in range(20)]
    (tmp_path / "a.csv").write_text("review,stars\n" + "\n".join(rows) + "\n")
    data = TextClassifyData(text="review", label="stars")
    task = make(CsvSource(CsvConfig(path="a.csv"), tmp_path), data)
    assert task.ends.output_names == ("0", "1")
    assert task.manifest()["text"] == "review"
    (tmp_path / "a.jsonl").write_text(
        "".join(f'{{"text": "{"fine" if i % 2 else "bad"}", "label": {i % 2}}}\n' for i in range(20))
    )
    assert make(JsonlSource(JsonlConfig(path="a.jsonl"), tmp_path)).ends.output_names == ("0", "1")
    with pytest.raises(DataError, match="has no column 'text'"):
        make(CsvSource(CsvConfig(path="a.csv"), tmp_path))
    (tmp_path / "a.csv").write_text(
        "text,label\n" + "\n".join([*(f"word,{i % 2}" for i in range(20)), "\u00b7 ,1"]) + "\n"
    )
    with pytest.raises(DataError, match=r"a.csv line 22: the text '·' has no token") as caught:
        make(CsvSource(CsvConfig(path="a.csv"), tmp_path), tokens=_letters_only())
    assert caught.value.problems[0].code == "E318"


def _letters_only() -> object:
    """The tokeniser `words` with another pattern, as a recipe names it."""
    from seqhub.api import Use
    from seqhub.text.specs import WordsConfig, seqhub_register_tokenizers

    spec = next(spec for spec in seqhub_register_tokenizers() if spec.name == "words")
    return Use(spec, WordsConfig(pattern=r"\w+"), "seqhub", "0")


@pytest.mark.parametrize(
    ("labels", "splits", "message"),
    [
        (["a"] * 20, None, "every text has the label 'a'"),
        (["a", "b"], None, "has 2 items, none of them for"),
        (
            ["a", "b", "a", "c"],
            {"train": range(0, 2), "valid": range(2, 3), "test": range(3, 4)},
            "given test item 1: the label 'c' of test never occurs in train",
        ),
    ],
)
def test_texts_that_teach_nothing(labels, splits, message):
    with pytest.raises(DataError, match=message):
        make(Given(["some words"] * len(labels), labels, splits))


def test_a_source_of_something_else_is_refused():
    from seqhub.data.builtin import DigitsSource

    with pytest.raises(DataError, match="text-classify needs texts with labels"):
        make(DigitsSource(BuiltinConfig(), Path()))


def test_the_report():
    report = make(Given(["same words here"] * 30, ["a", "b"] * 15), TextClassifyData(split=Split())).describe()
    assert any("texts of test are in train as well" in warning for warning in report["warnings"])
    assert {row["label"] for row in report["labels"]} == {"a", "b"}

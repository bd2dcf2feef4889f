"""Classification, by scikit-learn's numbers and by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score
from torch.nn import functional

from seqhub.data.batch import Batch
from seqhub.data.builtin import DigitsSource
from seqhub.data.configs import BuiltinConfig, CsvConfig
from seqhub.data.csv_file import CsvSource
from seqhub.data.table import Sequences, Source
from seqhub.errors import DataError
from seqhub.tasks.classify import Classify
from seqhub.tasks.classify_scores import ClassifyScores
from seqhub.tasks.configs_classify import ClassifyConfig, ClassifyData


class Given:
    """A source of sequences that are given."""

    def __init__(self, items: list[Any], labels: list[str]) -> None:
        self.items, self.labels = items, labels

    def read(self) -> Sequences:
        return Sequences([np.asarray(item, dtype=float) for item in self.items], self.labels, ("a", "b"), "given")


def make(source: Source, seed: int = 0, pool: str = "last", label_smoothing: float = 0.0, **data: Any) -> Classify:
    task = Classify(ClassifyConfig(pool=pool, label_smoothing=label_smoothing), ClassifyData(**data), source, seed)  # type: ignore[arg-type]
    task.prepare()
    return task


def digits(**options: Any) -> Classify:
    return make(DigitsSource(BuiltinConfig(), Path()), **options)


def whole(task: Classify, split: str) -> Batch:
    items = task.dataset(split)
    return task.collate([items[i] for i in range(len(items))])


def test_digits_with_rows_cut_at_random():
    task = digits(crop=4, seed=7)
    sizes = {name: len(task.dataset(name)) for name in ("train", "valid", "test")}
    assert sizes == {"train": 1259, "valid": 179, "test": 359}
    train = whole(task, "train")
    assert train.x.shape == (1259, 8, 8)
    assert set(train.lengths.tolist()) == {4, 5, 6, 7, 8}
    original = DigitsSource(BuiltinConfig(), Path()).read()
    for split in sizes:
        batch = whole(task, split)
        for index, member in enumerate(task.labelled.splits[split][:20].tolist()):
            length = int(batch.lengths[index])
            np.testing.assert_array_equal(batch.x[index, :length].numpy(), original.items[member][:length])
            assert original.labels[member] == task.labelled.labels[int(batch.target[index])]


def test_items_are_the_same_each_time_and_change_with_the_seed():
    a, b, c = (whole(digits(crop=4, seed=seed), "test") for seed in (7, 7, 8))
    assert torch.equal(a.x, b.x)
    assert torch.equal(a.lengths, b.lengths)
    assert a.lengths.tolist() != c.lengths.tolist()


def test_scalers_see_train_only():
    task = digits(crop=4)
    batch = whole(task, "train")
    steps = torch.cat([row[:length] for row, length in zip(batch.x, batch.lengths, strict=True)]).double().numpy()
    np.testing.assert_allclose(task.ends.input_shift, steps.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(task.ends.input_scale, steps.std(axis=0), rtol=1e-6)
    assert (task.ends.outputs, task.ends.output_names) == ((10,), tuple("0123456789"))


def test_loss_and_answer_take_the_last_valid_step():
    task = digits(crop=4, pool="mean", label_smoothing=0.1)
    assert task.ends.pool == "mean"
    batch = whole(task, "valid")
    y = torch.randn(179, 8, 10, generator=torch.Generator().manual_seed(0))
    last = torch.stack([row[length - 1] for row, length in zip(y, batch.lengths, strict=True)])
    assert torch.equal(task.answer(y, batch.lengths, batch), last)
    total, count = task.loss(y, batch.lengths, batch)
    assert count == 179
    assert total / count == pytest.approx(float(functional.cross_entropy(last, batch.target, label_smoothing=0.1)))


@pytest.mark.parametrize("size", [1, 7, 64])
def test_scores_equal_scikit_learn_for_any_batch_size(size):
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 4, 100)  # label 4 never occurs
    logits = torch.from_numpy(draw.normal(size=(100, 5))).float()
    logits[:, 4] -= 100
    scores = ClassifyScores(5)
    for first in range(0, 100, size):
        rows = torch.arange(first, min(first + size, 100))
        scores.update(logits[rows], Batch(torch.zeros(0), rows, torch.from_numpy(truth)[rows], rows, rows))
    guess = logits.argmax(dim=1).numpy()
    sure, right = logits.softmax(dim=1).numpy().max(axis=1), guess == truth
    bins = np.clip(np.ceil(sure * 15), 1, 15)
    gaps = [abs(sure[bins == i].mean() - right[bins == i].mean()) * (bins == i).mean() for i in set(bins)]
    expected = {"accuracy": accuracy_score(truth, guess), "macro_f1": f1_score(truth, guess, average="macro")}
    assert scores.compute() == pytest.approx({**expected, "ece": sum(gaps)}, rel=1e-5)


def test_baselines():
    task = digits()
    scores = task.baselines("test")
    assert scores["majority"]["accuracy"] == pytest.approx(0.1, abs=0.01)
    assert 0.5 < scores["linear-on-means"]["accuracy"] < 0.8
    assert scores["linear-on-means"]["macro_f1"] == pytest.approx(scores["linear-on-means"]["accuracy"], abs=0.03)


def test_labels_may_be_named_in_an_order_of_ones_own():
    source = Given([[[i, 1]] * 3 for i in range(20)], ["yes", "no"] * 10)
    assert make(source).ends.output_names == ("no", "yes")
    task = make(source, labels=("yes", "no", "perhaps"))
    assert task.ends.output_names == ("yes", "no", "perhaps")
    assert task.manifest()["labels"] == ["yes", "no", "perhaps"]
    assert any("label 'perhaps' does not occur in train" in warning for warning in task.describe()["warnings"])
    with pytest.raises(DataError, match=r"sequence 2 has label 'no', which data.labels does not name"):
        make(source, labels=("yes", "nope"))


def test_numbers_are_sorted_as_numbers():
    source = Given([[[i, 1]] * 3 for i in range(30)], ["10", "2", "x"] * 10)
    assert make(source).ends.output_names == ("2", "10", "x")


@pytest.mark.parametrize(
    ("items", "labels", "words"),
    [
        ([[[1, np.nan]], [[1, 2]]] * 5, ["a", "b"] * 5, "sequence 1, step 1, feature 'b': the value is nan"),
        ([[[1, 2]]] * 20, ["a"] * 20, "every sequence has the label 'a'"),
        ([[[1, 2]], [[3, 4]]], ["a", "b"], "has 2 items, none of them for"),
    ],
)
def test_broken_sequences(items, labels, words):
    with pytest.raises(DataError, match=words):
        make(Given(items, labels))


def test_options_that_name_columns_are_refused_where_there_are_none():
    with pytest.raises(DataError, match=r"data.sequence is for tables, but source digits(?s:.*)remove data.sequence"):
        digits(sequence="id")


def test_copies_across_splits_are_reported():
    items = [[[i % 5, 1], [2, i % 5]] for i in range(40)]
    report = make(Given(items, ["a", "b"] * 20)).describe()
    assert sum("in train as well, value for value" in warning for warning in report["warnings"]) == 2


# -- rows of a table ---------------------------------------------------------------------------------------------------

ROWS = ["id,t,label,a,b"]
for _i in range(12):
    ROWS += [f"s{_i},{t},{'up' if _i % 2 else 'down'},{t if _i % 2 else -t},{_i}" for t in range(3 + _i % 3)]


def table(folder: Path, rows: list[str] = ROWS, **data: Any) -> Classify:
    (folder / "f.csv").write_text("\n".join(rows) + "\n")
    return make(CsvSource(CsvConfig(path="f.csv"), folder), **{"sequence": "id", "label": "label", "time": "t", **data})


def test_rows_of_one_id_are_a_sequence(tmp_path):
    task = table(tmp_path)
    assert [len(item) for item in task.labelled.items] == [3, 4, 5] * 4
    np.testing.assert_array_equal(task.labelled.items[1], [[0, 1], [1, 1], [2, 1], [3, 1]])
    assert task.ends.features == ("a", "b")
    assert task.ends.output_names == ("down", "up")
    assert table(tmp_path, features=("b",)).ends.features == ("b",)


def test_rows_may_be_interleaved_as_long_as_time_increases_within_a_sequence(tmp_path):
    mixed = [ROWS[0], *sorted(ROWS[1:], key=lambda row: (int(row.split(",")[1]), row))]
    by_length = {tuple(map(tuple, item)) for item in table(tmp_path).labelled.items}
    assert {tuple(map(tuple, item)) for item in table(tmp_path, mixed).labelled.items} == by_length


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ((2, "s0,1,up,-1,0"), {}, r"line 3, column 'label': 'up', but sequence 's0' has label 'down' on line 2"),
        ((2, "s0,0,down,-1,0"), {}, r"line 3, column 't': 0 appears twice, first on line 2"),
        ((2, "s0,-1,down,-1,0"), {}, r"line 3, column 't': -1 comes before 0 on line 2"),
        ((2, "s0,1,,-1,0"), {}, r"line 3, column 'label': the cell is empty"),
        ((2, ",1,down,-1,0"), {}, r"line 3, column 'id': the cell is empty"),
        ((2, "s0,1,down,x,0"), {}, r"line 3, column 'a': 'x' is not a number"),
        ((2, "s0,1,down,,0"), {}, r"line 3, column 'a': the value is missing"),
        (None, {"features": ("a", "c")}, r"no column 'c'"),
        (None, {"label": "lable"}, r"no column 'lable'(?s:.*)did you mean 'label'"),
        (None, {"sequence": None}, r"set data.label, and data.sequence or data.window; columns: id, t, label, a, b"),
    ],
)
def test_broken_tables(change, options, words, tmp_path):
    rows = list(ROWS)
    if change:
        rows[change[0]] = change[1]
    with pytest.raises(DataError, match=words):
        table(tmp_path, rows, **options)


def test_records_and_manifest(tmp_path):
    task = table(tmp_path, seed=1)
    members = task.labelled.splits["test"]
    logits = torch.zeros(len(members), 2)
    logits[:, 1] = 2.0
    first = task.records(logits, "test")[0]
    assert first["prediction"] == "up"
    assert first["probabilities"]["up"] == pytest.approx(1 / (1 + np.exp(-2)))
    assert first["truth"] == ("up" if int(members[0]) % 2 else "down")
    assert task.manifest() == {
        "type": "classify", "labels": ["down", "up"], "pool": "last", "sequence": "id", "time": "t", "label": "label",
        "lookback": None, "rate_hz": 0, "source": "f.csv",
    }  # fmt: skip

"""What is made of labelled data before a model sees it: splits, folds, windows, gaps, spikes, and spoilt sequences."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqhub.data.configs import CsvConfig
from seqhub.data.configs_audio import WavConfig
from seqhub.data.csv_file import CsvSource
from seqhub.data.scaler import fit_scaler, fit_scaler_of
from seqhub.data.splits import by_name
from seqhub.data.table import Sequences
from seqhub.data.wav_files import WavSource
from seqhub.errors import DataError
from seqhub.nn import Ends
from seqhub.nn.frontend import Standardize
from seqhub.tasks.augment import Spoiler
from seqhub.tasks.classify import Classify
from seqhub.tasks.configs_classify import ClassifyConfig, ClassifyData, Folds, ItemSplit
from seqhub.tasks.label_loss import balanced_weights, label_loss


class Given:
    """A source of sequences that are given."""

    def __init__(self, labels: str, steps: int = 5, **more: Any) -> None:
        draw = np.random.default_rng(0)
        self.found = Sequences(
            items=[draw.normal(3.0, 2.0, (steps + i % 3, 2)) for i in range(len(labels))],
            labels=list(labels),
            features=("a", "b"),
            origin="given",
            names=tuple(f"{label}_{i % 10}.wav" for i, label in enumerate(labels)),
            **more,
        )

    def read(self) -> Sequences:
        return self.found


def make(source: Any, options: dict[str, Any] | None = None, seed: int = 0, **data: Any) -> Classify:
    task = Classify(ClassifyConfig(**(options or {})), ClassifyData(**data), source, seed)
    task.prepare()
    return task


def members(task: Classify) -> dict[str, list[int]]:
    return {split: found.tolist() for split, found in task.labelled.splits.items()}


# -- splits ------------------------------------------------------------------------------------------------------------


def test_a_source_with_splits_keeps_them_and_valid_is_drawn_from_train_where_it_has_none():
    own = {"train": range(20), "test": range(20, 30)}
    found = members(make(Given("ab" * 15, splits=own), split=ItemSplit(valid=0.2)))
    assert found["test"] == list(range(20, 30))
    assert len(found["valid"]) == 4
    assert sorted(found["train"] + found["valid"]) == list(range(20))
    whole = make(Given("ab" * 15, splits=own), split=ItemSplit(valid=0))
    assert members(whole) == {"train": list(range(20)), "valid": [], "test": list(range(20, 30))}
    assert whole.describe()["splits"][1] == {"split": "valid", "sequences": 0, "steps": 0}
    three = {"train": range(10, 30), "valid": range(5), "test": range(5, 10)}
    assert members(make(Given("ab" * 15, splits=three)))["valid"] == list(range(5))


def test_test_items_by_name():
    found = members(make(Given("ab" * 15), split=ItemSplit(valid=0.1, held_out=r"_[0-2]\.wav$")))
    assert found["test"] == [i for i in range(30) if i % 10 < 3]
    assert len(found["valid"]) == 2
    with pytest.raises(DataError, match="none of them for test"):
        make(Given("ab" * 15), split=ItemSplit(held_out="nobody"))


def test_folds_share_out_every_item_once_and_every_label_evenly():
    tests = [members(make(Given("a" * 20 + "b" * 13), folds=5, fold=fold, seed=3)) for fold in range(5)]
    assert sorted(i for found in tests for i in found["test"]) == list(range(33))
    for found in tests:
        assert sorted(found["train"] + found["valid"] + found["test"]) == list(range(33))
        assert sum(i < 20 for i in found["test"]) == 4
        assert sum(i >= 20 for i in found["test"]) in (2, 3)


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        ({"folds": 3}, "E312", r"has splits of its own(?s:.*)remove data\.folds"),
        ({"split": ItemSplit(held_out="a_1")}, "E312", r"has splits of its own(?s:.*)remove data\.split\.held_out"),
    ],
)
def test_options_that_a_source_with_splits_leaves_without_effect(data, code, words):
    with pytest.raises(DataError, match=words) as caught:
        make(Given("ab" * 15, splits={"train": range(20), "test": range(20, 30)}), **data)
    assert caught.value.problems[0].code == code


def test_a_label_that_training_never_sees_is_named_with_its_item():
    with pytest.raises(DataError, match=r"c_0\.wav: the label 'c' of test never occurs in train(?s:.*)labels: a, b"):
        make(Given("ab" * 10 + "c", splits={"train": range(20), "test": range(20, 21)}))


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (ClassifyData(window=8, label="y"), []),
        (ClassifyData(window=8, sequence="id"), ["sequence"]),
        (ClassifyData(window=8, folds=3), ["folds"]),
        (ClassifyData(window=8, crop=3), ["crop"]),
        (ClassifyData(stride=2), ["stride"]),
        (ClassifyData(folds=3, fold=3), ["fold"]),
        (Folds(folds=3, fold=2), []),
        (ItemSplit(held_out="("), ["held_out"]),
        (ItemSplit(valid=0), []),
    ],
)
def test_options_that_contradict_each_other(data, fields):
    assert [field for field, _, _ in data.problems(0)] == fields


# -- windows of a table ------------------------------------------------------------------------------------------------


def table(folder: Path, rows: list[str], **data: Any) -> Classify:
    (folder / "f.csv").write_text("\n".join(["t,x,eye", *rows]) + "\n")
    source = CsvSource(CsvConfig(path="f.csv"), folder)
    more = {"label": "eye", "time": "t", "window": 4, "split": ItemSplit(valid=0.2, test=0.3), **data}
    return make(source, **more)


ROWS = [f"{i},{i * 10},{'open' if i // 5 % 2 else 'shut'}" for i in range(50)]


def test_windows_tell_their_last_row_and_never_reach_into_another_split(tmp_path):
    task = table(tmp_path, ROWS, stride=3)
    first_rows = {"train": 0, "valid": 25, "test": 35}
    stop_rows = {"train": 25, "valid": 35, "test": 50}
    for split, first in first_rows.items():
        items = task.dataset(split)
        ends = list(range(first + 3, stop_rows[split], 3 if split == "train" else 1))
        assert len(items) == len(ends)
        for index, end in enumerate(ends):
            item = items[index]
            assert item.x[:, 0].tolist() == [10.0 * i for i in range(end - 3, end + 1)]
            assert task.labelled.labels[int(item.target)] == ("open" if end // 5 % 2 else "shut")
    assert task.manifest()["lookback"] == 4
    assert task.records(torch.zeros(len(items), 2), "test")[0]["item"] == "f.csv row 39"


def test_windows_of_rows_that_cannot_be_used(tmp_path):
    with pytest.raises(DataError, match="has 10 rows for valid, fewer than a window of 12"):
        table(tmp_path, ROWS, window=12)
    with pytest.raises(DataError, match=r"line 9, column 't': 5 comes before 6"):
        table(tmp_path, [*ROWS[:7], "5,1,open", *ROWS[8:]])
    gap = [*ROWS[:7], "7,,open", *ROWS[8:]]
    with pytest.raises(DataError, match=r"line 9, column 'x': the value is missing(?s:.*)or set data.missing"):
        table(tmp_path, gap)
    filled = table(tmp_path, gap, missing="previous")
    assert filled.dataset("train")[4].x[:, 0].tolist() == [40, 50, 60, 60]
    with pytest.raises(DataError, match=r"f.csv row 4, step 1, feature 'x': the value is nan"):
        table(tmp_path, ["0,,shut", *ROWS[1:]], missing="previous")


def test_missing_values_inside_sequences_are_filled_and_counted():
    source = Given("ab" * 10)
    source.found.items[3][1, 0] = np.nan
    with pytest.raises(DataError, match=r"b_3\.wav, step 2, feature 'a': the value is nan(?s:.*)data\.missing"):
        make(source)
    task = make(source, missing="interpolate")
    first, last = task.labelled.items[3][0, 0], task.labelled.items[3][2, 0]
    assert task.labelled.items[3][1, 0] == pytest.approx((first + last) / 2)
    assert task.describe()["notes"] == ["1 missing values were filled (interpolate)"]


# -- spikes ------------------------------------------------------------------------------------------------------------


def test_the_scaler_over_items_is_that_of_all_their_steps():
    draw = np.random.default_rng(0)
    items = [draw.normal(7, 2, (n, 3)) for n in (4, 9, 1)]
    ours, whole = fit_scaler_of(items), fit_scaler(np.concatenate(items))
    np.testing.assert_allclose(ours.shift, whole.shift)
    np.testing.assert_allclose(ours.scale, whole.scale)


def test_spikes_move_neither_the_scaler_nor_the_model():
    draw = np.random.default_rng(0)
    steps = draw.normal(4300, 30, (2000, 1))
    spiked = steps.copy()
    spiked[100] = 700_000
    clean, robust = fit_scaler_of([steps]), fit_scaler_of([spiked[:500], spiked[500:]], clip=5)
    assert fit_scaler_of([spiked]).scale[0] > 10_000
    assert robust.shift[0] == pytest.approx(clean.shift[0], abs=0.5)
    assert robust.scale[0] == pytest.approx(clean.scale[0], rel=0.02)
    layer = Standardize((4300.0,), (30.0,), clip=5.0)
    x = torch.tensor([[[4300.0], [4330.0], [700_000.0], [-9.0]]])
    y, _, _ = layer(x, torch.tensor([4]), {})
    assert y[0, :, 0].tolist() == [0.0, 1.0, 5.0, -5.0]


def test_clip_reaches_the_model_through_its_ends():
    ends = make(Given("ab" * 10), clip=4.0).ends
    assert ends.input_clip == 4.0
    assert Ends.from_dict(ends.as_dict()) == ends


# -- weights, batches, spoilt sequences --------------------------------------------------------------------------------


def test_balanced_weights_let_every_label_weigh_the_same():
    weights = balanced_weights(np.array([0] * 8 + [1] * 2), 3)
    assert weights.tolist()[:2] == pytest.approx([10 / 24, 10 / 6])
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([0, 0, 1, 0, 1, 0])
    total, count = label_loss(logits, target, weights, 0.0)
    each = -logits.log_softmax(dim=-1)[torch.arange(6), target] * weights[target]
    assert float(total) == pytest.approx(float(each.sum()), rel=1e-6)
    assert float(count) == pytest.approx(float(weights[target].sum()))
    task = make(Given("a" * 30 + "b" * 10), {"class_weights": "balanced"})
    batch = task.collate([task.dataset("train")[i] for i in range(5)])
    y = torch.zeros(5, 7, 2)
    total, count = task.loss(y, batch.lengths, batch)
    assert float(total / count) == pytest.approx(np.log(2))


def test_like_lengths_share_a_batch():
    task = make(Given("ab" * 30), {"bucket": True})
    plan = task.batches("train", 6, epoch=1, seed=0)
    assert plan is not None
    lengths = task.dataset("train").lengths()
    assert sorted(i for batch in plan for i in batch) == list(range(len(lengths)))
    assert sum(len({lengths[i] for i in batch}) == 1 for batch in plan) > len(plan) / 2
    assert make(Given("ab" * 30)).batches("train", 6, epoch=1, seed=0) is None


def test_training_is_spoilt_anew_in_each_epoch_the_same_again_and_nothing_else_is():
    task = make(Given("ab" * 10, steps=40), {"speed": 0.2, "noise": 0.1, "gain": 0.3})
    items, found = task.dataset("train"), {}
    for epoch in (0, 1, 0):
        task.batches("train", 4, epoch=epoch, seed=0)
        found.setdefault(epoch, []).append([items[i].x for i in range(len(items))])
    assert all(torch.equal(a, b) for a, b in zip(*found[0], strict=True))
    assert not any(a.shape == b.shape and torch.equal(a, b) for a, b in zip(found[0][0], found[1][0], strict=True))
    for split in ("valid", "test"):
        for index, member in enumerate(task.labelled.splits[split].tolist()):
            np.testing.assert_allclose(task.dataset(split)[index].x, task.labelled.items[member], rtol=1e-6)


def test_each_way_of_spoiling():
    draw = np.random.default_rng(1)
    ramp = np.stack([np.arange(101.0), 5 + np.zeros(101)], axis=1)
    for _ in range(20):
        faster = Spoiler(speed=0.2)(ramp, draw)
        assert round(101 / 1.2) <= len(faster) <= round(101 / 0.8)
        np.testing.assert_allclose(faster[:, 0], np.linspace(0, 100, len(faster)))
        louder = Spoiler(gain=0.5, centre=(50.0, 5.0))(ramp, draw)
        factor = (louder[0, 0] - 50) / -50
        assert 0.5 <= factor <= 1.5
        np.testing.assert_allclose(louder, np.array([50.0, 5.0]) + factor * (ramp - [50.0, 5.0]))
    noisy = np.concatenate([Spoiler(noise=0.5)(ramp, draw) - ramp for _ in range(300)])
    assert not noisy[:, 1].any()  # a constant has no deviation to measure noise by
    assert noisy[:, 0].std() == pytest.approx(ramp[:, 0].std() * 0.5 / np.sqrt(3), rel=0.05)
    assert not Spoiler()
    assert Spoiler(speed=0.25).shortest(100) == 80


# -- recordings --------------------------------------------------------------------------------------------------------


def test_recordings_without_a_share_for_choosing_all_train():
    names = [f"{digit}_ann_{index}.wav" for digit in range(4) for index in range(5)]
    found = by_name(names, 0.0, 0.5, r"_[01]\.wav$", 3, "given")
    assert found["test"].tolist() == [i for i, name in enumerate(names) if name[6] in "01"]
    assert not len(found["valid"])
    assert sorted([*found["train"], *found["test"]]) == list(range(20))


def test_a_label_is_a_part_of_the_name_and_the_rate_travels_with_the_bundle(tmp_path):
    draw = np.random.default_rng(0)
    for digit in range(2):
        for index in range(6):
            with wave.open(str(tmp_path / f"{digit}_ann_{index}.wav"), "wb") as file:
                file.setparams((1, 2, 4000, 0, "NONE", "not compressed"))
                file.writeframes(draw.integers(-999, 999, 50 + index).astype("<i2").tobytes())
    options = {"text": r"^(?P<text>\d)_", "rate_hz": 4000}
    split = ItemSplit(valid=0, held_out=r"_0\.wav$")
    task = make(WavSource(WavConfig(path=".", **options), tmp_path), split=split)
    assert task.ends.output_names == ("0", "1")
    assert task.manifest()["rate_hz"] == 4000
    assert [record["item"] for record in task.records(torch.zeros(2, 2), "test")] == ["0_ann_0.wav", "1_ann_0.wav"]
    whole = (tmp_path / "1_ann_3.wav").read_bytes()
    (tmp_path / "1_ann_3.wav").write_bytes(whole[:-20])
    with pytest.raises(DataError, match=r"1_ann_3\.wav ends early: 43 of 53 samples"):
        make(WavSource(WavConfig(path=".", **options), tmp_path), split=split)
    (tmp_path / "1_ann_3.wav").rename(tmp_path / "ann.wav")
    with pytest.raises(DataError, match=r"finds nothing in the name 'ann\.wav'"):
        make(WavSource(WavConfig(path=".", **options), tmp_path), split=split)

"""Regression: pieces and splits, the loss and scores against plain sums, baselines against numpy, bad data."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
import torch

from seqhub.data.table import Sequences, Table
from seqhub.errors import DataError
from seqhub.geometry import Geometry
from seqhub.nn.blocks import Chain
from seqhub.nn.model import SequenceModel
from seqhub.nn.pointwise import Linear
from seqhub.tasks.configs_regress import RegressConfig, RegressData, RegressSplit
from seqhub.tasks.measures import Angle
from seqhub.tasks.regress import Regress
from seqhub.tasks.regress_baselines import recent


class Given:
    """A source of what it was given."""

    def __init__(self, found: Any) -> None:
        self.found = found

    def read(self) -> Any:
        return self.found


def recordings(count: int = 10, steps: int = 20, **changed: Any) -> Sequences:
    """Columns u, v and y = the u of the step before; recording i has `steps + i` steps."""
    draw = np.random.default_rng(0)
    items = []
    for i in range(count):
        u, v = draw.normal(2.0, 3.0, (2, steps + i))
        items.append(np.stack((u, v, np.concatenate(([0.0], u[:-1]))), axis=1))
    names = tuple(f"rec{i}" for i in range(count))
    return Sequences(items, ["?"] * count, ("u", "v", "y"), "given", names=names, **changed)


def make(found: Any, *, data: dict[str, Any] | None = None, **options: Any) -> Regress:
    task = Regress(RegressConfig(**options), RegressData(**{"target": ("y",), **(data or {})}), Given(found), 3)
    task.prepare()
    return task


def test_recordings_are_split_whole_and_scaled_by_train():
    task = make(recordings())
    parts = {split: {r.name for r in task.measured.splits[split]} for split in ("train", "valid", "test")}
    assert [len(part) for part in parts.values()] == [7, 1, 2]
    assert len(set.union(*parts.values())) == 10
    assert task.ends.features == ("u", "v")
    assert task.ends.output_names == ("y",)
    y = np.concatenate([r.y for r in task.measured.splits["train"]])
    assert task.ends.output_shift[0] == pytest.approx(y.mean())
    assert task.ends.output_scale[0] == pytest.approx(y.std())
    named = make(recordings(), data={"split": RegressSplit(held_out="rec[34]$")})
    assert [r.name for r in named.measured.splits["test"]] == ["rec3", "rec4"]


def test_one_recording_is_cut_by_time_and_what_burns_in_lies_before_the_border():
    table = Table({"u": np.arange(100.0), "y": np.arange(100.0) ** 2}, "given")
    task = make(table, burn_in=5)
    pieces = {split: task.measured.splits[split][0] for split in ("train", "valid", "test")}
    assert {split: (piece.first, len(piece.x)) for split, piece in pieces.items()} == {
        "train": (0, 70),
        "valid": (65, 15),
        "test": (75, 25),
    }
    item = task.dataset("test")[0]
    assert torch.isnan(item.target[:5]).all()
    assert item.target[5:, 0].tolist() == [float(i * i) for i in range(80, 100)]  # every step of test, none before it
    assert item.x[0, 0] == 75


def test_windows_begin_elsewhere_in_every_epoch_and_are_as_many():
    task = make(recordings(4, 53), window=10, stride=7, data={"split": RegressSplit(valid=0, test=0.25)})
    items = task.dataset("train")
    seen = []
    for epoch in range(30):
        order = [i for batch in task.batches("train", 4, epoch=epoch, seed=0) for i in batch]
        assert sorted(order) == list(range(len(items)))
        seen.append(list(items.places))
    assert len({len(places) for places in seen}) == 1
    firsts = {first for places in seen for number, first, _ in places if number == 0}
    length = len(task.measured.splits["train"][0].x)
    assert firsts == set(range(length - 9))  # every possible window was read
    items.begin(3)
    assert items.places == seen[3]
    number, first, steps = items.places[2]
    whole = task.measured.splits["train"][number]
    assert items[2].x.numpy() == pytest.approx(whole.x[first : first + steps])
    assert task.dataset("test").places == [(0, 0, len(task.measured.splits["test"][0].x))]


def test_a_window_is_turned_with_all_its_vectors_by_one_angle_and_nothing_that_is_scored():
    draw = np.random.default_rng(4)
    names = ("a x", "a y", "a z", "b x", "b y")
    found = Sequences(list(draw.normal(size=(6, 12, 5))), ["?"] * 6, names, "given", names=tuple("abcdef"))
    task = make(found, data={"target": ("b x", "b y")}, turn=("a", "b"))
    items = task.dataset("train")
    whole = task.measured.splits["train"][0]
    angles = []
    for epoch in range(3):
        items.begin(epoch)
        x, target = items[0].x.numpy(), items[0].target.numpy()
        angle = np.angle((target[:, 0] + 1j * target[:, 1]) / (whole.y[:, 0] + 1j * whole.y[:, 1]))
        assert angle == pytest.approx(np.full(12, angle[0]), abs=1e-5)
        turned = (whole.x[:, 0] + 1j * whole.x[:, 1]) * np.exp(1j * angle[0])
        assert x == pytest.approx(np.stack((turned.real, turned.imag, whole.x[:, 2]), axis=1), abs=1e-5)
        angles.append(round(float(angle[0]), 4))
    assert len(set(angles)) == 3
    assert task.dataset("test")[0].x.numpy() == pytest.approx(task.measured.splits["test"][0].x)
    with pytest.raises(DataError, match="are not columns of one side") as error:
        make(found, data={"target": ("b x",)}, turn=("b",))
    assert error.value.problems[0].code == "E307"


def test_the_loss_is_the_squared_error_of_scored_steps_in_standard_units():
    task = make(recordings(), burn_in=3, data={"features": ("u",)})
    items = task.dataset("train")
    batch = task.collate([items[0], items[1], items[4]])
    y = torch.randn(3, batch.x.shape[1] + 2, 1, generator=torch.Generator().manual_seed(0))  # longer than needed
    total, count = task.loss(y, batch.lengths, batch)
    expected, steps = 0.0, 0
    for row, index in enumerate((0, 1, 4)):
        truth = task.measured.splits["train"][index].y
        for t in range(3, len(truth)):
            expected += ((float(y[row, t, 0]) - truth[t, 0]) / task.ends.output_scale[0]) ** 2
            steps += 1
    assert float(total) == pytest.approx(expected, rel=1e-5)
    assert int(count) == steps
    y.requires_grad_(True)
    task.loss(y, batch.lengths, batch)[0].backward()
    assert torch.isfinite(y.grad).all()
    assert y.grad[:, :3].abs().max() == 0


def test_scores_are_those_of_all_scored_steps_whatever_the_batches():
    task = make(recordings(), burn_in=2, metrics=("bias",), data={"features": ("v",)})
    items = task.dataset("train")
    draw = torch.Generator().manual_seed(1)
    answers = [torch.randn(len(items[i].x), 1, generator=draw) for i in range(len(items))]
    together, apart = task.metrics(), task.metrics()
    together.update(answers, task.collate([items[i] for i in range(len(items))]))
    for i, answer in enumerate(answers):
        apart.update([answer], task.collate([items[i]]))
    truth = np.concatenate([r.y[2:, 0] for r in task.measured.splits["train"]])
    guess = np.concatenate([answer[2:, 0].numpy() for answer in answers])
    error = guess - truth
    expected = {
        "rmse": math.sqrt((error**2).mean()),
        "mae": np.abs(error).mean(),
        "r2": 1 - (error**2).sum() / ((truth - truth.mean()) ** 2).sum(),
        "bias": abs(error.mean()),
    }
    assert together.compute() == pytest.approx(expected, rel=1e-5)
    assert apart.compute() == pytest.approx(expected, rel=1e-5)


def test_baselines_are_least_squares_on_one_step_and_on_several():
    task = make(recordings(), history=2)
    scores = task.baselines("test")
    assert list(scores) == ["mean", "linear", "linear-2"]
    train, test = task.measured.splits["train"], task.measured.splits["test"]
    x = np.concatenate([np.column_stack((r.x, np.ones(len(r.x)))) for r in train])
    fitted = np.linalg.lstsq(x, np.concatenate([r.y for r in train]), rcond=None)[0]
    error = np.concatenate([np.column_stack((r.x, np.ones(len(r.x)))) @ fitted - r.y for r in test])
    assert scores["linear"]["rmse"] == pytest.approx(math.sqrt((error**2).mean()), rel=1e-6)
    assert scores["mean"]["r2"] <= 0
    # the answer is the u of the step before, but for the first step, where there is none
    assert scores["linear-2"]["rmse"] < 0.5 * scores["linear"]["rmse"]
    assert recent(np.arange(6.0).reshape(3, 2), 2).tolist() == [[0, 1, 0, 1], [0, 1, 2, 3], [2, 3, 4, 5]]


def test_steps_without_a_target_and_those_not_to_be_scored_are_read_but_not_looked_at():
    y = np.sin(np.arange(60.0))
    y[[3, 50]] = np.nan
    columns = {"u": np.arange(60.0), "y": y, "moving": (np.arange(60) >= 10).astype(int), "old y": np.full(60, 0.25)}
    data = {"missing": "skip", "scored": "moving", "beside": ("old",), "time": None}
    task = make(Table(columns, "given"), data=data)
    assert task.ends.features == ("u",)
    train, test = task.measured.splits["train"][0], task.measured.splits["test"][0]
    assert train.scored.sum() == 42 - 10
    assert test.scored.sum() == 11
    assert task.ends.output_shift[0] == pytest.approx(y[10:42].mean())
    known = y[48:][np.isfinite(y[48:])]
    assert task.baselines("test")["old"]["rmse"] == pytest.approx(math.sqrt(((known - 0.25) ** 2).mean()), rel=1e-6)
    (record,) = task.records([torch.zeros(12, 1)], "test")
    assert record["step"] == 48
    assert [i for i, value in enumerate(record["truth"]["y"]) if value is None] == [2]
    assert record["prediction"]["y"] == [0.0] * 12


def test_the_rows_of_a_table_are_told_apart_by_a_column():
    names = np.array([f"r{i % 4}" for i in range(80)])
    columns = {"u": np.arange(80.0), "y": np.arange(80.0), "name": names, "t": np.arange(80.0)}
    task = make(Table(columns, "given"), data={"sequence": "name", "time": "t"})
    found = {r.name: r for split in task.measured.splits.values() for r in split}
    assert found["r1"].x[:, 0].tolist() == [float(i) for i in range(80) if i % 4 == 1]
    report = task.describe()
    assert report["items"] == 4
    assert not [line for line in report["warnings"] if "never changes" in line]


def test_the_angle_does_not_depend_on_length_and_is_exact_near_zero():
    angle, small = Angle(), 1e-6
    angle.update(torch.tensor([[2.0, 0.0], [3.0, 3.0]]), torch.tensor([[1.0, 0.0], [0.0, 5.0]]))
    assert angle.compute() == pytest.approx(math.sqrt((0 + 45**2) / 2))
    near = Angle()
    near.update(torch.tensor([[1.0, small]], dtype=torch.float64), torch.tensor([[1.0, 0.0]], dtype=torch.float64))
    assert near.compute() == pytest.approx(math.degrees(small), rel=1e-9)


def test_a_model_that_adds_nothing_answers_with_its_anchor():
    columns = {"u": np.arange(60.0), "guess": np.arange(60.0) * 2, "y": np.arange(60.0) * 2 + np.arange(60) % 5 + 10}
    task = make(Table(columns, "given"), data={"anchor": ("guess",)})
    assert task.ends.anchor == (1,)
    left = (np.arange(42) % 5 + 10).astype(float)
    assert task.ends.output_shift[0] == pytest.approx(left.mean())
    assert task.ends.output_scale[0] == pytest.approx(left.std())
    model = SequenceModel(task.ends, Chain(2, {"mix": Linear(2, width=2)}), embed=False)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    batch = task.collate([task.dataset("test")[0]])
    y, _, _ = model(batch.x, batch.lengths, model.initial_state(1))
    assert y[0, :, 0].detach().numpy() == pytest.approx(columns["guess"][48:] + left.mean(), rel=1e-5)


def table(**columns: Any) -> Table:
    return Table({"u": np.arange(40.0), "y": np.arange(40.0) % 7, **columns}, "given")


def holed(column: int, value: float) -> Sequences:
    found = recordings()
    found.items[2][4, column] = value
    return found


BROKEN: dict[str, tuple[Any, dict[str, Any], dict[str, Any], str, str]] = {
    "no such target": (table(), {"target": ("z",)}, {}, "E307", "given has no column 'z'"),
    "no such column of sequences": (recordings(), {"features": ("w",)}, {}, "E307", "given has no column 'w'"),
    "nothing to read": (Table({"y": np.arange(40.0)}, "given"), {}, {}, "E307", "no column beside the targets"),
    "a gap": (table(y=np.where(np.arange(40) == 7, np.nan, 1.0)), {}, {}, "E309", "row 8, column 'y'"),
    "a gap in a feature": (holed(0, np.nan), {"missing": "skip"}, {}, "E309", "rec2, step 5, column 'u'"),
    "infinite": (holed(2, np.inf), {"missing": "skip"}, {}, "E309", "rec2, step 5, column 'y': the value is inf"),
    "time runs back": (table(t=-np.arange(40.0)), {"time": "t"}, {}, "E310", "comes before"),
    "never changes": (table(y=np.ones(40)), {}, {}, "E315", "column 'y' is 1 in every step of train"),
    "shorter than the burn-in": (recordings(), {}, {"burn_in": 20}, "E311", "has 20 steps for"),
    "nothing scored": (table(on=np.arange(40) < 20), {"scored": "on"}, {}, "E311", "no step of"),
    "no columns to tell apart": (recordings(), {"sequence": "u"}, {}, "E312", "data.sequence is for tables"),
    "an anchor that is not read": (table(), {"anchor": ("w",)}, {}, "E307", "data.anchor names 'w'"),
    "text": (Given("words"), {}, {}, "E312", "regress needs recordings of numbers"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_bad_data_is_told_with_its_place_and_its_fix(name):
    found, data, options, code, says = BROKEN[name]
    with pytest.raises(DataError, match=re.escape(says)) as error:
        make(found, data=data, **options)
    assert error.value.problems[0].code == code
    assert error.value.problems[0].fix


def test_options_that_contradict_each_other():
    assert RegressConfig(window=10, burn_in=10).problems(0)[0][0] == "burn_in"
    assert RegressConfig(stride=5).problems(0)[0][0] == "stride"
    assert RegressConfig().model_problems(Geometry(width=4, ratio=1)) == []
    assert RegressData(target=()).problems(0)[0][0] == "target"
    assert RegressData(target=("a",), features=("a",)).problems(0)[0][0] == "features"
    assert RegressData(target=("a",), anchor=("b", "c")).problems(0)[0][0] == "anchor"
    assert RegressData(target=("a",), features=("b",), anchor=("c",)).problems(0)[0][0] == "anchor"
    assert RegressSplit(by="time", held_out="a").problems(0)[0][0] == "held_out"

"""Items of every task can go to another process, and are the same there; windows that overlap travel as one array."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from seqhub.data.sequences import Windows
from seqhub.plugins import load_registry
from seqhub.recipe import load_recipe
from seqhub.training.parts import build_task

PLAIN = "model: {width: 8, causal: false, blocks: [{type: gru, hidden: 4}]}"
WRITER = PLAIN.replace("]}", "], decoder: {width: 8, blocks: [{type: luong, hidden: 8}]}}")
CASES = {
    "forecast": ("{type: forecast, lookback: 6, horizon: 2}", "{source: sunspots, target: [sunspots]}"),
    "classify": ("{type: classify, noise: 0.2}", "{source: {type: csv, path: rows.csv}, label: c, window: 5}"),
    "regress": (
        "{type: regress, window: 10}",
        "{source: {type: pendulum, recordings: 6, steps: 30}, target: [sin], features: [torque]}",
    ),
    "tag": ("{type: tag}", "{source: appointments}"),
    "text-classify": ("{type: text-classify, tokens: words}", "{source: {type: lines, path: texts.tsv}}"),
    "language-model": ("{type: language-model, tokens: chars, bptt: 8}", "{source: {type: text, path: texts.tsv}}"),
    "transcribe": ("{type: transcribe, tokens: words, speed: 0.1}", "{source: {type: beeps, items: 12}, join: 2}"),
    "translate": ("{type: translate, source: chars, target: chars}", "{source: {type: dates, size: 60}}"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEQHUB_CACHE", str(tmp_path / "cache"))
    rows = [f"{i * i % 7},{i % 3},{'ab'[i // 4 % 2]}" for i in range(200)]
    (tmp_path / "rows.csv").write_text("\n".join(["v,w,c", *rows, ""]))
    (tmp_path / "texts.tsv").write_text("good day\tgood\nbad day\tbad\n" * 20)
    return tmp_path


@pytest.mark.parametrize("name", CASES)
def test_items_are_the_same_in_another_process(name: str, folder: Path) -> None:
    task_section, data = CASES[name]
    model = {"translate": WRITER, "language-model": PLAIN.replace(", causal: false", "")}.get(name, PLAIN)
    (folder / "recipe.yaml").write_text(f"recipe: 1\nname: one\ntask: {task_section}\ndata: {data}\n{model}\n")
    recipe = load_recipe(folder / "recipe.yaml", load_registry())
    task = build_task(recipe)
    task.prepare()
    plan = task.batches("train", 4, epoch=3, seed=0)
    indices = list(plan[0]) if plan is not None else [0, 1, 2]
    items, collate = task.dataset("train"), task.collate
    sent = pickle.dumps((items, collate))
    there, together = pickle.loads(sent)
    assert there.epoch == items.epoch
    batch, other = collate([items[i] for i in indices]), together([there[i] for i in indices])
    for field in ("x", "lengths", "target", "index"):
        assert torch.equal(torch.nan_to_num(getattr(batch, field)), torch.nan_to_num(getattr(other, field)))


def test_windows_are_held_as_one_array() -> None:
    values = np.random.default_rng(0).normal(size=(1000, 3))
    windows = Windows(values, range(99, 1000), 100)
    assert len(windows) == 901
    np.testing.assert_array_equal(windows[7], values[7:107])
    np.testing.assert_array_equal(windows[-1], values[900:])
    np.testing.assert_array_equal(windows[2:4][1], values[3:103])
    assert len(pickle.dumps(windows)) < values.nbytes + 1000
    assert [len(window) for window in windows] == [100] * 901

"""A task small enough to train in milliseconds, behind the interface of the real ones.

Each item is a sequence of 3 to 9 values; the answer is their mean and their last value. The same data each time.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqhub.api import Config, SourceSpec, TaskSpec, config, option
from seqhub.data.batch import Batch
from seqhub.nn.ends import Ends
from seqhub.plugins import load_registry
from seqhub.plugins.registry import Component, Registry
from seqhub.tasks.base import Task

RECIPE = """\
recipe: 1
name: toy
seed: 5
task: {type: toy-task}
data: {source: toy-source}
model:
  width: 6
  blocks:
    - {type: gru, hidden: 6, dropout: 0.2}
train: {epochs: 4, batch: 8, optimizer: {type: adamw, lr: 0.01}, schedule: {type: cosine, warmup: 3}}
"""


@config
class ToySource(Config):
    items: int = option(36, help="training items", ge=1)
    spoil: int | None = option(None, help="index of a training item that becomes infinite")


@config
class ToyData(Config):
    pass


class Scores:
    """Mean absolute error per item, summed over items."""

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def update(self, answer: Tensor, batch: Batch) -> None:
        self.total += float((answer - batch.target).abs().mean(dim=1).double().sum())
        self.count += len(batch.lengths)

    def compute(self) -> dict[str, float]:
        return {"mae": self.total / self.count}


class ToyTask:
    def __init__(self, options: Config, data: Config, source: Any, seed: int) -> None:
        self.source = source

    def prepare(self) -> None:
        rng = np.random.default_rng(0)
        sizes = {"train": self.source.items, "valid": 11, "test": 10}
        self.splits = {}
        for split, items in sizes.items():
            rows = [
                torch.tensor(rng.normal(2.0, 1.0, size=(int(rng.integers(3, 10)), 1)), dtype=torch.float32)
                for _ in range(items)
            ]
            if split == "train" and self.source.spoil is not None:
                rows[self.source.spoil][:] = float("inf")
            self.splits[split] = list(enumerate(rows))

    @property
    def ends(self) -> Ends:
        return Ends(
            features=("value",),
            outputs=(2,),
            output_names=("mean", "last"),
            input_shift=(2.0,),
            input_scale=(1.0,),
            output_shift=(2.0, 2.0),
            output_scale=(1.0, 1.0),
        )

    def dataset(self, split: str) -> list[tuple[int, Tensor]]:
        return self.splits[split]

    def collate(self, items: list[tuple[int, Tensor]]) -> Batch:
        lengths = torch.tensor([len(row) for _, row in items])
        x = torch.full((len(items), int(lengths.max()), 1), float("nan"))  # padding may hold anything
        for place, (_, row) in enumerate(items):
            x[place, : len(row)] = row
        target = torch.stack([torch.cat([row.mean(dim=0), row[-1]]) for _, row in items])
        index = torch.tensor([index for index, _ in items])
        return Batch(x, lengths, target, index, torch.full_like(lengths, 2))

    batches, run, check_geometry, answered = Task.batches, Task.run, Task.check_geometry, Task.answered

    def begin_epoch(self, epoch: int) -> None:
        self.begun = [*getattr(self, "begun", []), epoch]

    def answer(self, y: Tensor, out_lengths: Tensor, batch: Batch | None = None) -> Tensor:
        return y[torch.arange(len(y)), out_lengths - 1]

    def loss(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        error = (self.answer(y, out_lengths) - batch.target).square().mean(dim=1)
        return error.sum(), torch.tensor(float(len(error)))

    def metrics(self) -> Scores:
        return Scores()

    def baselines(self, split: str) -> dict[str, dict[str, float]]:
        return {"always 2": {"mae": 0.7}}

    def manifest(self) -> dict[str, Any]:
        return {"task": "toy"}


def make_source(options: ToySource, base_dir: Any) -> ToySource:
    return options


def registry() -> Registry:
    """The installed components, and the toy task with its source."""
    sys.modules["seqhub_toy"] = sys.modules[__name__]
    task = TaskSpec(
        name="toy-task",
        target="seqhub_toy:ToyTask",
        config=Config,
        data=ToyData,
        summary="A toy.",
        metrics={"mae": "min"},
    )
    source = SourceSpec(name="toy-source", target="seqhub_toy:make_source", config=ToySource, summary="Toy data.")
    installed = load_registry()
    extra = [Component(task, "seqhub-toy", "1.0"), Component(source, "seqhub-toy", "1.0")]
    return Registry([*installed.components(), *extra], installed.records)

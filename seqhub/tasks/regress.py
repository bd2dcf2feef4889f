"""Regression step by step: a recording in, numbers at its rate out, each from the steps up to it (or, where the model
looks ahead, a little beyond).

x holds raw columns and answers are in raw units: both scalings are inside the model, hence in both graphs. A model
never reads what was measured of its targets, so its answers to a whole recording are a free run: in the identification
of a system, errors are those of a simulation, not of a prediction one step ahead.

Shapes: B rows, T steps, D features, K targets.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqhub.data.batch import Batch
from seqhub.data.buckets import length_batches
from seqhub.data.nearest import nearest
from seqhub.data.scaler import fit_scaler, fit_scaler_of
from seqhub.data.splits import SPLITS
from seqhub.data.table import Source
from seqhub.errors import DataError
from seqhub.nn.ends import Ends
from seqhub.tasks.base import Task, check_split
from seqhub.tasks.configs_regress import RegressConfig, RegressData
from seqhub.tasks.losses import build_loss
from seqhub.tasks.measured import Measured, read_measured
from seqhub.tasks.measures import build_metrics
from seqhub.tasks.regress_baselines import simple_answers
from seqhub.tasks.regress_items import Pieces, Turned
from seqhub.tasks.regress_report import describe_measured
from seqhub.tasks.regress_scores import RegressScores


class Regress(Task):
    """Recordings split by name, at random, or each by time."""

    def __init__(self, options: RegressConfig, data: RegressData, source: Source, seed: int) -> None:
        self.options, self.data, self.source, self.seed = options, data, source, seed
        self._loss = build_loss(options.loss)

    def prepare(self) -> None:
        options = self.options
        self.measured: Measured = read_measured(self.source, self.data, options.burn_in, self.seed)
        train = self.measured.splits["train"]
        self.inputs = fit_scaler_of([recording.x for recording in train])
        anchor = self._anchor()
        left = [r.y[r.scored] - (r.x[r.scored][:, anchor] if anchor else 0.0) for r in train]  # what is to be learnt
        self.outputs = fit_scaler(np.concatenate(left))
        self._ends = Ends(
            features=self.measured.features,
            outputs=(len(self.data.target),),
            output_names=self.data.target,
            input_shift=self.inputs.shift,
            input_scale=self.inputs.scale,
            output_shift=self.outputs.shift,
            output_scale=self.outputs.scale,
            anchor=anchor,
        )
        self._scale = torch.tensor(self.outputs.scale)
        windows = Pieces(
            train,
            options.burn_in,
            window=options.window,
            stride=options.stride,
            turned=Turned.of(options.turn, self.measured.features, self.data.target),
            seed=self.seed,
        )
        others = {split: Pieces(self.measured.splits[split], options.burn_in) for split in SPLITS[1:]}
        self._datasets = {"train": windows, **others}

    def _anchor(self) -> tuple[int, ...]:
        """Where the columns of the anchor stand among the features."""
        features = self.measured.features
        for name in self.data.anchor:
            if name not in features:
                fix = nearest(name, features, "columns that are read")
                raise DataError(f"data.anchor names {name!r}, which is not read", code="E307", fix=fix)
        return tuple(features.index(name) for name in self.data.anchor)

    @property
    def ends(self) -> Ends:
        return self._ends

    def dataset(self, split: str) -> Pieces:
        """Windows of train, whole recordings of the others."""
        check_split(split)
        return self._datasets[split]

    def batches(self, split: str, size: int, *, epoch: int, seed: int) -> list[list[int]]:
        """Items of like length side by side."""
        items = self.dataset(split)
        if split == "train":
            items.begin(epoch)
        return length_batches(items.lengths(), size, epoch=epoch, seed=seed)

    def loss(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Over the scored steps, in standard deviations of the targets."""
        steps = torch.arange(batch.target.shape[1], device=y.device)
        inside = steps < batch.target_lengths.unsqueeze(1)  # [B T]
        scored = inside & torch.isfinite(batch.target).all(dim=2)
        guess, truth = y[:, : batch.target.shape[1]][scored], batch.target[scored]  # [M K]
        scale = self._scale.to(y)
        return self._loss(guess / scale, truth / scale).sum(), torch.tensor(truth.numel(), device=y.device)

    def answer(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> list[Tensor]:
        """[T_i K] a row."""
        return [row[:length].detach().cpu() for row, length in zip(y, out_lengths.tolist(), strict=True)]

    def metrics(self) -> RegressScores:
        return RegressScores(len(self.data.target), build_metrics(self.options.metrics))

    def naive_answers(self, split: str) -> dict[str, list[Tensor]]:
        """mean, linear, linear over `history` steps, and the other methods of `data.beside`: [T K] an item."""
        options, places = self.options, self.dataset(split).places
        answers = simple_answers(self.measured, split, options.history, options.burn_in)
        return {
            name: [torch.tensor(of[number][first : first + steps]) for number, first, steps in places]
            for name, of in answers.items()
        }

    def manifest(self) -> dict[str, Any]:
        return {
            "type": "regress",
            "targets": list(self.data.target),
            "sequence": self.data.sequence,
            "time": self.data.time,
            "burn_in": self.options.burn_in,
            "rate_hz": self.measured.rate_hz,
            "source": self.measured.origin,
        }

    def describe(self) -> dict[str, Any]:
        return describe_measured(self.measured, self.inputs) | {"baselines": self.baselines("test")}

    def records(self, answers: list[Tensor], split: str) -> list[dict[str, Any]]:
        """Per recording: its name, its first step in the source, truth (null where it is not scored) and prediction."""
        found = []
        for index, (number, first, steps) in enumerate(self.dataset(split).places):
            recording = self.measured.splits[split][number].cut(first, first + steps)
            truth = recording.y.astype(object)
            truth[~recording.scored | (np.arange(steps) < self.options.burn_in)] = None
            guess = answers[index].double().numpy()
            found.append(
                {
                    "index": index,
                    "item": recording.name,
                    "step": recording.first,
                    "truth": {name: truth[:, i].tolist() for i, name in enumerate(self.data.target)},
                    "prediction": {name: guess[:, i].tolist() for i, name in enumerate(self.data.target)},
                }
            )
        return found

"""Classification: one label for a whole sequence, from the output at its last step.

x holds raw features; standardising and the running pool are inside the model, so they are inside both graphs, and a
stream has an answer at every step. Answers are logits.

Shapes: B batch, T time, D features, C labels.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from seqhub.data.batch import Batch
from seqhub.data.buckets import length_batches
from seqhub.data.splits import SPLITS
from seqhub.data.table import Source
from seqhub.nn.ends import Ends
from seqhub.tasks.augment import Spoiler
from seqhub.tasks.base import Task, check_split, last_outputs
from seqhub.tasks.classify_baselines import simple_labels
from seqhub.tasks.classify_report import describe_labelled, told
from seqhub.tasks.classify_scores import ClassifyScores
from seqhub.tasks.configs_classify import ClassifyConfig, ClassifyData
from seqhub.tasks.items import Labelled, LabelledItems, read_labelled
from seqhub.tasks.label_loss import balanced_weights, label_loss


class Classify(Task):
    """Sequences in the splits of their source, by name, by fold, or drawn with the same shares of every label."""

    def __init__(self, options: ClassifyConfig, data: ClassifyData, source: Source, seed: int) -> None:
        self.options = options
        self.data = data
        self.source = source
        self.seed = seed

    def prepare(self) -> None:
        self.labelled: Labelled = read_labelled(self.source, self.data, self.seed)
        classes = len(self.labelled.labels)
        self._ends = Ends(
            features=self.labelled.features,
            outputs=(classes,),
            output_names=self.labelled.labels,
            input_shift=self.labelled.scaler.shift,
            input_scale=self.labelled.scaler.scale,
            output_shift=(0.0,) * classes,
            output_scale=(1.0,) * classes,
            input_clip=self.data.clip or 0.0,
            pool=self.options.pool,
        )
        balanced = self.options.class_weights == "balanced"
        train = self.labelled.classes[self.labelled.splits["train"]]
        self._weights = balanced_weights(train, classes) if balanced else None
        self._datasets = {split: self._items(split) for split in SPLITS}

    def _items(self, split: str) -> LabelledItems:
        spoil = Spoiler.of(self.options, self.labelled.scaler.shift) if split == "train" else Spoiler()
        return LabelledItems(self.labelled, split, spoil, self.seed)

    @property
    def ends(self) -> Ends:
        return self._ends

    def dataset(self, split: str) -> LabelledItems:
        check_split(split)
        return self._datasets[split]

    def batches(self, split: str, size: int, *, epoch: int, seed: int) -> list[list[int]] | None:
        """With `bucket`, training sequences of like length side by side; those to score from the shortest on."""
        items = self._datasets[split]
        if split == "train":
            items.begin(epoch)
        if not self.options.bucket:
            return None
        return length_batches(items.lengths(), size, epoch=epoch, seed=seed)

    def loss(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Cross entropy in nats; with balanced class weights their weighted sum over the sum of the weights."""
        return label_loss(last_outputs(y, out_lengths), batch.target, self._weights, self.options.label_smoothing)

    def metrics(self) -> ClassifyScores:
        return ClassifyScores(len(self.labelled.labels))

    def naive_answers(self, split: str) -> dict[str, Tensor]:
        """majority and linear-on-means, as one-hot logits [N C]."""
        check_split(split)
        found = simple_labels(self.labelled, split).items()
        classes = len(self.labelled.labels)
        return {name: functional.one_hot(torch.from_numpy(labels), classes).float() for name, labels in found}

    def manifest(self) -> dict[str, Any]:
        return {
            "type": "classify",
            "labels": list(self.labelled.labels),
            "pool": self.options.pool,
            "sequence": self.data.sequence,
            "time": self.data.time,
            "label": self.data.label,
            "lookback": self.data.window,
            "rate_hz": self.labelled.rate_hz,
            "source": self.labelled.origin,
        }

    def describe(self) -> dict[str, Any]:
        return describe_labelled(self.labelled) | {"baselines": self.baselines("test")}

    def records(self, answers: list[Tensor], split: str) -> list[dict[str, Any]]:
        """Per sequence: its name or position in the source, length, true label, likeliest label, all probabilities."""
        check_split(split)
        labelled, names = self.labelled, self.labelled.labels
        found = []
        for index, member in enumerate(labelled.splits[split].tolist()):
            found.append(
                {
                    "index": index,
                    "item": labelled.names[member] if labelled.names else member,
                    "length": len(labelled.items[member]),
                    "truth": names[int(labelled.classes[member])],
                    **told(answers[index], names),
                }
            )
        return found

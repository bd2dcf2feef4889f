"""Classification of texts: one label for a whole text, from its tokens.

Shapes: B batch, T tokens, C labels. x [B T 1] ids; y [B T C] logits, of which the last step's are the answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from seqhub.data.batch import Batch
from seqhub.data.buckets import length_batches
from seqhub.data.table import Source
from seqhub.nn.ends import Ends
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.state import State
from seqhub.tasks.base import Task, check_split, last_outputs
from seqhub.tasks.classify_report import told
from seqhub.tasks.classify_scores import ClassifyScores
from seqhub.tasks.configs_text import TextClassifyConfig, TextClassifyData
from seqhub.tasks.label_loss import balanced_weights, label_loss
from seqhub.tasks.labelled_texts import LabelledTexts, TextItems, read_labelled_texts
from seqhub.tasks.text_classify_report import describe_texts, simple_answers
from seqhub.text import UNKNOWN


class TextClassify(Task):
    """Texts in batches of like length."""

    def __init__(self, options: TextClassifyConfig, data: TextClassifyData, source: Source, seed: int) -> None:
        self.options, self.data, self.source, self.seed = options, data, source, seed

    def prepare(self) -> None:
        self.labelled: LabelledTexts = read_labelled_texts(self.source, self.options, self.data, self.seed)
        labelled, classes = self.labelled, len(self.labelled.labels)
        self._ends = Ends(
            features=("token",),
            outputs=(classes,),
            output_names=labelled.labels,
            input_shift=(0.0,),
            input_scale=(1.0,),
            output_shift=(0.0,) * classes,
            output_scale=(1.0,) * classes,
            pool=self.options.pool,
            tokens=labelled.tokenizer.size,
            embedding_dropout=self.options.embedding_dropout,
        )
        self._once = torch.from_numpy(labelled.once)
        self._unknown = labelled.tokenizer.vocabulary.id(UNKNOWN)
        balanced = self.options.class_weights == "balanced"
        self._weights = balanced_weights(labelled.classes[labelled.splits["train"]], classes) if balanced else None

    @property
    def ends(self) -> Ends:
        return self._ends

    def dataset(self, split: str) -> TextItems:
        """Texts of train are cut to `longest` tokens; the others are read whole."""
        check_split(split)
        return TextItems(self.labelled, split, self.options.longest if split == "train" else None)

    def batches(self, split: str, size: int, *, epoch: int, seed: int) -> list[list[int]]:
        longest = self.options.longest
        lengths = [min(longest, len(self.labelled.ids[i])) for i in self.labelled.splits[split]]
        return length_batches(lengths, size, epoch=epoch, seed=seed)

    def run(self, model: SequenceLayer, batch: Batch, state: State) -> tuple[Tensor, Tensor, State]:
        if model.training and self.options.unknown:
            rare = self._once.to(batch.x.device)[batch.x]
            rare &= torch.rand(batch.x.shape, device=batch.x.device) < self.options.unknown
            batch = replace(batch, x=torch.where(rare, self._unknown, batch.x))
        return super().run(model, batch, state)

    def loss(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Cross entropy in nats; with balanced class weights their weighted sum over the sum of the weights."""
        return label_loss(last_outputs(y, out_lengths), batch.target, self._weights, self.options.label_smoothing)

    def metrics(self) -> ClassifyScores:
        return ClassifyScores(len(self.labelled.labels))

    def naive_answers(self, split: str) -> dict[str, Tensor]:
        """majority, and bag-of-words: logistic regression on TF-IDF of words; as log probabilities [N C]."""
        check_split(split)
        return simple_answers(self.labelled, split)

    def manifest(self) -> dict[str, Any]:
        return {
            "type": "classify",
            "labels": list(self.labelled.labels),
            "pool": self.options.pool,
            "tokenizer": self.labelled.tokenizer.as_dict(),
            "text": self.data.text,
            "source": self.labelled.texts.origin,
        }

    def describe(self) -> dict[str, Any]:
        return describe_texts(self.labelled) | {"baselines": self.baselines("test")}

    def records(self, answers: list[Tensor], split: str) -> list[dict[str, Any]]:
        """Per text: its position in the source, the text, true label, likeliest label, all probabilities."""
        check_split(split)
        labelled, names = self.labelled, self.labelled.labels
        found = []
        for index, member in enumerate(labelled.splits[split].tolist()):
            found.append(
                {
                    "index": index,
                    "item": member,
                    "text": labelled.texts.texts[member],
                    "truth": labelled.texts.labels[member],
                    **told(answers[index], names),
                }
            )
        return found

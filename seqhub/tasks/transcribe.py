"""Transcription: from the samples of a recording, or any other sequence, what is said in it.

Trained with connectionist temporal classification (Graves et al. 2006, doi:10.1145/1143844.1143891): the model gives a
score to every token and to the blank, id 0, at every output step; the loss adds up all paths that spell the text.

Shapes: B recordings, T' output steps, V tokens with the blank.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from seqhub.audio import beam_text, greedy_text
from seqhub.data.batch import Batch
from seqhub.data.buckets import length_batches
from seqhub.data.table import Source
from seqhub.errors import DataError
from seqhub.geometry import Geometry
from seqhub.nn.ends import Ends
from seqhub.tasks.augment import Spoiler
from seqhub.tasks.base import Task, check_split
from seqhub.tasks.configs_audio import TranscribeConfig, TranscribeData
from seqhub.tasks.recordings import RecordingItems, Recordings, read_recordings
from seqhub.tasks.text_tokens import build_tokenizer
from seqhub.tasks.transcribe_scores import TranscribeScores

BLANK = "<blank>"


class Transcribe(Task):
    """Recordings split at random, or with test recordings by name."""

    def __init__(self, options: TranscribeConfig, data: TranscribeData, source: Source, seed: int) -> None:
        self.options, self.data, self.source, self.seed = options, data, source, seed
        self.tokenizer = build_tokenizer(options.tokens)

    def prepare(self) -> None:
        self.recordings: Recordings = read_recordings(self.source, self.data, self.tokenizer, (BLANK,), self.seed)
        tokens = self.tokenizer.size
        scaler = self.recordings.scaler
        self._ends = Ends(
            features=self.recordings.features,
            outputs=(tokens,),
            output_names=(BLANK, *(self.tokenizer.join([self.tokenizer.decode([i])]) for i in range(1, tokens))),
            input_shift=scaler.shift,
            input_scale=scaler.scale,
            output_shift=(0.0,) * tokens,
            output_scale=(1.0,) * tokens,
        )
        self._datasets = {split: self._items(split) for split in ("train", "valid", "test")}

    def _items(self, split: str) -> RecordingItems:
        training = split == "train"
        return RecordingItems(
            self.recordings,
            split,
            join=self.data.join,
            spoil=Spoiler.of(self.options, self.recordings.scaler.shift) if training else Spoiler(),
            cut=self.options.cut if training else 0,
            seed=self.seed,
        )

    @property
    def ends(self) -> Ends:
        return self._ends

    def check_geometry(self, geometry: Geometry) -> None:
        """DataError E311 for a text that needs more output steps than the model gives: its tokens, and a blank between
        two that are equal.
        """
        for split, items in self._datasets.items():
            for index, length in enumerate(items.shortest()):
                steps, ids = geometry.out_length(length), items.target(index)
                needed = len(ids) + int((ids[1:] == ids[:-1]).sum())
                if steps < max(needed, 1):
                    what = f"{items.name(index)} ({split}) has {length} steps, of which the model makes {steps}"
                    fix = "use smaller strides in the blocks, coarser tokens, or leave the recording out"
                    raise DataError(f"{what}, but its text needs {max(needed, 1)}", code="E311", fix=fix)

    def dataset(self, split: str) -> RecordingItems:
        check_split(split)
        return self._datasets[split]

    def batches(self, split: str, size: int, *, epoch: int, seed: int) -> list[list[int]] | None:
        """Training recordings of like length side by side; strings and noise are drawn anew for each epoch."""
        if split != "train":
            return None
        items = self._datasets["train"]
        items.begin(epoch)
        return length_batches(items.lengths(), size, epoch=epoch, seed=seed)

    def loss(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """-log probability of the texts in nats, over their tokens."""
        text = torch.cat([row[:n] for row, n in zip(batch.target, batch.target_lengths.tolist(), strict=True)])
        logs = functional.log_softmax(y, dim=-1).transpose(0, 1)  # [T' B V]
        total = functional.ctc_loss(logs, text, out_lengths, batch.target_lengths, reduction="sum", zero_infinity=True)
        return total, batch.target_lengths.sum()

    def answer(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> list[Tensor]:
        """The ids of each text."""
        rows = [row[:n].numpy() for row, n in zip(y.detach().cpu(), out_lengths.tolist(), strict=True)]
        beam = self.options.beam
        return [torch.tensor(greedy_text(row) if beam == 1 else beam_text(row, beam)) for row in rows]

    def text(self, ids: Tensor) -> str:
        """What ids spell."""
        return self.tokenizer.decode(ids.tolist())

    def metrics(self) -> TranscribeScores:
        return TranscribeScores(self.text)

    def naive_answers(self, split: str) -> dict[str, list[Tensor]]:
        """most-common-text: the text that occurs most often in training."""
        counts: dict[str, int] = {}
        for member in self.recordings.splits["train"].tolist():
            counts[self.recordings.texts[member]] = counts.get(self.recordings.texts[member], 0) + 1
        best = max(counts, key=lambda text: (counts[text], text))
        ids = torch.tensor(self.tokenizer.encode(best))
        return {"most-common-text": [ids] * len(self.dataset(split))}

    def manifest(self) -> dict[str, Any]:
        return {
            "type": "transcribe",
            "tokens": self.tokenizer.as_dict(),
            "beam": self.options.beam,
            "rate_hz": self.recordings.rate_hz,
            "source": self.recordings.origin,
        }

    def describe(self) -> dict[str, Any]:
        return self.recordings.describe() | {"tokens": self.tokenizer.size - 1, "baselines": self.baselines("test")}

    def records(self, answers: list[Tensor], split: str) -> list[dict[str, Any]]:
        """Per recording: its name, steps, what was said and what was written."""
        items = self.dataset(split)
        lengths = items.lengths()
        return [
            {
                "index": index,
                "item": items.name(index),
                "length": lengths[index],
                "truth": self.text(items.target(index)),
                "prediction": self.text(answer),
            }
            for index, answer in enumerate(answers)
        ]

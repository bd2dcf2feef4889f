"""The contract of a task: what a batch is, the loss, the answer, the scores.

Built as `Target(options, data_options, source, seed)`. Nothing is read before `prepare`.

Shapes: B batch, T time, D columns of x, T' output steps, O = prod(ends.outputs).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor

from seqhub.data.batch import Batch, Item, Items, collate
from seqhub.errors import DataError
from seqhub.geometry import Geometry
from seqhub.nn.ends import Ends
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.state import State

_BATCH = 256


Answers = Tensor | list[Tensor]  # one for each row: [B ...], or a list of tensors of any shapes


class Scores(Protocol):
    """Metrics from sums over items, in raw units: the same for any batch size."""

    def update(self, answer: Any, batch: Batch) -> None:
        """Add what `Task.answer` gave for a batch."""
        ...

    def compute(self) -> dict[str, float]:
        """Every metric that the task's spec names."""
        ...


class Task(ABC):
    """What is learnt from which data."""

    @abstractmethod
    def prepare(self) -> None:
        """Read, check, split, and fit scalers on the training split alone. DataError on what cannot be used."""

    def check_geometry(self, geometry: Geometry) -> None:
        """After `prepare`: DataError where a model of this geometry cannot learn from this data."""
        return None

    @property
    @abstractmethod
    def ends(self) -> Ends:
        """Columns in, numbers out, their units. After `prepare`."""

    @abstractmethod
    def dataset(self, split: str) -> Items:
        """The items of `train`, `valid` or `test`."""

    @staticmethod
    def collate(items: list[Item]) -> Batch:
        """Items as one batch, padded to the longest. It goes to other processes, so it knows nothing of the task."""
        return collate(items)

    @abstractmethod
    def loss(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Sum and count over a batch's outputs y [B T' O]; the mean is their quotient."""

    def batches(self, split: str, size: int, *, epoch: int, seed: int) -> Sequence[Sequence[int]] | None:
        """The items of each batch of an epoch, where their order matters: streams that go on from batch to batch,
        or items of like length side by side. None: `size` items a batch, training data in random order.
        """
        return None

    def run(self, model: SequenceLayer, batch: Batch, state: State) -> tuple[Tensor, Tensor, State]:
        """The model on a batch, from this state: y [B T' O], out_lengths [B], the state after it."""
        outputs: tuple[Tensor, Tensor, State] = model(batch.x, batch.lengths, state)
        return outputs

    def begin_epoch(self, epoch: int) -> None:
        """Before the batches of a training epoch, the first of which is 0: for what changes while training goes on."""
        return None

    def answered(self, model: SequenceLayer, y: Tensor, out_lengths: Tensor, batch: Batch, *, quick: bool) -> Answers:
        """The answers of torch's model to a batch whose outputs are y: those alone, or what a search with the model
        finds. quick: between two epochs of training, when a shorter search will do. A bundle's own go to `answer`.
        """
        return self.answer(y, out_lengths, batch)

    def answer(self, y: Tensor, out_lengths: Tensor, batch: Batch) -> Answers:
        """What is scored and kept of a batch's outputs y [B T' O], one answer a row: here `last_outputs`."""
        return last_outputs(y, out_lengths)

    @abstractmethod
    def metrics(self) -> Scores:
        """Fresh scores."""

    @abstractmethod
    def naive_answers(self, split: str) -> Mapping[str, Answers]:
        """What needs no sequence model answers to every item of a split, by name, in the order of the split."""

    def baselines(self, split: str) -> dict[str, dict[str, float]]:
        """The same metrics for the naive answers."""
        items = self.dataset(split)
        answers = self.naive_answers(split)
        scores = {name: self.metrics() for name in answers}
        for first in range(0, len(items), _BATCH):
            batch = self.collate([items[i] for i in range(first, min(first + _BATCH, len(items)))])
            for name, answer in answers.items():
                rows = batch.index.tolist()
                scores[name].update([answer[i] for i in rows] if isinstance(answer, list) else answer[rows], batch)
        return {name: score.compute() for name, score in scores.items()}

    @abstractmethod
    def manifest(self) -> dict[str, Any]:
        """JSON for the bundle: `type`, and what it takes to make x of a raw file and an answer of y."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """JSON: what the data is, split by split, and what to know of it before training."""

    @abstractmethod
    def records(self, answers: list[Tensor], split: str) -> list[dict[str, Any]]:
        """One JSON object for each item of a split: what was true, what its answer says."""


def last_outputs(y: Tensor, out_lengths: Tensor) -> Tensor:
    """The output at each row's last valid step: [B T' O] -> [B O]. DataError where a row has none."""
    if int(out_lengths.min()) < 1:
        row = int(out_lengths.argmin()) + 1
        what = f"row {row} of a batch is shorter than a block of the model, so it has no output"
        raise DataError(what, code="E311", fix="leave out such sequences, or use smaller strides in the blocks")
    last = (out_lengths - 1).view(-1, 1, 1).expand(-1, 1, y.shape[-1])
    return y.gather(1, last).squeeze(1)


def check_split(split: str) -> None:
    """ValueError unless it is one of the three."""
    if split not in ("train", "valid", "test"):
        raise ValueError(f"there is no split {split!r}; splits are train, valid, test")


def refuse_source(origin: str, gives: str, task: str, needs: str, fix: str) -> DataError:
    """A source whose kind of data the task cannot use."""
    return DataError(f"source {origin} gives {gives}; {task} needs {needs}", code="E312", fix=fix)

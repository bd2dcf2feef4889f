"""Batches in an order that depends on nothing but seed and epoch, from any batch on.

In process, or in `workers` beside it: sequences are mostly small, and then a worker costs more than it saves. The order
of an epoch is drawn from a generator of its own: it does not move the random numbers of dropout, nor they it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch

from seqhub.training.workers import Work, Workers


class Items(Protocol):
    """What is loaded: a dataset with a length."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


class EpochSampler:
    """The order of the items in an epoch; Lightning calls `set_epoch`."""

    def __init__(self, length: int, *, seed: int, shuffle: bool) -> None:
        self.length, self.seed, self.shuffle = length, seed, shuffle
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def order(self) -> Sequence[int]:
        """A permutation of all items: the same for the same seed and epoch."""
        if not self.shuffle:
            return range(self.length)
        generator = torch.Generator().manual_seed((self.seed << 24) + self.epoch)
        return torch.randperm(self.length, generator=generator).tolist()


class Plan(Protocol):
    """A task's own batches: the indices of each batch of an epoch, or None for the order of the sampler."""

    def __call__(self, *, epoch: int) -> Sequence[Sequence[int]] | None: ...


class EpochBatches:
    """The indices of each batch of an epoch. limit: at most this many batches; None: all, the last may be smaller.

    A plan gives as many batches in every epoch.
    """

    def __init__(self, sampler: EpochSampler, batch: int, limit: int | None, plan: Plan | None) -> None:
        self.sampler, self.batch, self.plan = sampler, batch, plan
        first = plan(epoch=0) if plan is not None else None
        batches = -(-sampler.length // batch) if first is None else len(first)
        self.length = batches if limit is None else min(batches, limit)

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Sequence[int]]:
        planned = self.plan(epoch=self.sampler.epoch) if self.plan is not None else None
        if planned is not None:
            yield from planned[: self.length]
            return
        order = self.sampler.order()
        for number in range(self.length):
            yield order[number * self.batch : (number + 1) * self.batch]


class EpochLoader:
    """Batches of one split; the last one may be smaller and is never dropped.

    `state_dict` says how many batches of the epoch have been given out; an iteration after `load_state_dict` starts
    behind them. `batch_sampler.sampler` is where Lightning looks for the epoch.

    workers: processes that prepare the batches; see `Workers`.
    """

    def __init__(
        self,
        dataset: Items,
        collate: Callable[[list[Any]], Any],
        batch: int,
        *,
        seed: int = 0,
        shuffle: bool = False,
        limit: int | None = None,
        plan: Plan | None = None,
        workers: int = 0,
    ) -> None:
        self.dataset, self.collate = dataset, collate
        self.batch_sampler = EpochBatches(EpochSampler(len(dataset), seed=seed, shuffle=shuffle), batch, limit, plan)
        self._workers = Workers(dataset, collate, workers) if workers else None
        self._given = 0
        self._skip = 0

    def __len__(self) -> int:
        return len(self.batch_sampler)

    def __iter__(self) -> Iterator[Any]:
        first, self._skip = self._skip, 0
        wanted = itertools.islice(self.batch_sampler, first, None)
        for number, batch in enumerate(self._prepared(wanted), start=first + 1):
            self._given = number
            yield batch

    def _prepared(self, wanted: Iterator[Sequence[int]]) -> Iterator[Any]:
        if self._workers is not None:
            # asked only once the plan is made: it may have begun an epoch
            return self._workers.batches(Work(getattr(self.dataset, "epoch", 0), indices) for indices in wanted)
        return (self.collate([self.dataset[index] for index in indices]) for indices in wanted)

    def close(self) -> None:
        """End the workers, where there are any."""
        if self._workers is not None:
            self._workers.close()

    def state_dict(self) -> dict[str, int]:
        """The position inside the epoch."""
        return {"batch": self._given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Let the next iteration start behind the batches already given."""
        self._skip = self._given = state["batch"]

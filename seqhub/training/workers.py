"""Processes that prepare batches beside the training: the same batches, in the same order, as without them.

A process is started anew (`spawn`), so it survives threads and devices of the one that trains; it gets the items and
how they are collated once, and from then on nothing but the indices of a batch and its epoch. What is drawn for an item
depends on seed, epoch and item, so it does not matter who prepares it.

Ctrl-C is for the process that trains: it ends the others in good order. They also end when it is gone, however it went.
"""

from __future__ import annotations

import io
import pickle
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader, Dataset

from seqhub.errors import RunError, SeqhubError

_FIX = "go on without: --set train.workers=0"


class Work(NamedTuple):
    """A batch to prepare: the positions of its items, and the epoch that they are of."""

    epoch: int
    indices: Sequence[int]


class _Prepared(Dataset[Any]):
    """What a process holds. A batch by its work, or the error that it ended in: torch would make another of it.

    A batch travels as bytes: torch's own way keeps a file open for each of its tensors, in a memory that may be small.
    """

    def __init__(self, dataset: Any, collate: Callable[[list[Any]], Any]) -> None:
        self.dataset, self.collate = dataset, collate

    def __getitem__(self, work: Work) -> bytes | SeqhubError:
        try:
            if getattr(self.dataset, "epoch", work.epoch) != work.epoch:
                self.dataset.begin(work.epoch)
            return _packed(self.collate([self.dataset[index] for index in work.indices]))
        except SeqhubError as error:
            return error
        except Exception as error:
            said = f"{type(error).__name__}: {' '.join(str(error).split())}"
            what = f"items {_few(work.indices)} cannot be prepared: {said}"
            return RunError(what, code="E411", fix="to see where: --set train.workers=0 and SEQHUB_DEBUG=1")


class _Pickler(pickle.Pickler):
    """Tensors as arrays."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, torch.Tensor):
            return torch.from_numpy, (obj.numpy(),)
        return NotImplemented


def _packed(batch: Any) -> bytes:
    file = io.BytesIO()
    _Pickler(file, protocol=pickle.HIGHEST_PROTOCOL).dump(batch)
    return file.getvalue()


class _Order:
    """The work of one epoch; torch asks for it anew at the start of each."""

    def __init__(self) -> None:
        self.work: Iterable[Work] = ()

    def __iter__(self) -> Iterator[Work]:
        return iter(self.work)


class Workers:
    """`count` processes, started when the first batch is asked for. `close` ends them."""

    def __init__(self, dataset: Any, collate: Callable[[list[Any]], Any], count: int) -> None:
        self._prepared, self.count = _Prepared(dataset, collate), count
        self._order = _Order()
        self._loader: DataLoader[Any] | None = None

    def batches(self, work: Iterable[Work]) -> Iterator[Any]:
        """The batches of an epoch, in order. Raises the error that a batch ended in, RunError E411 where a process is
        gone or cannot be given the items.
        """
        self._order.work = work
        with _no_one_gone():
            found = self._iterator()
        while True:
            with _no_one_gone():
                batch = next(found, None)
            if batch is None:
                return
            if isinstance(batch, SeqhubError):
                raise batch
            yield pickle.loads(batch)

    def close(self) -> None:
        """End the processes; the next batch would start them again."""
        if self._loader is not None and self._loader._iterator is not None:
            self._loader._iterator._shutdown_workers()  # type: ignore[attr-defined]
        self._loader = None

    def _iterator(self) -> Iterator[Any]:
        if self._loader is not None:
            return iter(self._loader)
        for part in (self._prepared.dataset, self._prepared.collate):
            _check_importable(part)
        self._loader = DataLoader(
            self._prepared,
            batch_size=None,
            sampler=self._order,  # it is asked for nothing but an iterator
            num_workers=self.count,
            collate_fn=_as_it_is,
            multiprocessing_context="spawn",
            persistent_workers=True,
            generator=torch.Generator().manual_seed(0),  # else starting would move the random numbers of the training
        )
        try:
            with _without_interrupts():
                return iter(self._loader)
        except Exception as error:
            self._loader = None
            what = f"the items of this task cannot go to another process: {type(error).__name__}: {error}"
            raise RunError(what, code="E411", fix=_FIX) from None


def gone(error: RuntimeError) -> RunError | None:
    """What torch says when a process is no longer there, as one error; None where it says something else."""
    said = " ".join(str(error).split())
    if not said.startswith("DataLoader worker"):
        return None
    fix = f"a process that the system ends is short of memory: fewer workers, or smaller batches; or {_FIX}"
    return RunError(f"a process that prepares batches has ended: {said}", code="E411", fix=fix)


@contextmanager
def _no_one_gone() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if (lost := gone(error)) is None:
            raise
        raise lost from None


def _check_importable(part: Any) -> None:
    """RunError E411 where another process could not find the class or the function."""
    named = part if hasattr(part, "__qualname__") else type(part)
    top = named.__module__.partition(".")[0]
    if not any(finder.find_spec(top, None) for finder in sys.meta_path):
        what = f"'{named.__qualname__}' is of {named.__module__}, which another process cannot import"
        raise RunError(what, code="E411", fix=f"install it as a distribution: seqhub plugins new; or {_FIX}")


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes that start inside never see Ctrl-C; in this one it waits until they have been started."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it would let the signal through again when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _as_it_is(batch: Any) -> Any:
    return batch


def _few(indices: Sequence[int]) -> str:
    shown = ", ".join(map(str, indices[:5]))
    return shown if len(indices) <= 5 else f"{shown}, ..."

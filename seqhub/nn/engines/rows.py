"""Rows of a batch side by side: each thread takes its own rows through the whole loop, and none waits for another.

Rows never meet within a step, and a step of a recurrence has little to share: two threads that split every product of a
step wait for each other at each of them. So the threads split the batch instead. They are the threads of torch's own
team (OpenMP): those spin for some milliseconds after each of torch's loops, and any others would have to share the
cores with them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import torch

from seqhub.nn.engines.library import torch_library

FEWEST_ROWS = 4  # of a thread: a product of fewer rows costs as much
FEWEST_MULTIPLY_ADDS = 2**18  # of a step of all rows: to meet costs a millisecond, which a hundred such steps save
FEWEST_TO_SHARE = 2**22  # multiply-adds of a step whose products threads share: to meet costs them some microseconds
_T = TypeVar("_T")


def parts_of(batch: int, work: int) -> int:
    """How many threads share the rows of a batch, each the same number. work: of a step, in multiply-adds."""
    most = min(torch.get_num_threads(), batch // FEWEST_ROWS)
    if most < 2 or work < FEWEST_MULTIPLY_ADDS or _team() is None:
        return 1
    return next(parts for parts in range(most, 0, -1) if batch % parts == 0)


@contextmanager
def threads_for(work: int, parts: int) -> Iterator[None]:
    """One thread for each part of a batch, and for a step with little to share. work: of a step, in multiply-adds."""
    threads = torch.get_num_threads()
    if threads == 1 or (parts == 1 and work >= FEWEST_TO_SHARE):
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def side_by_side(functions: Sequence[Callable[[], _T]]) -> list[_T]:
    """The result of each, in order: one runs here, and each of the others on a thread of its own. Where one raises, so
    does this, when all have come to their end.
    """
    team = _team()
    if team is None or len(functions) == 1:
        return [function() for function in functions]
    results: list[Any] = [None] * len(functions)
    errors: list[BaseException] = []
    inference = torch.is_inference_mode_enabled()  # of this thread

    def run(_: object) -> None:
        for number in range(team.omp_get_thread_num(), len(functions), team.omp_get_num_threads()):
            try:
                with torch.inference_mode(inference):
                    results[number] = functions[number]()
            except BaseException as error:  # nothing may leave through the frames of the team
                errors.append(error)

    team.GOMP_parallel(_Body(run), None, torch.get_num_threads(), 0)
    if errors:
        raise errors[0]
    return results


_Body = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


@cache
def _team() -> Any:
    """The OpenMP library that torch itself is linked with; None where it is none, or of another make."""
    try:
        library = torch_library()
        library.GOMP_parallel.argtypes = [_Body, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
        library.GOMP_parallel.restype = None
        library.omp_get_thread_num()
    except (OSError, AttributeError):
        return None
    return library

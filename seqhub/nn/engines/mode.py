"""How a loop over time is carried out: eagerly, in compiled blocks, or written down as one ONNX operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_EXPORTING: ContextVar[bool] = ContextVar("seqhub_exporting", default=False)
_COMPILING: ContextVar[Callable[[str], None] | None] = ContextVar("seqhub_compiling", default=None)


@contextmanager
def exporting() -> Iterator[None]:
    """Inside, the engines emit `Scan` (or the native recurrent operators) in place of a Python loop, which an
    exporter would unroll.
    """
    token = _EXPORTING.set(True)
    try:
        yield
    finally:
        _EXPORTING.reset(token)


def is_exporting() -> bool:
    return _EXPORTING.get()


@contextmanager
def compiling(say: Callable[[str], None]) -> Iterator[None]:
    """Inside, the sequential engine compiles the loops that it trains, once for each kind and width; `say` is told
    before it does, for it takes tens of seconds. Outside, nothing is compiled.
    """
    token = _COMPILING.set(say)
    try:
        yield
    finally:
        _COMPILING.reset(token)


def compile_notice() -> Callable[[str], None] | None:
    """Whom to tell before compiling; None where nothing is to be compiled."""
    return None if is_exporting() else _COMPILING.get()

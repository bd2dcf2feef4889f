"""How a loop over time is carried out: eagerly, or written down as one ONNX operator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_EXPORTING: ContextVar[bool] = ContextVar("seqhub_exporting", default=False)


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

"""Sources, columns, splits, windows and batches. Importing the package loads neither numpy nor torch.

What a source of a plugin needs is here: `read()` gives a `Table` or `Sequences`. They are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqhub.data.batch import Batch
    from seqhub.data.table import Sequences, Source, Table

__all__ = ["Batch", "Sequences", "Source", "Table"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = "seqhub.data.batch" if name == "Batch" else "seqhub.data.table"
    return getattr(importlib.import_module(module), name)

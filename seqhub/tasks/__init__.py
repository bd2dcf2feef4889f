"""What is learnt: one file a task. Importing the package loads neither numpy nor torch.

What a task of a plugin needs is here: it derives from `Task`, and its `metrics()` gives `Scores`. Loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqhub.tasks.base import Scores, Task

__all__ = ["Scores", "Task"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module("seqhub.tasks.base"), name)

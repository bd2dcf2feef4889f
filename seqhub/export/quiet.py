"""Silence for what the exporter says about itself, and for nothing else."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGERS = ("torch.onnx", "onnxscript", "onnx_ir")
_WARNINGS: tuple[tuple[type[Warning], str], ...] = (
    (FutureWarning, r"`isinstance\(treespec, LeafSpec\)` is deprecated"),  # torch.export copies its own tree specs
    (UserWarning, r"# The axis name: \w+ will not be used"),  # every state shares the batch axis, as it should
    (
        DeprecationWarning,
        r"`torch\.jit\.\w+` is (deprecated|not supported)",
    ),  # functions that torch itself scripts on import
    (UserWarning, r"Exporting a model while it is in training mode"),  # the inner modules torch.export makes
)


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Within, known warnings of torch's exporter are dropped and its loggers report errors only."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    try:
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
        with warnings.catch_warnings():
            for category, message in _WARNINGS:
                warnings.filterwarnings("ignore", message=message, category=category)
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)

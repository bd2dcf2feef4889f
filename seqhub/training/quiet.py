"""Third-party messages that say nothing to the user of a recipe: each named, with its reason. All others are shown."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_EXPECTED = (
    # a run folder is resumed: its checkpoints are meant to be there
    (r"Checkpoint directory .* exists and is not empty.*", UserWarning),
    # a recipe that keeps nothing for validation
    (r"You defined a `validation_step` but have no `val_dataloader`.*", UserWarning),
    # Lightning still looks at torch's pytrees in a way that torch is going to rename
    (r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*", FutureWarning),
)


@contextmanager
def quiet(log_file: Path) -> Iterator[None]:
    """Lightning's warnings and seqhub's own messages go to `log_file` with the time; expected warnings go nowhere."""
    handler = logging.FileHandler(log_file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    theirs = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    ours = logging.getLogger("seqhub")
    before = [(logger, logger.level, logger.propagate, logger.handlers[:]) for logger in (*theirs, ours)]
    for logger in (*theirs, ours):
        logger.handlers[:] = [handler]
        logger.propagate = False
        logger.setLevel(logging.INFO if logger is ours else logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message, category in _EXPECTED:
                warnings.filterwarnings("ignore", message=message, category=category)
            yield
    finally:
        for logger, level, propagate, handlers in before:
            logger.setLevel(level)
            logger.propagate = propagate
            logger.handlers[:] = handlers
        handler.close()

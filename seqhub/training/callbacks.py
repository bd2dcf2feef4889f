"""What happens around the batches: rows for the metrics files, progress, and stopping in good order."""

from __future__ import annotations

import csv
import io
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint

from seqhub.training.display import Display, summary
from seqhub.training.files import append_row, read_rows, write_bytes, write_rows
from seqhub.training.learner import Learner
from seqhub.training.stopping import Interrupted, StopRequest

log = logging.getLogger("seqhub.training")
SAVE_EVERY_S = 300.0  # a power cut costs five minutes of a long epoch at most


class FolderCheckpoint(ModelCheckpoint):
    """Lightning's ModelCheckpoint, for checkpoints that are folders and whose names have no ending."""

    FILE_EXTENSION = ""


class Recorder(Callback):
    """One row an epoch: metrics.jsonl, the same as CSV, and the display.

    Rows of epochs after `epochs_done` come from a process that died before its checkpoint: they are dropped, and their
    epochs trained again.
    """

    def __init__(self, rows: Path, table: Path, display: Display, epochs_done: int, lower_is_better: bool) -> None:
        self.rows, self.table, self.display = rows, table, display
        self.lower_is_better = lower_is_better
        self.history = [row for row in read_rows(rows) if row["epoch"] <= epochs_done]
        write_rows(rows, list(self.history))
        if self.history:
            lines = [_csv(self.history[0]), *(_csv(row.values()) for row in self.history)]
            write_bytes(table, "".join(lines).encode())

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        batches = int(trainer.num_training_batches)
        self.display.start(trainer.max_epochs or 0, batches, trainer.fit_loop.total_batch_idx + 1)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, Learner)
        self.display.batch(trainer.current_epoch + 1, trainer.fit_loop.total_batch_idx + 1, pl_module.mean_train_loss)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, Learner)
        row: dict[str, Any] = {
            "epoch": trainer.current_epoch + 1,
            "epochs": trainer.max_epochs,
            "step": trainer.global_step,
            "train_loss": pl_module.mean_train_loss,
        }
        row |= {f"valid_{name}": value for name, value in pl_module.valid.items()}
        row |= {
            "lr": pl_module.rate.rate(trainer.global_step - 1),
            "longest_gradient": pl_module.longest_gradient,
            "seconds": round(pl_module.tick(), 3),
        }
        row["best"] = self._is_best(row[pl_module.monitor], pl_module.monitor)
        if not self.history:
            write_bytes(self.table, _csv(row).encode())
        with open(self.table, "a", encoding="utf-8", newline="") as stream:
            stream.write(_csv(row.values()))
        append_row(self.rows, row)
        self.history.append(row)
        self.display.epoch(row)
        log.info("epoch %d/%d  %s", row["epoch"], row["epochs"], summary(row))

    def _is_best(self, value: float, monitor: str) -> bool:
        """As ModelCheckpoint decides: strictly better than every epoch before."""
        before = [row[monitor] for row in self.history]
        return not before or (value < min(before) if self.lower_is_better else value > max(before))

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.display.stop()


def _csv(values: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


class Guard(Callback):
    """Writes `last` in the middle of an epoch: when the user wants to stop, and every five minutes.

    At the last batch of an epoch it waits: validation follows, and then the epoch's own checkpoint.
    """

    def __init__(self, last: Path, stop: StopRequest, save_every_s: float = SAVE_EVERY_S) -> None:
        self.last, self.stop, self.save_every_s = last, stop, save_every_s
        self._saved_s = time.monotonic()
        self._first_epoch: int | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._first_epoch = trainer.current_epoch

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._saved_s = time.monotonic()
        if self.stop.requested and trainer.current_epoch != self._first_epoch:
            raise Interrupted  # the checkpoint was written when the epoch before this one ended

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx + 1 == trainer.num_training_batches:
            return
        if self.stop.requested or time.monotonic() - self._saved_s >= self.save_every_s:
            trainer.save_checkpoint(self.last)
            self._saved_s = time.monotonic()
        if self.stop.requested:
            raise Interrupted


def position(checkpoint: Mapping[str, Any]) -> tuple[int, int]:
    """Epochs finished and batches done in the epoch after them, from a loaded checkpoint."""
    progress = checkpoint["loops"]["fit_loop"]
    epochs = progress["epoch_progress"]["current"]["processed"]
    started = progress["epoch_progress"]["current"]["started"]
    batches = progress["epoch_loop.batch_progress"]["current"]["processed"]
    return epochs, batches if started > epochs else 0

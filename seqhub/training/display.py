"""What a person sees while a model trains: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Row = Mapping[str, Any]  # one line of metrics.jsonl


class Display:
    """Plain lines: the first epoch, the last, and one every `every_s` seconds between them."""

    def __init__(self, every_s: float = 5.0) -> None:
        self.every_s = every_s
        self._last_line_s = -float("inf")

    def say(self, text: str) -> None:
        """One line to the user."""
        print(text, flush=True)

    def start(self, epochs: int, batches: int, done: int) -> None:
        """Training begins: `done` batches of `epochs * batches` are behind it."""

    def batch(self, epoch: int, done: int, loss: float) -> None:
        """A batch ended; `done` in the whole training, with the mean loss of the epoch so far."""

    def epoch(self, row: Row) -> None:
        """An epoch ended."""
        now = time.monotonic()
        if row["epoch"] in (1, row["epochs"]) or now - self._last_line_s >= self.every_s:
            self._last_line_s = now
            epochs = str(row["epochs"])
            self.say(f"epoch {row['epoch']:>{len(epochs)}}/{epochs}  {summary(row)}  {row['seconds']:.1f} s")

    def stop(self) -> None:
        """Training ended, one way or another."""


class RichDisplay(Display):
    """A progress bar over all batches of the training, with the newest numbers behind it."""

    def __init__(self) -> None:
        super().__init__()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._epochs = 0
        self._numbers = ""

    def say(self, text: str) -> None:
        if self._bar is None:
            super().say(text)
        else:
            self._bar.console.print(text, markup=False, highlight=False)

    def start(self, epochs: int, batches: int, done: int) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._epochs = epochs
        columns = (  # 80 columns of text hold all of it
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[loss]}  {task.fields[numbers]}"),
            TimeRemainingColumn(compact=True),
        )
        self._bar = Progress(*columns, transient=True, refresh_per_second=8)
        self._task = self._bar.add_task("training", total=epochs * batches, completed=done, loss="", numbers="")
        self._bar.start()

    def batch(self, epoch: int, done: int, loss: float) -> None:
        if self._bar is not None and self._task is not None:
            description = f"epoch {epoch}/{self._epochs}"
            self._bar.update(self._task, description=description, completed=done, loss=f"loss {loss:.4g}")

    def epoch(self, row: Row) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, numbers=summary(row, train=False, metrics=1))

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def summary(row: Row, *, train: bool = True, metrics: int = 3) -> str:
    """`train loss 0.31  valid loss 0.42  mae 1.3 *`; the star marks the best epoch so far."""
    parts = [f"train loss {row['train_loss']:.4g}"] if train else []
    parts += [f"valid loss {row['valid_loss']:.4g}"] if "valid_loss" in row else []
    shown = [name for name in row if name.startswith("valid_") and name != "valid_loss"][:metrics]
    parts += [f"{name.removeprefix('valid_')} {row[name]:.4g}" for name in shown]
    return "  ".join(parts) + (" *" if row["best"] else "")


def make_display() -> Display:
    """A bar where standard output is a terminal, lines where it is a file or a pipe."""
    return RichDisplay() if sys.stdout.isatty() else Display()

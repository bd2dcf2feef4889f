"""How far a bench is, on stderr: a bar where that is a terminal, lines elsewhere. stdout is left to the results."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


class Progress:
    """Counts training steps."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self._bar: Bar | None = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            text, count, left = (
                TextColumn("{task.description}"),
                MofNCompleteColumn(),
                TimeRemainingColumn(compact=True),
            )
            console = Console(stderr=True)
            self._bar = Bar(text, BarColumn(bar_width=16), count, left, console=console, transient=True)
            self._bar.add_task("steps", total=self.total)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def tick(self, text: str) -> None:
        """One step of what `text` names."""
        self.done += 1
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=text, completed=self.done)

    def skip(self, steps: int) -> None:
        """Steps that need not be taken."""
        self.done += steps
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self.done)

    def say(self, line: str) -> None:
        """Something ended."""
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=sys.stderr, flush=True)

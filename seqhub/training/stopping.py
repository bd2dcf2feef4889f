"""Ctrl-C that keeps the work: the first signal asks, the second one insists."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupted(BaseException):
    """The run stops here on the user's wish. Not an Exception: no `except Exception` on the way may swallow it."""


class StopRequest:
    """Whether the user asked to stop. Training looks at it after each batch; other stages are stopped at once."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.requested = False
        self.patient = False  # training sets this: it wants to finish its batch
        self._say = say

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        if self.requested or not self.patient:
            self.requested = True
            raise Interrupted(signal.Signals(number).name)
        self.requested = True
        self._say("stopping after this batch; press Ctrl-C again to stop at once")

    def check(self) -> None:
        """Raise Interrupted if the user asked to stop."""
        if self.requested:
            raise Interrupted

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM for the duration; a SIGINT that was ignored (a background job) stays ignored."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Python lets only the main thread handle signals
            return
        numbers = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not signal.SIG_IGN]
        before: dict[int, Any] = {number: signal.signal(number, self) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    @contextmanager
    def patiently(self) -> Iterator[None]:
        """Inside, the first signal only sets `requested`."""
        self.patient = True
        try:
            yield
        finally:
            self.patient = False

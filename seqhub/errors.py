"""Every error that seqhub raises on purpose.

    SeqhubError                 exit code
    |-- UsageError      E0xx    2   a command line that cannot be carried out
    |-- RecipeError     E1xx    2   a recipe that does not parse or does not fit its schema
    |                   E2xx        a recipe whose parts do not fit each other
    |-- DataError       E3xx    2   data that cannot be read or used
    |-- RunError        E4xx    1   a run that failed or cannot be resumed
    |-- ExportError     E5xx    1   a graph that could not be made or did not prove equal
    |-- PluginError     E6xx    2   a component that is missing, broken or ambiguous
    |-- BundleError     E7xx    2   a bundle, or an input to one, that the runtime refuses
    `-- ExpectationMissed E8xx  3   a run whose numbers fall outside its recipe's `expect`

Each carries one or more `Problem`s: what is wrong with which value, what is accepted, where, and the one edit that
mends it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Place:
    """A position in a text file; line and column count from 1. Line 0: no file but a command-line option, named by
    `file`.
    """

    file: str
    line: int
    column: int = 1
    text: str = ""  # the source line, printed above the caret

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong."""

    code: str
    message: str
    fix: str = ""
    place: Place | None = None
    severity: str = "error"

    def render(self) -> str:
        """`file:line:column: error[E102]: message`, the source line, and a caret with the fix."""
        prefix = f"{self.place}: " if self.place else ""
        head = f"{prefix}{self.severity}[{self.code}]: {self.message}"
        if self.place is None or not self.place.text:
            return f"{head}\n       {self.fix}" if self.fix else head
        caret = " " * (self.place.column - 1) + "^"
        line = f"  {self.place.line:>4} | {self.place.text}"
        return f"{head}\n{line}\n       | {caret}" + (f"  {self.fix}" if self.fix else "")

    def as_dict(self) -> dict[str, object]:
        """The same for `--json`."""
        place = self.place
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "fix": self.fix,
            "file": place.file if place else None,
            "line": place.line if place else None,
            "column": place.column if place else None,
        }


class SeqhubError(Exception):
    """Base of all; `problems` is never empty."""

    exit_code: ClassVar[int] = 1
    default_code: ClassVar[str] = "E000"

    def __init__(self, message: str, *, fix: str = "", code: str = "", place: Place | None = None) -> None:
        self.problems: tuple[Problem, ...] = (Problem(code or self.default_code, message, fix, place),)
        super().__init__(message)

    @classmethod
    def collect(cls, problems: Iterable[Problem]) -> SeqhubError:
        """One error for many problems, sorted by position."""
        found = sorted(problems, key=lambda p: (p.place.file, p.place.line, p.place.column) if p.place else ("", 0, 0))
        error = cls(found[0].message, fix=found[0].fix, code=found[0].code, place=found[0].place)
        error.problems = tuple(found)
        return error

    def render(self) -> str:
        """Every problem, one after the other."""
        return "\n".join(problem.render() for problem in self.problems)

    def __str__(self) -> str:
        return self.render()


class UsageError(SeqhubError):
    exit_code = 2
    default_code = "E001"


class RecipeError(SeqhubError):
    exit_code = 2
    default_code = "E100"


class DataError(SeqhubError):
    exit_code = 2
    default_code = "E300"


class RunError(SeqhubError):
    default_code = "E400"


class ExportError(SeqhubError):
    default_code = "E500"


class PluginError(SeqhubError):
    exit_code = 2
    default_code = "E600"


class BundleError(SeqhubError):
    exit_code = 2
    default_code = "E700"


class ExpectationMissed(SeqhubError):
    exit_code = 3
    default_code = "E800"

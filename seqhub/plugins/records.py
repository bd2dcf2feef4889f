"""What is known of each plugin: where it was found, what became of it, and why.

found          its metadata was read; nothing was imported yet
disabled       SEQHUB_DISABLE or SEQHUB_PLUGINS leaves it out; never imported
incompatible   it speaks another plugin API than this seqhub; never imported
failed         importing, registering or checking it went wrong; `error` says how
ok             its components are in the registry
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

State = Literal["found", "disabled", "incompatible", "failed", "ok"]


def normalise(dist: str) -> str:
    """The form in which distribution names are compared: `Seqhub_Acme` and `seqhub-acme` are one."""
    return re.sub(r"[-_.]+", "-", dist).lower()


@dataclass(frozen=True)
class PluginRecord:
    """One entry point of one distribution.

    group: `seqhub.v1`, `local` for a file given on the command line, or empty for the modules that are part of the
    core.  seconds: what loading it took.  file: the one given on the command line.
    error: one line, empty when nothing is wrong.  fix: the one edit or command that mends it.  at: `file:line` of the
    fault.  printed, loads_torch: what importing it did and should not have.
    """

    dist: str
    version: str
    entry_point: str
    value: str
    group: str
    state: State = "found"
    error: str = ""
    fix: str = ""
    at: str = ""
    hooks: tuple[str, ...] = ()
    printed: str = ""
    loads_torch: bool = False
    seconds: float = 0.0
    file: str = ""

    @property
    def key(self) -> str:
        """The name in the plugin manager: entry-point names alone may repeat between distributions."""
        return f"{self.dist}:{self.entry_point}"

    @property
    def builtin(self) -> bool:
        """Part of the core: not found by entry point, and never disabled."""
        return not self.group

    @property
    def healthy(self) -> bool:
        """Nothing keeps it from being used."""
        return self.state in ("found", "ok")

    def line(self) -> str:
        """What is told on stderr when the plugin is left out."""
        what = {"failed": "failed to load", "incompatible": "is incompatible", "disabled": "is disabled"}[self.state]
        advice = "" if self.state == "disabled" else "; run: seqhub plugins doctor " + self.dist
        return f"plugin {self.dist} {self.version} {what} ({self.error}){advice}"

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "dist": self.dist,
            "version": self.version,
            "api": self.group or "built-in",
            "entry_point": self.entry_point,
            "module": self.value,
            "state": self.state,
            "error": self.error,
            "fix": self.fix,
            "at": self.at,
            "hooks": list(self.hooks),
            "printed": self.printed,
            "loads_torch": self.loads_torch,
        }

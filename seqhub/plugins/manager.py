"""Load plugins one by one: import, register, check, and undo all of it for the one that goes wrong."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import io
import sys
import time
import traceback
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pluggy

from seqhub.api import ComponentSpec
from seqhub.errors import PluginError
from seqhub.plugins import hookspecs
from seqhub.plugins.checks import spec_problems
from seqhub.plugins.local import load_file
from seqhub.plugins.records import PluginRecord

Loaded = list[tuple[PluginRecord, tuple[ComponentSpec, ...]]]


class _Refused(Exception):
    """A plugin broke a rule of the contract; the message says which."""


class Manager:
    """Holds the plugins that loaded; `loaded` keeps every record, whatever became of it, with its specs."""

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self.loaded: Loaded = []
        self._pluggy = pluggy.PluginManager("seqhub")
        self._pluggy.add_hookspecs(hookspecs)

    def load(self, records: Iterable[PluginRecord]) -> None:
        """Load what is `found`, in order. With `strict`, the first failure raises PluginError from its cause."""
        for record in records:
            if self.strict and record.state in ("failed", "incompatible"):
                raise PluginError(record.line(), fix=record.fix, code="E606")
            self.loaded.append(self._load_one(record) if record.state == "found" else (record, ()))

    def _load_one(self, record: PluginRecord) -> tuple[PluginRecord, tuple[ComponentSpec, ...]]:
        start, torch_was_there, printed = time.perf_counter(), "torch" in sys.modules, io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):  # a chatty plugin must not spoil `--json`
                plugin = load_file(record) if record.file else _entry(record).load()
                self._pluggy.register(plugin, name=record.key)
                hooks, specs = self._collect(plugin)
        except (Exception, SystemExit) as error:  # whatever a plugin does, it takes only itself out
            if self._pluggy.has_plugin(record.key):
                self._pluggy.unregister(name=record.key)
            if self.strict and not record.file:
                message = f"plugin {record.dist} {record.version}: {_one_line(error)}"
                raise PluginError(message, fix=_advice(error), code="E606") from error
            at = _fault(error, record.file)
            failed = replace(record, state="failed", error=_one_line(error), fix=_advice(error), at=at)
            return replace(failed, seconds=time.perf_counter() - start), ()
        loads_torch = not torch_was_there and "torch" in sys.modules
        seconds, text = time.perf_counter() - start, printed.getvalue().strip()
        ok = replace(record, state="ok", hooks=hooks, printed=text, loads_torch=loads_torch, seconds=seconds)
        return ok, specs

    def _collect(self, plugin: Any) -> tuple[tuple[str, ...], tuple[ComponentSpec, ...]]:
        """The names of a plugin's hooks and the specs they yield, or _Refused."""
        hooks: list[str] = []
        specs: list[ComponentSpec] = []
        for caller in self._pluggy.get_hookcallers(plugin) or ():
            kind = hookspecs.HOOKS.get(caller.name)
            implementation = next(impl for impl in caller.get_hookimpls() if impl.plugin is plugin)
            if kind is None:
                if implementation.optionalhook:
                    continue
                close = difflib.get_close_matches(caller.name, hookspecs.HOOKS, n=1)
                raise _Refused(f"hook {caller.name!r} is unknown" + (f"; did you mean {close[0]!r}?" if close else ""))
            if implementation.hookwrapper or implementation.wrapper:
                raise _Refused(f"hook {caller.name!r} is a wrapper; hooks here only yield specs")
            yielded: Any = implementation.function()
            for spec in () if yielded is None else yielded:
                if not isinstance(spec, kind):
                    raise _Refused(f"hook {caller.name!r} yields {spec!r}, not a {kind.__name__}")
                specs.append(spec)
            hooks.append(caller.name)
        if problems := spec_problems(specs):
            raise _Refused("; ".join(problems))
        return tuple(sorted(hooks)), tuple(specs)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, _Refused) else f"{type(error).__name__}: {text}".removesuffix(": ")


def _advice(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"install the package that brings the module {error.name!r}"
    return "upgrade or uninstall the distribution, or leave it out with SEQHUB_DISABLE"


def _entry(record: PluginRecord) -> EntryPoint:
    return EntryPoint(record.entry_point, record.value, record.group)


def _fault(error: BaseException, file: str = "") -> str:
    """`file:line` where it went wrong, in `file` where that is given; '' where it is in what loads plugins."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    machinery = ("<frozen", *(str(Path(module.__file__ or "").parent) for module in (importlib, pluggy, hookspecs)))
    own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    frames = own or [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(machinery)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""

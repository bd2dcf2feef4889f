"""Where a component's class is defined, without importing anything."""

from __future__ import annotations

import ast
import importlib.util
import inspect
from importlib.machinery import PathFinder
from pathlib import Path


def locate_target(target: str) -> str:
    """`file:line` of a target `module:Attribute`, or '' where there is none."""
    module, _, attribute = target.partition(":")
    source = _source(module)
    if source is None:
        return ""
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if attribute in _bound(node):
            return f"{source}:{node.lineno}"
    return ""


def locate_class(cls: type) -> str:
    """`file:line` of a class that is loaded already, or ''."""
    try:
        return f"{inspect.getsourcefile(cls)}:{inspect.getsourcelines(cls)[1]}"
    except (OSError, TypeError):
        return ""


def _source(module: str) -> Path | None:
    """The file of a module. `find_spec` on a dotted name would import its parents, which may load torch."""
    top, *rest = module.split(".")
    found, name = importlib.util.find_spec(top), top
    for part in rest:
        if found is None or found.submodule_search_locations is None:
            return None
        name = f"{name}.{part}"
        found = PathFinder.find_spec(name, found.submodule_search_locations)
    return Path(found.origin) if found is not None and found.origin and found.origin.endswith(".py") else None


def _bound(node: ast.stmt) -> list[str]:
    """The names that a statement at the top of a module defines."""
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name for alias in node.names]
    return []

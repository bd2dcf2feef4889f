"""Compare installed versions with the ranges and pins that seqhub was tested with, by the standard library alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import seqhub
from seqhub.cli.findings import Finding
from seqhub.plugins.records import normalise

REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?\s*([^;]*)(?:;.*extra\s*==\s*['\"]([^'\"]+)['\"])?")
_CLAUSE = re.compile(r"(>=|<=|==|!=|~=|>|<)\s*([0-9][0-9a-zA-Z.+*]*)")
# An extra is looked at once all of these are installed: who has none of it may not want it.
_MARKERS = {"runtime": ("onnxruntime",), "serve": ("starlette", "uvicorn"), "train": ("torch",)}


def release(version: str) -> tuple[int, ...]:
    """The numbers of a version, without trailing zeros: `2.13.0+cpu` -> (2, 13)."""
    numbers = [int(part) for part in re.match(r"\d+(\.\d+)*", version)[0].split(".")] if version[:1].isdigit() else []  # type: ignore[index]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def satisfies(version: str, wanted: str) -> bool:
    """Whether a version lies in a range such as `>=1.5,<2`; clauses that it does not know are taken as met."""
    have = release(version)
    tests = {
        ">=": lambda bound: have >= bound,
        "<=": lambda bound: have <= bound,
        "==": lambda bound: have == bound,
        "!=": lambda bound: have != bound,
        ">": lambda bound: have > bound,
        "<": lambda bound: have < bound,
    }
    clauses = [(sign, bound) for sign, bound in _CLAUSE.findall(wanted) if sign in tests and "*" not in bound]
    return all(tests[sign](release(bound)) for sign, bound in clauses)


def package_findings() -> list[Finding]:
    """Each extra that is in use is complete and within its ranges; then what differs from the tested pins."""
    requirements = list(_requirements())
    found = []
    for extra in ("", "runtime", "serve", "train"):
        label = f"extra [{extra}]" if extra else "core packages"
        lines = [(name, wanted) for name, wanted, of in requirements if of == extra]
        if extra and any(installed_version(marker) is None for marker in _MARKERS[extra]):
            found.append(Finding("ok", label, f"not installed (pip install 'seqhub[{extra}]' brings it)"))
            continue
        faults = [finding for name, wanted in lines if (finding := _fault(label, name, wanted))]
        found += faults or [Finding("ok", label, ", ".join(f"{name} {installed_version(name)}" for name, _ in lines))]
    return [*found, *_differences()]


def _requirements() -> Iterator[tuple[str, str, str]]:
    """(name, range, extra) of each line of seqhub's own metadata, but for extras that name other extras."""
    for line in metadata.requires("seqhub") or ():
        if (match := REQUIREMENT.match(line)) and not normalise(match[1]).startswith("seqhub"):
            yield normalise(match[1]), match[3].strip(), match[4] or ""


def _fault(label: str, name: str, wanted: str) -> Finding | None:
    version = installed_version(name)
    if version is None:
        return Finding("fail", label, f"{name} is not installed", f"pip install '{name}{wanted}'")
    if not satisfies(version, wanted):
        return Finding("fail", label, f"{name} {version} is outside {wanted}", f"pip install '{name}{wanted}'")
    return None


def _differences() -> Iterator[Finding]:
    """What seqhub itself asks for and was tested with in another version."""
    asked = {name for name, _, _ in _requirements()}
    pins = {name: pin for name, pin in read_pins().items() if name in asked}
    if not pins:
        return
    installed = {name: version for name in pins if (version := installed_version(name)) is not None}
    other = [f"{name} {v} (tested {pins[name]})" for name, v in installed.items() if v.partition("+")[0] != pins[name]]
    if other:
        fix = "nothing to do unless something misbehaves; then install with -c constraints.txt"
        yield Finding("warn", "tested versions", "; ".join(other), fix)
    else:
        yield Finding("ok", "tested versions", f"all {len(installed)} installed packages are as tested")


def read_pins() -> dict[str, str]:
    """name -> version of constraints.txt: beside the package in a wheel, in the repository in an editable install."""
    package = Path(seqhub.__file__).parent
    for path in (package / "_constraints.txt", package.parent / "constraints.txt"):
        if path.is_file():
            lines = [line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
            return {normalise(name): pin for name, _, pin in (line.partition("==") for line in lines) if pin}
    return {}


def installed_version(name: str) -> str | None:
    """The version of a distribution, or None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None

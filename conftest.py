"""Which conformance cases run when, and what makes exports in tests cheaper: for the tests of every distribution."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest

_REGISTRY = "torch.onnx._internal.exporter._registration"


def pytest_configure(config: pytest.Config) -> None:
    """Modules that stay for good are not walked again at every collection: torch and onnx hold a million objects."""
    gc.set_threshold(100_000, 20, 50)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before pytest selects by marks: the graphs of a component's first example are proven always, those of the others
    in the slow tests, since there are some 160 examples of five seconds each. Coverage is not measured there, which
    slows the exporter down by half; tests/export runs the same code under it.
    """
    seen: set[str] = set()
    for item in items:
        call = getattr(item, "callspec", None)
        if call is None or call.params.get("group") != "graphs" or "subject" not in call.params:
            continue
        item.add_marker(pytest.mark.no_cover)
        component = item.nodeid.split("[")[0]
        if component in seen:
            item.add_marker(pytest.mark.slow)
        seen.add(component)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Once torch's exporter is loaded, its table of operators is made once a process and not in every export."""
    registry = getattr(sys.modules.get(_REGISTRY), "ONNXRegistry", None)
    if registry is not None and not isinstance(registry.from_torchlib, _Kept):
        registry.from_torchlib = _Kept(registry)


class _Kept:
    """`ONNXRegistry.from_torchlib`: a copy of the first table of each opset, since an export adds to its own."""

    def __init__(self, registry: Any) -> None:
        self._make = registry.from_torchlib
        self._made: dict[int, Any] = {}

    def __call__(self, opset_version: int) -> Any:
        if opset_version not in self._made:
            self._made[opset_version] = self._make(opset_version)
        kept = self._made[opset_version]
        copy = type(kept)()
        copy._opset_version = kept.opset_version
        copy.functions = {target: list(metas) for target, metas in kept.functions.items()}
        return copy

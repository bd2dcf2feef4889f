"""Which conformance cases run when: the graphs of a component's first example always, those of the others in the slow
tests. An export takes ten seconds, and there are some 160 examples.
"""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark before pytest selects by marks."""
    seen: set[str] = set()
    for item in items:
        call = getattr(item, "callspec", None)
        if call is None or call.params.get("group") != "graphs" or "test_conformance" not in item.nodeid:
            continue
        component = item.nodeid.split("[")[0]
        if component in seen:
            item.add_marker(pytest.mark.slow)
        seen.add(component)

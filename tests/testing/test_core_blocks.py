"""The core's own blocks through the conformance suite, and every installed component with examples to check."""

from __future__ import annotations

import pytest

from seqhub.plugins import load_registry
from seqhub.testing.pytest import conformance
from seqhub.testing.suite import subjects

test_linear = conformance("seqhub/linear")
test_mlp = conformance("seqhub/mlp")
test_norm = conformance("seqhub/norm")
test_dropout = conformance("seqhub/dropout")


@pytest.mark.parametrize("kind", ["cell", "attention", "encoder", "block"])
def test_every_component_says_what_it_is(kind):
    components = [c for c in load_registry().components(kind) if c.dist.startswith("seqhub")]
    assert components
    for component in components:
        assert component.spec.summary.endswith(".")
        assert subjects(component)
        assert set(component.spec.flags) == set(type(component.spec).FLAGS), component.ref

"""The core's own blocks through the conformance suite, and every installed component with examples to check."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seqhub.plugins import load_registry
from seqhub.testing.pytest import conformance
from seqhub.testing.suite import subjects

test_linear = conformance("seqhub/linear")
test_mlp = conformance("seqhub/mlp")
test_norm = conformance("seqhub/norm")
test_glu = conformance("seqhub/glu")
test_instance_norm = conformance(
    "seqhub/instance-norm", expected_failures={"check_receptive_field": "the first step is its own mean: always zero"}
)
test_decimate = conformance("seqhub/decimate")
test_from_last = conformance(
    "seqhub/from-last", expected_failures={"check_receptive_field": "the last step is itself less itself: always zero"}
)
test_pool = conformance("seqhub/pool")
test_position = conformance("seqhub/position")
test_dropout = conformance("seqhub/dropout")


@pytest.mark.parametrize("kind", ["cell", "attention", "encoder", "block"])
def test_every_component_says_what_it_is(kind):
    components = [c for c in load_registry().components(kind) if c.dist.startswith("seqhub")]
    assert components
    for component in components:
        assert component.spec.summary.endswith(".")
        assert subjects(component)
        assert set(component.spec.flags) == set(type(component.spec).FLAGS), component.ref


def test_every_first_party_component_is_put_through_the_suite():
    root = Path(__file__).parents[2]
    files = [*root.glob("plugins/*/tests/test_conformance*.py"), Path(__file__)]
    texts = "\n".join(path.read_text(encoding="utf-8") for path in files)
    checked = set(re.findall(r'conformance\(\s*"([^"]+)"', texts))
    registry = load_registry()
    components = [c.ref for kind in ("cell", "attention", "encoder", "block") for c in registry.components(kind)]
    assert sorted(ref for ref in components if ref.startswith("seqhub")) == sorted(checked)

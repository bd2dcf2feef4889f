"""What the scaffold writes is a component that keeps the contract and that a recipe can use."""

from __future__ import annotations

import pytest

from seqhub.assembly.plan import check_recipe
from seqhub.plugins import load_registry
from seqhub.scaffold import KINDS, Names, write_project
from seqhub.testing.suite import CONTRACT, run_checks, too_few
from tests.plugins.projects import installed


@pytest.mark.heavy
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_component_keeps_the_contract(kind, tmp_path):
    folder = write_project(Names.of("near-thing", kind), tmp_path)
    with installed(folder, site=tmp_path / "site"):
        registry = load_registry()
        assert registry.resolve("near-thing").ref == "seqhub-near-thing/near-thing"
        outcomes = run_checks("seqhub-near-thing/near-thing", checks=CONTRACT)
        assert [str(outcome) for outcome in outcomes if outcome.result == "failed"] == []
        assert too_few(outcomes) == []
        recipe, plan = check_recipe(folder / "recipes" / "near-thing.yaml", registry)
        assert recipe.warnings == ()
        assert plan.geometry.streamable

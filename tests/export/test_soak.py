"""Pools of exported models used at random, for seconds and for minutes: each stream's outputs are its offline ones."""

from __future__ import annotations

import statistics
import sys

import pytest

from seqhub.runtime import load
from tests.export.conftest import Exported
from tests.runtime.soak import Soak

SECONDS = 300  # of the long one
GROWTH_MB = 4  # of memory between its second fifth and its last: pages that the allocator rounds up to


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hybrid", "ahead"])
def test_streams_used_at_random_give_what_whole_sequences_give(name: str, request: pytest.FixtureRequest) -> None:
    exported: Exported = request.getfixturevalue(name)
    soak = Soak(load(exported.folder), limit=20)
    soak.run(seconds=3)
    assert soak.checked > 20
    assert min(soak.operations.values()) > 0
    assert soak.worst < 1e-4


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_minutes_of_it_leave_memory_flat(hybrid: Exported) -> None:
    soak, memory = Soak(load(hybrid.folder), limit=100), list[float]()
    soak.run(SECONDS, memory)
    fifth = len(memory) // 5
    assert fifth > 10
    assert soak.worst < 1e-4
    assert min(soak.operations.values()) > 100
    assert statistics.median(memory[-fifth:]) - statistics.median(memory[fifth : 2 * fifth]) < GROWTH_MB

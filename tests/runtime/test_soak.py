"""Pools used at random, for seconds and for minutes."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from seqhub.runtime import load
from tests.runtime.conftest import WriteBundle
from tests.runtime.soak import Soak

SECONDS = 300  # of the long one
GROWTH_MB = 4  # of memory between its first fifth and its last: rounding of pages, not one chunk in a thousand


@pytest.mark.parametrize(("block", "ahead"), [(1, False), (3, False), (1, True)])
def test_streams_used_at_random_give_what_whole_sequences_give(
    write_bundle: WriteBundle, block: int, ahead: bool
) -> None:
    soak = Soak(load(write_bundle(block=block, ahead=ahead)), limit=20, seed=block)
    soak.run(seconds=1.5)
    assert soak.checked > 20
    assert min(soak.operations.values()) > 5
    assert soak.worst < 1e-4


def test_the_soak_notices_one_forgotten_step(write_bundle: WriteBundle) -> None:
    soak = Soak(load(write_bundle()), limit=4)
    soak.open()
    (stream,) = soak.tracks
    soak.push(stream)
    soak.pool.push(stream, np.ones((1, 2)))
    with pytest.raises(ValueError, match="output steps came from"):
        soak.end(stream)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_minutes_of_it_leave_memory_flat(write_bundle: WriteBundle) -> None:
    soak, memory = Soak(load(write_bundle(ahead=True)), limit=100), list[float]()
    soak.run(SECONDS, memory)
    fifth = len(memory) // 5
    assert fifth > 10
    assert soak.worst < 1e-4
    assert min(soak.operations.values()) > 100
    assert np.median(memory[-fifth:]) - np.median(memory[fifth : 2 * fifth]) < GROWTH_MB

"""Pools of running sums used at random; `tests/export/test_soak.py` uses real graphs, and minutes."""

from __future__ import annotations

import numpy as np
import pytest

from seqhub.runtime import load
from tests.runtime.conftest import WriteBundle
from tests.runtime.soak import Soak


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

"""The checks that need onnxruntime alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seqhub.runtime import load
from seqhub.runtime.verify import check_streaming, tolerance_of, verify
from tests.runtime.conftest import WriteBundle


@pytest.mark.parametrize("block", [1, 3])
def test_a_sound_bundle_passes(write_bundle: WriteBundle, block: int) -> None:
    checks = verify(write_bundle(block=block))
    assert [check.ok for check in checks] == [True] * len(checks)
    assert {check.name for check in checks} >= {"checksums", "manifest", "dimensions of full.onnx", "streaming"}


def test_a_stream_that_forgets_its_state_fails(bundle: Path) -> None:
    model = load(bundle)
    graph = model.graphs["stream"]
    run = graph.run
    graph.run = lambda x, lengths, state, end=None: run(x, lengths, graph.initial_state(len(x)), end)  # type: ignore[method-assign]
    assert check_streaming(model, 1e-4).ok is False


def test_a_stream_off_by_more_than_the_tolerance_fails(bundle: Path) -> None:
    model = load(bundle)
    graph = model.graphs["stream"]
    run = graph.run

    def off(x: np.ndarray, *rest: object) -> tuple[np.ndarray, ...]:
        y, *others = run(x, *rest)  # type: ignore[arg-type]
        return y + np.float32(0.01), *others

    graph.run = off  # type: ignore[method-assign,assignment]
    assert check_streaming(model, 1e-4).ok is False
    assert check_streaming(model, 0.1).ok is True


def test_the_tolerance_is_the_one_it_was_proven_with(bundle: Path) -> None:
    assert tolerance_of(bundle) == 1e-4
    (bundle / "parity.json").write_text(json.dumps({"tolerance": 1e-6}))
    assert tolerance_of(bundle) == 1e-6
    (bundle / "parity.json").write_text("{")
    assert tolerance_of(bundle) == 1e-4

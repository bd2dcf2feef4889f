"""The linear cells through the suite that any plugin takes."""

from __future__ import annotations

from seqhub.testing.pytest import conformance

test_hgrn = conformance("seqhub-cells/hgrn")
test_lru = conformance("seqhub-cells/lru")
test_mamba = conformance("seqhub-cells/mamba")
test_min_lstm = conformance("seqhub-cells/min-lstm")
test_qrnn = conformance("seqhub-cells/qrnn")
test_rg_lru = conformance("seqhub-cells/rg-lru")
test_s4d = conformance("seqhub-cells/s4d")
test_s5 = conformance("seqhub-cells/s5")
test_sru = conformance("seqhub-cells/sru")

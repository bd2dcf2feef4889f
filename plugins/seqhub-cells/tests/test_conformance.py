"""Every cell of this distribution through the same suite that any plugin takes."""

from __future__ import annotations

from seqhub.testing.pytest import conformance

test_gru = conformance("seqhub-cells/gru")
test_layernorm_lstm = conformance("seqhub-cells/layernorm-lstm")
test_lstm = conformance("seqhub-cells/lstm")
test_min_gru = conformance("seqhub-cells/min-gru")
test_rnn = conformance("seqhub-cells/rnn")

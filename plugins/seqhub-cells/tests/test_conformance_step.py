"""Every step cell of this distribution but the classic ones, through the suite that any plugin takes."""

from __future__ import annotations

from seqhub.testing.pytest import conformance

test_cfc = conformance("seqhub-cells/cfc")
test_conv_lstm = conformance("seqhub-cells/conv-lstm")
test_indrnn = conformance("seqhub-cells/indrnn")
test_irnn = conformance("seqhub-cells/irnn")
test_layernorm_gru = conformance("seqhub-cells/layernorm-gru")
test_li_gru = conformance("seqhub-cells/li-gru")
test_lstm_coupled = conformance("seqhub-cells/lstm-coupled")
test_lstm_peephole = conformance("seqhub-cells/lstm-peephole")
test_lstm_projected = conformance("seqhub-cells/lstm-projected")
test_ltc = conformance("seqhub-cells/ltc")
test_mgu = conformance("seqhub-cells/mgu")
test_slstm = conformance("seqhub-cells/slstm")
test_ugrnn = conformance("seqhub-cells/ugrnn")

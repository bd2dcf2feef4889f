"""Every memory cell of this distribution through the same suite that any plugin takes."""

from __future__ import annotations

from seqhub.testing.pytest import conformance

test_delta_net = conformance("seqhub-cells/delta-net")
test_gated_delta_net = conformance("seqhub-cells/gated-delta-net")
test_gla = conformance("seqhub-cells/gla")
test_hgrn2 = conformance("seqhub-cells/hgrn2")
test_kda = conformance("seqhub-cells/kda")
test_linear_attention = conformance("seqhub-cells/linear-attention")
test_mamba2 = conformance("seqhub-cells/mamba2")
test_mlstm = conformance("seqhub-cells/mlstm")
test_retnet = conformance("seqhub-cells/retnet")
test_rwkv6 = conformance("seqhub-cells/rwkv6")
test_rwkv7 = conformance("seqhub-cells/rwkv7")

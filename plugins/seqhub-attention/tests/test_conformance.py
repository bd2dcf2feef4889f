"""Every attention of this distribution through the same suite that any plugin takes."""

from __future__ import annotations

from seqhub.testing.pytest import conformance

test_attention = conformance("seqhub-attention/attention")
test_attention_pool = conformance("seqhub-attention/attention-pool")
test_bahdanau = conformance("seqhub-attention/bahdanau")
test_cross_attention = conformance("seqhub-attention/cross-attention")
test_local_attention = conformance("seqhub-attention/local-attention")
test_location_aware = conformance("seqhub-attention/location-aware")
test_luong = conformance("seqhub-attention/luong")
test_monotonic = conformance("seqhub-attention/monotonic")

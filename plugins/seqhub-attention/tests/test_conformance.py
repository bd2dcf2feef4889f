"""Every attention of this distribution through the same suite that any plugin takes."""

from __future__ import annotations

from seqhub.testing.pytest import conformance

test_attention = conformance("seqhub-attention/attention")
test_local_attention = conformance("seqhub-attention/local-attention")

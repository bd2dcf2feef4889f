"""Every encoder of this distribution through the same suite that any plugin takes."""

from __future__ import annotations

from seqhub.testing.pytest import conformance

test_conv1d = conformance("seqhub-conv/conv1d")
test_depthwise_conv = conformance("seqhub-conv/depthwise-conv")

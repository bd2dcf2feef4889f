"""sinc-conv through the suite that every plugin takes."""

from __future__ import annotations

from seqhub.testing.pytest import conformance

test_sinc_conv = conformance("seqhub-sinc-conv/sinc-conv")

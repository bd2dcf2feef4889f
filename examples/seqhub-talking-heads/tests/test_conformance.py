"""talking-heads through the suite that every plugin takes."""

from __future__ import annotations

from seqhub.testing.pytest import conformance

test_talking_heads = conformance("seqhub-talking-heads/talking-heads")

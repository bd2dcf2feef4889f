"""antisymmetric-rnn through the suite that every plugin takes."""

from __future__ import annotations

from seqhub.testing.pytest import conformance

test_antisymmetric_rnn = conformance("seqhub-antisymmetric-rnn/antisymmetric-rnn")

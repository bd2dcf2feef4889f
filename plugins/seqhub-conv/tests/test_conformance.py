"""Every encoder of this distribution through the same suite that any plugin takes."""

from __future__ import annotations

from seqhub.testing.pytest import conformance

test_conv1d = conformance("seqhub-conv/conv1d")
test_depthwise_conv = conformance("seqhub-conv/depthwise-conv")
test_tcn = conformance("seqhub-conv/tcn")
test_wavenet = conformance("seqhub-conv/wavenet")
test_conformer_conv = conformance("seqhub-conv/conformer-conv")
test_separable_conv = conformance("seqhub-conv/separable-conv")
test_text_cnn = conformance("seqhub-conv/text-cnn")
test_subsampling = conformance("seqhub-conv/subsampling")
test_conv2d = conformance("seqhub-conv/conv2d")
test_subsampling_2d = conformance("seqhub-conv/subsampling-2d")
test_segments = conformance("seqhub-conv/segments")
test_grid_conv = conformance("seqhub-conv/grid-conv")
test_log_mel = conformance("seqhub-conv/log-mel")
test_pool1d = conformance("seqhub-conv/pool1d")
test_upsample = conformance("seqhub-conv/upsample")
test_batch_norm = conformance("seqhub-conv/batch-norm")
test_spec_augment = conformance("seqhub-conv/spec-augment")

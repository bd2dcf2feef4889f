"""seqhub: write a sequence layer once; train it, stream it, and ship it as ONNX, with a proof that all three agree."""

from __future__ import annotations

__version__ = "0.1.0"

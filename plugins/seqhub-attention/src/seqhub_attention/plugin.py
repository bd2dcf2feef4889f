"""The attentions of this distribution, as specs: no torch here."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import AttentionSpec, hookimpl
from seqhub_attention import configs_memory as memory
from seqhub_attention import configs_self as own

STREAMS = {"onnx": True, "streaming": True, "double": True, "bfloat16": None}
WHOLE = {**STREAMS, "streaming": False}


@hookimpl
def seqhub_register_attentions() -> Iterator[AttentionSpec]:
    yield AttentionSpec(
        name="local-attention",
        target="seqhub_attention.local:LocalAttention",
        config=own.LocalAttentionConfig,
        summary="Multi-head attention over a sliding window, with a cache and, if wanted, look-ahead.",
        reference="arXiv:2004.05150",
        examples=(
            {"heads": 2, "window": 5},
            {"heads": 1, "window": 1},
            {"heads": 4, "kv_heads": 1, "window": 4, "future": 2},
            {"heads": 4, "window": 3, "positions": "none"},
            {"heads": 4, "kv_heads": 2, "window": 50, "positions": "alibi"},
            {"heads": 2, "window": 12, "future": 1, "positions": "t5", "max_length": 6},
            {"heads": 2, "window": 4, "positions": "xl"},
            {"heads": 2, "window": 3, "positions": "sinusoidal"},
            {"heads": 2, "window": 1, "future": 3, "positions": "learned", "max_length": 6},
        ),
        flags=STREAMS,
    )
    yield AttentionSpec(
        name="attention",
        target="seqhub_attention.full:FullAttention",
        config=own.FullAttentionConfig,
        summary="Multi-head attention over the whole sequence.",
        reference="arXiv:1706.03762",
        examples=(
            {"heads": 2},
            {"heads": 1, "causal": True, "positions": "learned", "max_length": 6},
            {"heads": 4, "kv_heads": 1, "positions": "t5", "max_length": 8},
            {"heads": 4, "kv_heads": 2, "positions": "xl"},
        ),
        flags=WHOLE,
    )
    yield AttentionSpec(
        name="attention-pool",
        target="seqhub_attention.pool:AttentionPool",
        config=own.AttentionPoolConfig,
        summary="Running attention pool: the last step pools the whole sequence.",
        reference="arXiv:1703.03130",
        examples=({}, {"heads": 3, "size": 4}),
        flags=STREAMS,
    )
    yield AttentionSpec(
        name="cross-attention",
        target="seqhub_attention.cross:CrossAttention",
        config=memory.CrossAttentionConfig,
        summary="Multi-head attention from each step to another sequence.",
        reference="arXiv:1706.03762",
        examples=({"heads": 2}, {"heads": 1, "memory_width": 5}, {"heads": 4, "kv_heads": 1, "memory_width": 3}),
        flags=STREAMS,
    )
    yield AttentionSpec(
        name="bahdanau",
        target="seqhub_attention.additive:Bahdanau",
        config=memory.DecoderConfig,
        summary="Recurrent decoder with additive attention.",
        reference="arXiv:1409.0473",
        examples=({"hidden": 6}, {"hidden": 5, "cell": "lstm", "attention_size": 3, "memory_width": 4}),
        flags=STREAMS,
    )
    yield AttentionSpec(
        name="luong",
        target="seqhub_attention.luong:Luong",
        config=memory.LuongConfig,
        summary="Recurrent decoder with multiplicative attention, global or local, and input feeding.",
        reference="arXiv:1508.04025",
        examples=(
            {"hidden": 6},
            {"hidden": 8, "score": "dot", "cell": "gru", "input_feeding": False},
            {"hidden": 6, "score": "concat", "attention_size": 3, "memory_width": 5},
            {"hidden": 6, "reach": 2},
        ),
        flags=STREAMS,
    )
    yield AttentionSpec(
        name="location-aware",
        target="seqhub_attention.location:LocationAware",
        config=memory.LocationConfig,
        summary="Recurrent decoder whose attention looks at its last alignment.",
        reference="arXiv:1506.07503",
        examples=({"hidden": 6}, {"hidden": 5, "cell": "lstm", "memory_width": 4, "filters": 2, "kernel": 1}),
        flags=STREAMS,
    )
    yield AttentionSpec(
        name="monotonic",
        target="seqhub_attention.monotonic:Monotonic",
        config=memory.MonotonicConfig,
        summary="Recurrent decoder whose attention only moves forward.",
        reference="arXiv:1704.00784",
        examples=({"hidden": 6}, {"hidden": 5, "cell": "lstm", "attention_size": 3, "memory_width": 4}),
        flags=STREAMS,
    )

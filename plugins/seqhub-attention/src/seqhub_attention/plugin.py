"""The attentions of this distribution, as specs: no torch here."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import AttentionSpec, Config, Geometry, config, hookimpl, option
from seqhub_attention.geometry import full_geometry


@config
class LocalAttentionConfig(Config):
    heads: int = option(help="attention heads; divides the width", ge=1)
    window: int = option(help="steps that a step sees, itself included", unit="steps", ge=1)
    rope: bool = option(True, help="rotary positions; needs an even width per head")
    dropout: float = option(0.0, help="dropout of the output", ge=0, lt=1)

    def geometry(self, width: int) -> Geometry:
        return Geometry(width=width, past=self.window - 1)

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        return head_problems(width, self.heads, self.rope)


@config
class FullAttentionConfig(Config):
    heads: int = option(help="attention heads; divides the width", ge=1)
    causal: bool = option(False, help="see the past only")
    rope: bool = option(True, help="rotary positions; needs an even width per head")
    dropout: float = option(0.0, help="dropout of the output", ge=0, lt=1)

    def geometry(self, width: int) -> Geometry:
        return full_geometry(width, causal=self.causal)

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        return head_problems(width, self.heads, self.rope)


@hookimpl
def seqhub_register_attentions() -> Iterator[AttentionSpec]:
    yield AttentionSpec(
        name="local-attention",
        target="seqhub_attention.local:LocalAttention",
        config=LocalAttentionConfig,
        summary="Causal multi-head attention over a sliding window, with a cache.",
        reference="arXiv:2004.05150",
        examples=(
            {"heads": 2, "window": 5},
            {"heads": 1, "window": 1},
            {"heads": 4, "window": 3, "rope": False},
            {"heads": 2, "window": 50},
        ),
        flags={"onnx": True, "streaming": True, "double": True, "bfloat16": None},
    )
    yield AttentionSpec(
        name="attention",
        target="seqhub_attention.full:FullAttention",
        config=FullAttentionConfig,
        summary="Multi-head attention over the whole sequence.",
        reference="arXiv:1706.03762",
        examples=({"heads": 2}, {"heads": 1, "causal": True}, {"heads": 4, "rope": False}),
        flags={"onnx": True, "streaming": False, "double": True, "bfloat16": None},
    )


def head_problems(width: int, heads: int, rope: bool) -> list[tuple[str, str, str]]:
    """Heads that do not divide the width, or leave an odd width for rotary positions."""
    if width % heads:
        fits = ", ".join(str(n) for n in range(1, width + 1) if width % n == 0)
        return [
            ("heads", f"heads {heads} does not divide the width {width}", f"use one of {fits}, or change the width")
        ]
    if rope and (width // heads) % 2:
        message = (
            f"heads {heads} leave {width // heads} numbers a head, an odd number that rotary positions cannot pair"
        )
        return [("heads", message, "use fewer heads, an even width per head, or rope: false")]
    return []

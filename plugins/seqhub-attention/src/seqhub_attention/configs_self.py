"""Options of attentions over one's own sequence, and their receptive fields. No torch here."""

from __future__ import annotations

from typing import Literal

from seqhub.api import INF, Config, Geometry, config, option
from seqhub_attention.geometry import full_geometry

Positions = Literal["none", "rope", "alibi", "t5", "xl", "sinusoidal", "learned"]
Problems = list[tuple[str, str, str]]


@config
class HeadsConfig(Config):
    heads: int = option(help="attention heads; divides the width", ge=1)
    kv_heads: int = option(0, help="heads of keys and values, shared by groups of heads; 0: one for each head", ge=0)
    positions: Positions = option("rope", help="how a step knows where others stand; rope needs an even width per head")
    max_length: int = option(
        512, help="learned: steps with a vector of their own, later ones share the last; t5: where buckets end", ge=1
    )
    dropout: float = option(0.0, help="dropout of the output", ge=0, lt=1)

    def problems(self, width: int) -> Problems:
        return head_problems(width, self.heads, self.kv_heads, rope=self.positions == "rope")


@config
class LocalAttentionConfig(HeadsConfig):
    window: int = option(help="steps that a step sees up to its own, itself included", unit="steps", ge=1)
    future: int = option(0, help="steps after its own that a step sees; outputs lag by as many", unit="steps", ge=0)

    def geometry(self, width: int) -> Geometry:
        return Geometry(width=width, past=self.window - 1, future=self.future)


@config
class FullAttentionConfig(HeadsConfig):
    causal: bool = option(False, help="see the past only")

    def geometry(self, width: int) -> Geometry:
        return full_geometry(width, causal=self.causal)


@config
class AttentionPoolConfig(Config):
    heads: int = option(1, help="pools side by side, each with its own weights; the width is multiplied by it", ge=1)
    size: int = option(0, help="inner width of the scores; 0: as wide as the input", ge=0)

    def geometry(self, width: int) -> Geometry:
        return Geometry(width=self.heads * width, past=INF)


def head_problems(width: int, heads: int, kv_heads: int, *, rope: bool) -> Problems:
    """Heads that do not divide the width, groups that do not divide the heads, an odd head width for rope."""
    if width % heads:
        fits = _divisors(width)
        return [
            ("heads", f"heads {heads} does not divide the width {width}", f"use one of {fits}, or change the width")
        ]
    if kv_heads and heads % kv_heads:
        message = f"kv_heads {kv_heads} does not divide the {heads} heads"
        return [("kv_heads", message, f"use one of {_divisors(heads)}")]
    if rope and (width // heads) % 2:
        message = (
            f"heads {heads} leave {width // heads} numbers a head, an odd number that rotary positions cannot pair"
        )
        return [("heads", message, "use fewer heads, an even width per head, or other positions")]
    return []


def _divisors(number: int) -> str:
    return ", ".join(str(n) for n in range(1, number + 1) if number % n == 0)

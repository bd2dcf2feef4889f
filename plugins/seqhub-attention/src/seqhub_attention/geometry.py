"""Receptive fields of attentions, without torch."""

from __future__ import annotations

from seqhub.api import INF, Geometry


def full_geometry(width: int, *, causal: bool) -> Geometry:
    """Attention over the whole sequence: unbounded, so it cannot run chunk by chunk."""
    return Geometry(
        width=width,
        past=INF,
        future=0 if causal else INF,
        obstacle="attention reads the whole sequence",
        remedy="use local-attention with a window",
    )

"""Which first-party distribution brings which component, aliases included: for the advice when one is not installed."""

from __future__ import annotations

FIRST_PARTY = ("seqhub", "seqhub-attention", "seqhub-cells", "seqhub-conv")

PROVIDES: dict[str, tuple[str, ...]] = {
    "seqhub-attention": ("attention", "local-attention"),
    "seqhub-cells": ("elman", "gru", "layernorm-lstm", "lstm", "min-gru", "rnn"),
    "seqhub-conv": ("conv1d", "depthwise-conv"),
}


def first_party_provider(name: str) -> str:
    """The distribution that brings a component by its short name, or ''."""
    return next((dist for dist, names in PROVIDES.items() if name in names), "")

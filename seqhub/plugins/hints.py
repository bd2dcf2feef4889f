"""Which first-party distribution brings which component, aliases included: for the advice when one is not installed."""

from __future__ import annotations

FIRST_PARTY = ("seqhub", "seqhub-attention", "seqhub-cells", "seqhub-conv")

PROVIDES: dict[str, tuple[str, ...]] = {
    "seqhub-attention": (
        "attention",
        "attention-pool",
        "bahdanau",
        "cross-attention",
        "local-attention",
        "location-aware",
        "luong",
        "monotonic",
    ),
    "seqhub-cells": (
        "cfc",
        "cifg",
        "conv-lstm",
        "delta-net",
        "elman",
        "finch",
        "gated-delta-net",
        "gla",
        "goose",
        "gru",
        "hgrn",
        "hgrn2",
        "indrnn",
        "irnn",
        "kda",
        "layernorm-gru",
        "layernorm-lstm",
        "li-gru",
        "linear-attention",
        "lru",
        "lstm",
        "lstm-coupled",
        "lstm-peephole",
        "lstm-projected",
        "lstmp",
        "ltc",
        "mamba",
        "mamba2",
        "mgu",
        "min-gru",
        "min-lstm",
        "mlstm",
        "qrnn",
        "retention",
        "retnet",
        "rg-lru",
        "rnn",
        "rwkv6",
        "rwkv7",
        "s4d",
        "s5",
        "slstm",
        "sru",
        "ugrnn",
    ),
    "seqhub-conv": ("conv1d", "depthwise-conv"),
}


def first_party_provider(name: str) -> str:
    """The distribution that brings a component by its short name, or ''."""
    return next((dist for dist, names in PROVIDES.items() if name in names), "")

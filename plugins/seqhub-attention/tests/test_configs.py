"""What recipes are told before anything is built: problems between options, and receptive fields."""

from __future__ import annotations

import pytest

from seqhub.api import INF
from seqhub_attention.configs_memory import CrossAttentionConfig, DecoderConfig, LocationConfig, LuongConfig
from seqhub_attention.configs_self import AttentionPoolConfig, FullAttentionConfig, LocalAttentionConfig


@pytest.mark.parametrize(
    ("config", "field", "message"),
    [
        (LocalAttentionConfig(heads=3, window=2), "heads", "heads 3 does not divide the width 8"),
        (LocalAttentionConfig(heads=4, kv_heads=3, window=2), "kv_heads", "kv_heads 3 does not divide the 4 heads"),
        (FullAttentionConfig(heads=8), "heads", "an odd number that rotary positions cannot pair"),
        (CrossAttentionConfig(heads=5), "heads", "heads 5 does not divide the width 8"),
        (LuongConfig(hidden=6, score="dot"), "hidden", "a state of 6 with a memory of 8"),
        (LocationConfig(hidden=6, kernel=4), "kernel", "kernel 4 has no middle"),
    ],
)
def test_what_does_not_fit_is_said_with_its_field(config, field, message):
    ((found, text, fix),) = config.problems(8)
    assert found == field
    assert message in text
    assert fix


@pytest.mark.parametrize(
    "config",
    [
        LocalAttentionConfig(heads=8, window=2, positions="alibi"),
        LuongConfig(hidden=6, score="dot", memory_width=6),
        LocationConfig(hidden=6, kernel=5),
        CrossAttentionConfig(heads=4, kv_heads=2),
    ],
)
def test_what_fits_is_left_alone(config):
    assert config.problems(8) == []


def test_receptive_fields_are_known_without_torch():
    local = LocalAttentionConfig(heads=2, window=5, future=3).geometry(8)
    assert (local.past, local.future, local.latency, local.streamable) == (4, 3, 3, True)
    full = FullAttentionConfig(heads=2, causal=True).geometry(8)
    assert (full.streamable, full.obstacle) == (False, "attention reads the whole sequence")
    assert full.remedy == "use local-attention with a window"
    assert (DecoderConfig(hidden=6).geometry(8).width, DecoderConfig(hidden=6).geometry(8).past) == (6, INF)
    assert AttentionPoolConfig(heads=3).geometry(8).width == 24
    assert DecoderConfig.reads_memory
    assert CrossAttentionConfig.reads_memory

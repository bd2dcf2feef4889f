"""Self-attention against loops over rows, heads, queries and keys in float64, written from the papers' formulas, and
against torch's own attention with an explicit mask.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from seqhub.nn import Context
from seqhub_attention import local
from seqhub_attention.full import FullAttention
from seqhub_attention.local import LocalAttention
from seqhub_attention.positions import POSITIONS, alibi_slopes, sinusoids, t5_buckets


def waves(step, width):
    """Column 2i: sin(step / 10000^(2i / width)); column 2i + 1: its cosine."""
    angles = [step / 10000 ** (2 * (i // 2) / width) for i in range(width)]
    return torch.tensor([math.cos(a) if i % 2 else math.sin(a) for i, a in enumerate(angles)], dtype=torch.float64)


def turned(x, step):
    """Pairs (x_i, x_(i + E/2)) as complex numbers, times e^(i * step * 10000^(-2i/E))."""
    half = len(x) // 2
    out = x.clone()
    for i in range(half):
        angle = step * 10000 ** (-2 * i / len(x))
        z = complex(x[i], x[half + i]) * complex(math.cos(angle), math.sin(angle))
        out[i], out[half + i] = z.real, z.imag
    return out


def slope(head, heads):
    """The geometric sequence that starts at its own ratio, 2^(-8/n); for n heads, a power of two."""
    return (2 ** (-8 / heads)) ** (head + 1)


def bucket(offset, max_distance, ahead):
    """Bucket of a relative position, key minus query, of 32: exact up to half of a side's, then logarithmic."""
    side = 16 if ahead else 32
    distance, base = min(abs(offset), max_distance), side if ahead and offset > 0 else 0
    if distance < side // 2:
        return base + distance
    share = math.log(distance / (side // 2)) / math.log(max_distance / (side // 2))
    return base + min(side // 2 + int(share * (side - side // 2)), side - 1)


def attention(layer, x, past, future):
    """One row x [T D] through a layer's own parameters: query t sees keys from t - past to t + future -> [T D]."""
    name, d = type(layer.positions).__name__, x.shape[1]
    p = {key: value.detach().double() for key, value in layer.named_parameters()}
    heads, groups, width = layer.heads, layer.kv_heads, d // layer.heads
    if name == "Sinusoidal":
        x = torch.stack([row + waves(t, d) for t, row in enumerate(x)])
    if name == "Learned":
        table = p["positions.table"]
        x = torch.stack([row + table[min(t, len(table) - 1)] for t, row in enumerate(x)])
    q = (x @ p["q.weight"].T).unflatten(-1, (heads, width))
    k, v = (x @ p["kv.weight"].T).unflatten(-1, (2, groups, width)).unbind(1)
    rows = []
    for t in range(len(x)):
        parts = []
        for h in range(heads):
            g = h // (heads // groups)
            keys = [s for s in range(len(x)) if t - past <= s <= t + future]
            scores = [_score(layer, name, p, q[t, h], k[s, g], t, s, h) for s in keys]
            weights = torch.tensor(scores, dtype=torch.float64).softmax(0)
            parts.append(sum(w * v[s, g] for w, s in zip(weights, keys, strict=True)))
        rows.append(torch.cat(parts) @ p["out.weight"].T)
    return torch.stack(rows)


def _score(layer, name, p, q, k, t, s, h):
    root = math.sqrt(len(q))
    if name == "Rotary":
        return float(turned(q, t) @ turned(k, s)) / root
    if name == "TransformerXL":
        r = (p["positions.distance.weight"] @ waves(t - s, layer.d_in)).unflatten(0, (layer.heads, -1))[h]
        return float((q + p["positions.u"][h]) @ k + (q + p["positions.v"][h]) @ r) / root
    score = float(q @ k) / root
    if name == "Alibi":
        return score - slope(h, layer.heads) * abs(t - s)
    if name == "T5Buckets":
        at = bucket(s - t, layer.positions.max_length, layer.positions.ahead)
        return score + float(p["positions.table"][at, h])
    return score


def stirred(layer):
    """The layer in float64, with parameters that start at zero moved away from it."""
    layer = layer.double().eval()
    for parameter in layer.parameters():
        if not parameter.any():
            nn.init.normal_(parameter)
    return layer


def whole(layer, x, lengths):
    return layer(x, torch.tensor(lengths), layer.initial_state(len(x)))


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize(
    ("heads", "kv_heads", "window", "future"), [(2, 0, 4, 0), (4, 1, 3, 2), (1, 1, 1, 1), (4, 2, 40, 0)]
)
def test_local_attention_is_the_loop_of_the_papers(positions, heads, kv_heads, window, future):
    torch.manual_seed(0)
    sizes = {"heads": heads, "kv_heads": kv_heads, "window": window, "future": future}
    layer = stirred(LocalAttention(8, **sizes, positions=positions, max_length=20 if positions == "t5" else 6))
    x = torch.randn(2, 27, 8, dtype=torch.float64)
    x[1, 9:] = float("nan")
    y, lengths, _ = whole(layer, x, [27, 9])
    assert lengths.tolist() == [27, 9]
    for row, n in enumerate((27, 9)):
        want = attention(layer, x[row, :n], window - 1, future)
        torch.testing.assert_close(y[row, :n], want, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("causal", [False, True])
def test_full_attention_is_the_loop_of_the_papers(positions, causal):
    torch.manual_seed(0)
    layer = stirred(FullAttention(8, heads=4, kv_heads=2, causal=causal, positions=positions, max_length=10))
    x = torch.randn(2, 12, 8, dtype=torch.float64)
    x[1, 5:] = float("nan")
    y, _, _ = whole(layer, x, [12, 5])
    for row, n in enumerate((12, 5)):
        want = attention(layer, x[row, :n], n, 0 if causal else n)
        torch.testing.assert_close(y[row, :n], want, atol=1e-10, rtol=1e-10)


def test_full_attention_is_torchs_multi_head_attention_with_its_mask():
    torch.manual_seed(0)
    ours, torchs = (
        FullAttention(8, heads=2, positions="none"),
        nn.MultiheadAttention(8, 2, bias=False, batch_first=True),
    )
    with torch.no_grad():
        torchs.in_proj_weight.copy_(torch.cat((ours.q.weight, ours.kv.weight)))
        torchs.out_proj.weight.copy_(ours.out.weight)
    x, lengths = torch.randn(3, 7, 8), torch.tensor([7, 4, 1])
    padding = torch.arange(7) >= lengths[:, None]
    want, _ = torchs(x, x, x, key_padding_mask=padding, need_weights=False)
    y, _, _ = ours(x, lengths, {})
    torch.testing.assert_close(y, want.masked_fill(padding[..., None], 0), atol=1e-6, rtol=1e-5)


def test_a_window_with_look_ahead_is_a_band_in_torchs_mask():
    torch.manual_seed(0)
    layer = LocalAttention(8, heads=4, kv_heads=2, window=3, future=2, positions="none")
    x = torch.randn(2, 9, 8)
    offset = torch.arange(9) - torch.arange(9)[:, None]
    q = layer.q(x).unflatten(-1, (4, 2)).transpose(1, 2)
    k, v = (part.repeat_interleave(2, dim=1) for part in layer.kv(x).unflatten(-1, (2, 2, 2)).permute(2, 0, 3, 1, 4))
    want = F.scaled_dot_product_attention(q, k, v, attn_mask=(offset >= -2) & (offset <= 2))
    y, _, _ = whole(layer, x, [9, 9])
    torch.testing.assert_close(y[:, :9], layer.out(want.transpose(1, 2).flatten(2)), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("future", [0, 2])
def test_a_long_chunk_cut_into_blocks_is_the_same_chunk_uncut(positions, future, monkeypatch):
    torch.manual_seed(0)
    layer = stirred(LocalAttention(8, heads=4, kv_heads=2, window=4, future=future, positions=positions, max_length=9))
    x = torch.randn(3, 41, 8, dtype=torch.float64)
    lengths, end = torch.tensor([41, 17, 0]), torch.tensor([False, True, False])
    for state in (layer.initial_state(3), layer(x[:, :5], torch.tensor([5, 3, 1]), layer.initial_state(3))[2]):
        given = (x, lengths, state, None, Context(end=end))
        monkeypatch.setattr(local, "SMALLEST_BLOCK", 1000)
        want, want_lengths, want_state = layer(*given)
        monkeypatch.setattr(local, "SMALLEST_BLOCK", 4)
        got, got_lengths, got_state = layer(*given)
        assert torch.equal(got_lengths, want_lengths)
        torch.testing.assert_close(got, want, atol=1e-12, rtol=1e-12)
        assert all(torch.equal(got_state[name], want_state[name]) for name in want_state)


@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_steps_are_counted_row_by_row_through_a_stream(positions):
    torch.manual_seed(0)
    layer = LocalAttention(8, heads=2, window=3, positions=positions, max_length=5).eval()
    x = torch.randn(2, 11, 8)
    want, _, _ = whole(layer, x, [11, 7])
    state, at, got = layer.initial_state(2), torch.zeros(2, dtype=torch.int64), [[], []]
    for take in ([2, 0], [1, 3], [0, 0], [5, 1], [3, 3]):
        lengths = torch.tensor(take)
        index = (at[:, None] + torch.arange(5)).clamp(max=10)
        y, _, state = layer(x.gather(1, index[..., None].expand(-1, -1, 8)), lengths, state)
        at += lengths
        for row in range(2):
            got[row].append(y[row, : take[row]])
    assert state["at"][:, 0].tolist() == [11, 7]
    for row, n in enumerate((11, 7)):
        torch.testing.assert_close(torch.cat(got[row]), want[row, :n], atol=1e-6, rtol=1e-5)


def test_learned_positions_share_the_last_vector_past_their_length():
    layer = LocalAttention(4, heads=1, window=1, positions="learned", max_length=3).eval()
    placed = layer.positions.place(torch.zeros(1, 6, 4), torch.arange(6)[None])[0]
    assert torch.equal(placed[:3], layer.positions.table)
    assert torch.equal(placed[3:], layer.positions.table[2].expand(3, 4))


def test_sines_of_a_late_step_are_exact():
    step = 3_000_000
    row = sinusoids(torch.tensor([step]), 4, torch.float32)[0].double()
    angles = torch.tensor([step, step, step / 100, step / 100], dtype=torch.float64)
    want = torch.where(torch.arange(4) % 2 == 0, angles.sin(), angles.cos())
    torch.testing.assert_close(row, want, atol=1e-6, rtol=0)


def test_slopes_and_buckets_of_the_papers():
    assert alibi_slopes(8) == [2.0**-i for i in range(1, 9)]
    assert alibi_slopes(3) == [2.0**-4, 2.0**-8, 2.0**-2]  # those of 2 heads, then every second of 4
    buckets = t5_buckets(128, 32)
    assert buckets[:17] == list(range(17))
    assert (buckets[20], buckets[64], buckets[127], buckets[128]) == (17, 26, 31, 31)
    assert t5_buckets(5, 32) == list(range(6))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": 3}, "heads 3 does not divide the width 8"),
        ({"heads": 4, "kv_heads": 3}, "kv_heads 3 does not divide the heads 4"),
        ({"heads": 8, "positions": "rope"}, "rope pairs the numbers of a head, but there are 1"),
        ({"heads": 2, "positions": "spiral"}, "positions is 'spiral', expected one of"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        LocalAttention(8, window=3, **options)

"""Memory cells that read what they write, against the papers' equations, step by step in float64.

The papers' S has values by keys; ours is its transpose.
"""

from __future__ import annotations

import math

import pytest
import torch

from seqhub_cells.delta_net import DeltaNetCell
from seqhub_cells.gated_delta_net import GatedDeltaNetCell
from seqhub_cells.kda import KDACell
from seqhub_cells.rwkv7 import RWKV7Cell
from tests.cells.memory_cells import (
    D,
    T,
    heads_of,
    layer_norm,
    rms,
    run,
    same,
    shaken,
    short_conv,
    sigmoid,
    silu,
    softplus,
    unit,
)

H, K, V = 2, 3, 4


def fronts(cell, x):
    """q, k, v after the short convolution, and the other projections: lists over steps of lists over heads."""
    raw = x @ cell.inlet.joint.linear.weight.T
    sizes = cell.inlet.joint.sizes
    mixed = short_conv(raw[:, : sum(sizes[:3])], cell.inlet.conv.conv)
    q, k, v = ([heads_of(row, H) for row in part] for part in mixed.split(sizes[:3], dim=1))
    return q, k, v, raw[:, sum(sizes[:3]) :].split(sizes[3:], dim=1)


@pytest.mark.parametrize("strongest", [1, 2])
def test_delta_net(strongest):
    """Yang et al. 2024, arXiv:2406.06484: S_t = S_(t-1) (I - beta k k^T) + beta v k^T, o = S q; beta up to 2 as in
    Grazzi et al. 2024, arXiv:2411.12537.
    """
    options = {"hidden": 6, "heads": H, "key_dim": K, "value_dim": V}
    cell = shaken(DeltaNetCell(D, **options, negative_eigenvalues=strongest == 2))
    x, y, state = run(cell)
    q, k, v, (b,) = fronts(cell, x)
    s = torch.zeros(H, V, K, dtype=torch.float64)
    for t in range(T):
        out = []
        for h in range(H):
            key, beta = unit(k[t][h]), strongest * sigmoid(b[t, h])
            s[h] = s[h] @ (torch.eye(K) - beta * torch.outer(key, key)) + beta * torch.outer(v[t][h], key)
            out.append(rms(s[h] @ unit(q[t][h]), cell.norm.weight[h]))
        same(y[t], cell.out_proj.weight @ torch.cat(out))
    same(state["S"], s.mT)


@pytest.mark.parametrize("strongest", [1, 2])
def test_gated_delta_net(strongest):
    """Yang et al. 2025, arXiv:2412.06464, equation 10: S_t = S_(t-1) (alpha (I - beta k k^T)) + beta v k^T."""
    options = {"hidden": 6, "heads": H, "key_dim": K, "value_dim": V, "conv": 2}
    cell = shaken(GatedDeltaNetCell(D, **options, negative_eigenvalues=strongest == 2))
    x, y, state = run(cell)
    q, k, v, (b, a, z) = fronts(cell, x)
    s = torch.zeros(H, V, K, dtype=torch.float64)
    for t in range(T):
        out = []
        for h in range(H):
            key, beta = unit(k[t][h]), strongest * sigmoid(b[t, h])
            alpha = torch.exp(-torch.exp(cell.A_log[h]) * softplus(a[t, h] + cell.dt_bias[h]))
            s[h] = s[h] @ (alpha * (torch.eye(K) - beta * torch.outer(key, key))) + beta * torch.outer(v[t][h], key)
            out.append(silu(heads_of(z[t], H)[h]) * rms(s[h] @ unit(q[t][h]), cell.norm.weight[h]))
        same(y[t], cell.out_proj.weight @ torch.cat(out))
    same(state["S"], s.mT)


def test_kda():
    """Kimi Team 2025, arXiv:2510.26692, equation 1: S_t = (I - beta k k^T) Diag(alpha) S_(t-1) + beta k v^T."""
    cell = shaken(KDACell(D, hidden=6, heads=H, key_dim=K, value_dim=V, rank=2))
    x, y, state = run(cell)
    q, k, v, (b, low_decay, low_gate) = fronts(cell, x)
    s = torch.zeros(H, K, V, dtype=torch.float64)
    for t in range(T):
        dt = heads_of(softplus(cell.decay.linear.weight @ low_decay[t] + cell.dt_bias), H)
        gate = heads_of(sigmoid(cell.gate.linear.weight @ low_gate[t] + cell.gate.linear.bias), H)
        out = []
        for h in range(H):
            key, beta = unit(k[t][h]), sigmoid(b[t, h])
            alpha = torch.exp(-torch.exp(cell.A_log[h]) * dt[h])
            s[h] = (torch.eye(K) - beta * torch.outer(key, key)) @ torch.diag(alpha) @ s[h]
            s[h] = s[h] + beta * torch.outer(key, v[t][h])
            out.append(gate[h] * rms(s[h].T @ unit(q[t][h]), cell.norm.weight[h]))
        same(y[t], cell.out_proj.weight @ torch.cat(out))
    same(state["S"], s)


def test_rwkv7():
    """Peng et al. 2025, arXiv:2503.14456, section 4, in row vectors as there:
    wkv_t = wkv_(t-1) (diag(w) - k^^T (a * k^)) + v^T k~.
    """
    cell = shaken(RWKV7Cell(D, hidden=6, heads=H, key_dim=K, value_dim=V, rank=2))
    x, y, state = run(cell)
    wkv = torch.zeros(H, V, K, dtype=torch.float64)
    for t in range(T):
        before = x[t - 1] if t else torch.zeros(D, dtype=torch.float64)
        x_r, x_w, x_k, x_v, x_a, x_g = (x[t] + (before - x[t]) * mu for mu in cell.mixes)  # lerp
        r, k, v = cell.r.linear.weight @ x_r, cell.k.linear.weight @ x_k, cell.v.linear.weight @ x_v
        d = cell.decay_bias + torch.tanh(x_w @ cell.decay.down) @ cell.decay.up
        w = torch.exp(-math.exp(-0.5) * sigmoid(d))
        a = sigmoid(cell.rate_bias + x_a @ cell.rate.down @ cell.rate.up)
        g = sigmoid(x_g @ cell.gate.down) @ cell.gate.up
        removal, replacement = k * cell.erase_gain, k * (1 + (a - 1) * cell.write_gain)
        out = []
        for h in range(H):
            r_h, k_h, v_h, w_h, a_h, g_h, e_h = (heads_of(p, H)[h] for p in (r, replacement, v, w, a, g, removal))
            e_h = unit(e_h)
            wkv[h] = wkv[h] @ (torch.diag(w_h) - torch.outer(e_h, a_h * e_h)) + torch.outer(v_h, k_h)
            u = (r_h * cell.bonus[h] * k_h).sum()
            read = layer_norm(wkv[h] @ r_h, cell.norm.weight[h], cell.norm.bias[h], 64e-5)
            out.append(g_h * (read + u * v_h))
        same(y[t], cell.out_proj.weight @ torch.cat(out))
    same(state["S"], wkv.mT)

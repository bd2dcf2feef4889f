"""Memory cells that add what they write, against the papers' equations, step by step in float64."""

from __future__ import annotations

import math

import torch

from seqhub_cells.gla import GLACell
from seqhub_cells.hgrn2 import HGRN2Cell
from seqhub_cells.linear_attention import LinearAttentionCell
from seqhub_cells.mamba2 import Mamba2Cell
from seqhub_cells.mlstm import MLSTMCell
from seqhub_cells.retnet import RetNetCell
from seqhub_cells.rwkv6 import RWKV6Cell
from tests.cells.memory_cells import (
    D,
    T,
    heads_of,
    layer_norm,
    rms,
    rotation,
    rows,
    run,
    same,
    shaken,
    short_conv,
    sigmoid,
    silu,
    softplus,
)


def test_linear_attention():
    """Katharopoulos et al. 2020, arXiv:2006.16236, equations 16 to 20."""
    cell = shaken(LinearAttentionCell(D, hidden=6, heads=2, key_dim=3, value_dim=4))
    x, y, state = run(cell)
    w_q, w_k, w_v = rows(cell.in_proj)

    def phi(a):
        return torch.where(a > 0, a + 1, torch.exp(a))

    s = [torch.zeros(3, 4, dtype=torch.float64) for _ in range(2)]
    z = [torch.zeros(3, dtype=torch.float64) for _ in range(2)]
    for t in range(T):
        read = []
        for h in range(2):
            q, k, v = (heads_of(w @ x[t], 2)[h] for w in (w_q, w_k, w_v))
            s[h] = s[h] + torch.outer(phi(k), v)
            z[h] = z[h] + phi(k)
            read.append((phi(q) @ s[h]) / (phi(q) @ z[h] + 1e-6))
        same(y[t], cell.out_proj.weight @ torch.cat(read))
    for h in range(2):
        same(state["S"][h], torch.cat((s[h], z[h][:, None]), dim=1))


def test_retnet():
    """Sun et al. 2023, arXiv:2307.08621, equation 5, the parallel form with complex rotations: pair j of a query and a
    key is one complex number; a score is the real part of q_n e^(i n theta) times the conjugate of k_m e^(i m theta).
    """
    cell = shaken(RetNetCell(D, hidden=6, heads=2, key_dim=4, value_dim=3))
    x, y, state = run(cell)
    w_q, w_k, w_v, w_g = rows(cell.in_proj)
    theta = [1.0, 1e-4]  # 10000^-0 and 10000^-1
    for h in range(2):
        gamma = 1 - 2.0 ** (-5 - h)
        memory = torch.zeros(4, 3, dtype=torch.float64)
        for m in range(T):
            k, v = heads_of(w_k @ x[m], 2)[h] / 2, heads_of(w_v @ x[m], 2)[h]
            turned = [complex(k[j], k[j + 2]) * rotation(m * theta[j]) for j in range(2)]
            key = torch.tensor([c.real for c in turned] + [c.imag for c in turned], dtype=torch.float64)
            memory += gamma ** (T - 1 - m) * torch.outer(key, v)
        same(state["S"][h], memory)
    for n in range(0, T, 6):
        gated = []
        for h in range(2):
            gamma = 1 - 2.0 ** (-5 - h)
            q = heads_of(w_q @ x[n], 2)[h]
            read = torch.zeros(3, dtype=torch.float64)
            for m in range(n + 1):
                k, v = heads_of(w_k @ x[m], 2)[h] / 2, heads_of(w_v @ x[m], 2)[h]
                score = 0.0
                for j in range(2):
                    a = complex(q[j], q[j + 2]) * rotation(n * theta[j])
                    b = complex(k[j], k[j + 2]) * rotation(m * theta[j])
                    score += (a * b.conjugate()).real
                read += gamma ** (n - m) * score * v
            gated.append(silu(heads_of(w_g @ x[n], 2)[h]) * rms(read, cell.norm.weight[h]))
        same(y[n], cell.out_proj.weight @ torch.cat(gated))
    assert int(state["inlet.n"]) == T


def test_gla():
    """Yang et al. 2024, arXiv:2312.06635, equation 3 and section 4.4."""
    cell = shaken(GLACell(D, hidden=6, heads=2, key_dim=3, value_dim=4, rank=2))
    x, y, state = run(cell)
    w_q, w_k, w_v, w_1 = rows(cell.in_proj)
    w_2, b_2, w_g, b_g = (
        cell.decay.linear.weight,
        cell.decay.linear.bias,
        cell.gate.linear.weight,
        cell.gate.linear.bias,
    )
    s = torch.zeros(2, 3, 4, dtype=torch.float64)
    for t in range(T):
        alpha = heads_of(sigmoid(w_2 @ (w_1 @ x[t]) + b_2) ** (1 / 16), 2)
        gated = []
        for h in range(2):
            q, k, v = (heads_of(w @ x[t], 2)[h] for w in (w_q, w_k, w_v))
            for i in range(3):
                for j in range(4):
                    s[h, i, j] = alpha[h][i] * s[h, i, j] + k[i] * v[j]
            gated.append(silu(heads_of(w_g @ x[t] + b_g, 2)[h]) * rms(q @ s[h] / math.sqrt(3), cell.norm.weight[h]))
        same(y[t], cell.out_proj.weight @ torch.cat(gated))
    same(state["S"], s)


def test_mlstm():
    """Beck et al. 2024, arXiv:2405.04517, equations 19 to 27 as they stand, without the stabiliser; and equation 15 for
    the stabiliser itself, by which the state is scaled.
    """
    cell = shaken(MLSTMCell(D, hidden=6, heads=2, key_dim=3, value_dim=4, conv=3))
    x, y, state = run(cell)
    mixed = short_conv(x, cell.inlet.conv.conv)
    w_q, w_k = rows(cell.keys)
    w_v, w_o = rows(cell.values)
    b_v, b_o = cell.values.linear.bias.split(cell.values.sizes)
    c = torch.zeros(2, 4, 3, dtype=torch.float64)  # values by keys, as in the paper
    n = torch.zeros(2, 3, dtype=torch.float64)
    m = torch.zeros(2, dtype=torch.float64)
    for t in range(T):
        log_f, log_i = (cell.gate_weight @ x[t] + cell.gate_bias).split(2)
        f, i = sigmoid(log_f), torch.exp(log_i)
        out = []
        for h in range(2):
            q, k = heads_of(w_q @ mixed[t], 2)[h], heads_of(w_k @ mixed[t], 2)[h] / math.sqrt(3)
            v, o = heads_of(w_v @ x[t] + b_v, 2)[h], sigmoid(heads_of(w_o @ x[t] + b_o, 2)[h])
            c[h] = f[h] * c[h] + i[h] * torch.outer(v, k)
            n[h] = f[h] * n[h] + i[h] * k
            m[h] = max(float(torch.log(f[h]) + m[h]), float(torch.log(i[h])))
            read = c[h] @ q / max(abs(float(n[h] @ q)), 1.0)
            out.append(o * layer_norm(read, cell.norm.weight[h], cell.norm.bias[h], 1e-5))
        same(y[t], cell.out_proj.weight @ torch.cat(out))
    same(state["m"], m)
    for h in range(2):
        want = torch.cat((c[h].T, n[h][:, None]), dim=1) * math.exp(-m[h])
        same(state["S"][h], want)


def test_mamba2():
    """Dao and Gu 2024, arXiv:2405.21060, equations 1 and 2 discretised as in section 2.1, one channel at a time; the
    block of section 7.1.
    """
    cell = shaken(Mamba2Cell(D, hidden=3, heads=2, state=3, expand=2, conv=4))
    x, y, state = run(cell)
    sizes = cell.inlet.joint.sizes
    w = cell.inlet.joint.linear.weight
    raw = x @ w.T
    mixed = short_conv(raw[:, : sum(sizes[:3])], cell.inlet.conv.conv)
    dt_raw, z = raw[:, sum(sizes[:3]) :].split(sizes[3:], dim=1)
    values, b, c = mixed.split(sizes[:3], dim=1)
    a = -torch.exp(cell.A_log)
    state_of = torch.zeros(2, 3, 3, dtype=torch.float64)  # head, channel, state
    for t in range(T):
        out = torch.zeros(6, dtype=torch.float64)
        for h in range(2):
            dt = softplus(dt_raw[t, h] + cell.dt_bias[h])
            for channel in range(3):
                u = values[t, 3 * h + channel]
                state_of[h, channel] = torch.exp(dt * a[h]) * state_of[h, channel] + dt * b[t] * u
                out[3 * h + channel] = c[t] @ state_of[h, channel] + cell.D[h] * u
        same(y[t], cell.out_proj.weight @ rms(out * silu(z[t]), cell.norm.weight))
    same(state["S"], state_of.transpose(1, 2))


def test_hgrn2():
    """Qin et al. 2024, arXiv:2404.07904, the recurrence of section 3 with a lower bound."""
    for bound in (0.0, 0.4):
        cell = shaken(HGRN2Cell(D, hidden=6, heads=2, key_dim=3, value_dim=4, lower_bound=bound))
        x, y, state = run(cell)
        w_q, w_f, w_i = rows(cell.in_proj)
        s = torch.zeros(2, 3, 4, dtype=torch.float64)
        for t in range(T):
            f = heads_of(bound + (1 - bound) * sigmoid(w_f @ x[t]), 2)
            q, i = heads_of(silu(w_q @ x[t]), 2), heads_of(w_i @ x[t], 2)
            for h in range(2):
                s[h] = torch.diag(f[h]) @ s[h] + torch.outer(1 - f[h], i[h])
            read = torch.cat([s[h].T @ q[h] for h in range(2)])
            same(y[t], cell.out_proj.weight @ rms(read, cell.norm.weight))
        same(state["S"], s)


def test_rwkv6():
    """Peng et al. 2024, arXiv:2404.05892, section 4: ddlerp, and wkv_t as its sum over all earlier steps,
    diag(u) k_t^T v_t + sum_(i < t) diag(w_(i+1) ... w_(t-1)) k_i^T v_i.
    """
    cell = shaken(RWKV6Cell(D, hidden=6, heads=2, key_dim=3, value_dim=4, rank=2))
    x, y, state = run(cell)
    down = cell.mix_down.split(2, dim=1)

    def ddlerp(j, a, b):
        lora = cell.mixes[j] + torch.tanh((a + (b - a) * cell.mu) @ down[j]) @ cell.mix_up[j]
        return a + (b - a) * lora

    r, k, v, g, w = [], [], [], [], []
    for t in range(T):
        before = x[t - 1] if t else torch.zeros(D, dtype=torch.float64)
        for j, (found, joint) in enumerate(((r, cell.r), (k, cell.k), (v, cell.v), (g, cell.g))):
            found.append(heads_of(joint.linear.weight @ ddlerp(j, x[t], before), 2))
        d = cell.decay_bias + torch.tanh(ddlerp(4, x[t], before) @ cell.decay_down) @ cell.decay_up
        w.append(heads_of(torch.exp(-torch.exp(d)), 2))
    for t in range(0, T, 4):
        out = []
        for h in range(2):
            wkv = torch.diag(cell.bonus[h]) @ torch.outer(k[t][h], v[t][h])
            for i in range(t):
                kept = torch.ones(3, dtype=torch.float64)
                for j in range(i + 1, t):
                    kept = kept * w[j][h]
                wkv = wkv + torch.diag(kept) @ torch.outer(k[i][h], v[i][h])
            read = layer_norm(r[t][h] @ wkv, cell.norm.weight[h], cell.norm.bias[h], 64e-5)
            out.append(silu(g[t][h]) * read)
        same(y[t], cell.out_proj.weight @ torch.cat(out))
    s = torch.zeros(2, 3, 4, dtype=torch.float64)
    for t in range(T):
        for h in range(2):
            s[h] = torch.diag(w[t][h]) @ s[h] + torch.outer(k[t][h], v[t][h])
    same(state["S"], s)
    same(state["inlet.x"], x[-1:])

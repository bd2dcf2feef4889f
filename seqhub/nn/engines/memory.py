"""The memory engine: a matrix memory over a sequence, chunk by chunk.

Within a chunk of C steps everything is matrix products: what each step reads from the chunk's first state and from
each earlier step (`decay.py`). The delta rule and the erasing one, which read what they write, solve one unit
triangular system a chunk for what is read, r = P - Q S. Then only the states at the chunks' starts are computed one
after the other (`chunks.py`). Arithmetic is in the state's precision, under autocast too.

Padding writes nothing and decays nothing, so the last state is each row's right final state, exactly.
Shapes: B batch, T time, N chunks, C steps of a chunk, H heads, K key width, V value width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch._higher_order_ops.scan import scan
from torch.nn import functional as F

from seqhub.nn.cell import Projected
from seqhub.nn.engines.chunks import chunk_states
from seqhub.nn.engines.decay import Decay, make_decay
from seqhub.nn.engines.mode import is_exporting
from seqhub.nn.engines.sequential import run_steps
from seqhub.nn.memory import MemoryCell, Terms, check_terms, update
from seqhub.nn.padding import like_steps
from seqhub.nn.state import Context, State

CHUNK = 16  # measured on CPU against 32 and 64; a power of two
SHORT = 8  # steps up to which a loop is faster; measured
NOTHING = -1e30  # a log input that writes nothing; finite, so that no difference of two is NaN


def run_memory(cell: MemoryCell, p: Projected, state: State, valid: Tensor, ctx: Context) -> tuple[Tensor, State]:
    """p [B T ...], state [B ...], valid [B T] bool -> y [B T O] (undefined on padding), state at each row's last
    valid step.
    """
    export = is_exporting()
    reset = ctx.reset & valid if ctx.reset is not None else None
    if not export and valid.shape[1] == 0:
        return run_steps(cell, p, state, valid, ctx)
    steps = ctx._replace(dt=ctx.dt[..., None]) if ctx.dt is not None else ctx  # [B T 1], as `step` sees [B 1]
    terms = check_terms(cell.terms(p, steps), "m" in state)
    terms = _prepared(terms, state["S"], valid, masked=export or not bool(valid.all()))
    if export or valid.shape[1] <= SHORT:
        y, level, final = (_scan_op if export else _step_by_step)(terms, state, reset)
        return cell.emit(y, p, level), final
    with torch.autocast(valid.device.type, enabled=False):
        final = {}
        level = None
        if terms.log_input is not None:
            terms, level = _levelled(terms, terms.log_input, state["m"], reset)
            final["m"] = level[:, -1]
        y, final["S"] = run_chunks(terms, state["S"], reset)
    return cell.emit(y, p, level), {name: final[name] for name in state}


def run_chunks(terms: Terms, first: Tensor, reset: Tensor | None) -> tuple[Tensor, Tensor]:
    """Terms [B T H ...] without log_input, first state [B H K V], reset [B T] -> y [B T H V], last state."""
    steps = terms.q.shape[1]
    size = min(CHUNK, 1 << (steps - 1).bit_length())
    cut = _Cut(steps, size)
    q, k, v, g = (cut(term) for term in terms[:4])  # each [N B H C X]
    decay = make_decay(g)
    mask = _Segments(cut(reset[..., None, None].to(q.dtype))) if reset is not None else None

    def scores(x: Tensor, y: Tensor, before: bool = False) -> Tensor:
        pairs = decay.scores(x, y, before=before)
        return pairs if mask is None else pairs * mask.same

    def from_start(x: Tensor, before: bool = False) -> Tensor:
        seen = x * (decay.read_before if before else decay.read)
        return seen if mask is None else seen * mask.from_start

    writers: list[tuple[Tensor, Tensor, Tensor | None]] = []  # key, and the value P - Q S that it writes
    if terms.beta is not None:
        beta = cut(terms.beta[..., None])
        rhs = torch.cat((beta * v, beta * from_start(k)), dim=-1)
        writers.append((k, *_solved(beta * scores(k, k), rhs, v.shape[-1])))
    elif terms.erase is not None:
        a, b = (cut(term) for term in terms.erase)
        rhs = torch.cat((scores(b, k, before=True) @ v, -from_start(b, before=True)), dim=-1)
        writers = [(a, *_solved(-scores(b, a, before=True), rhs, v.shape[-1])), (k, v, None)]
    else:
        writers.append((k, v, None))

    states, last = _states(decay, mask, writers, first)
    y = from_start(q, terms.read_before) @ states
    for key, value, gain in writers:
        pairs = scores(q, key, terms.read_before)
        if not terms.read_before:
            pairs = pairs + torch.diag_embed((q * key).sum(dim=-1))
        y = y + pairs @ (value if gain is None else value - gain @ states)
    return cut.joined(y), last


def _solved(lower: Tensor, rhs: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """P and Q of (1 + lower) (P - Q S) = rhs, whose first `width` columns belong to P."""
    both = torch.linalg.solve_triangular(lower, rhs, upper=False, unitriangular=True)
    return both[..., :width], both[..., width:]


def _states(
    decay: Decay, mask: _Segments | None, writers: list[tuple[Tensor, Tensor, Tensor | None]], first: Tensor
) -> tuple[Tensor, Tensor]:
    """The state before each chunk [N B H K V], and the last [B H K V]."""
    whole = decay.whole if mask is None else decay.whole * mask.whole
    added: Tensor | None = None
    taken: Tensor | None = None
    for key, value, gain in writers:
        weight = (key * decay.write if mask is None else key * decay.write * mask.to_end).mT  # [N B H K C]
        added = weight @ value if added is None else added + weight @ value
        if gain is not None:
            taken = (weight @ gain).flatten(1, 2)
    assert added is not None  # every rule writes
    states, last = chunk_states(whole.flatten(1, 2), added.flatten(1, 2), taken, first.flatten(0, 1))
    return torch.unflatten(states, 1, first.shape[:2]), last.reshape(first.shape)


class _Cut:
    """[B T H X] <-> [N B H C X], with zeros after the last step."""

    def __init__(self, steps: int, size: int) -> None:
        self.steps, self.size = steps, size
        self.spare = -steps % size

    def __call__(self, x: Tensor) -> Tensor:
        if self.spare:
            x = F.pad(x, (0, 0, 0, 0, 0, self.spare))
        return torch.unflatten(x, 1, (-1, self.size)).permute(1, 0, 3, 2, 4).contiguous()

    def joined(self, y: Tensor) -> Tensor:
        return y.permute(1, 0, 3, 2, 4).flatten(1, 2)[:, : self.steps]


class _Segments:
    """What resets cut off, as factors 0 and 1; a decay of minus infinity in the sums would take their digits.

    reset [N B 1 C 1] -> same [.. C C]: no reset between; from_start, to_end [.. C 1]; whole [.. 1].
    """

    def __init__(self, reset: Tensor) -> None:
        segment = reset.cumsum(dim=-2)  # the reset step itself opens the new one
        end = segment[..., -1:, :]
        self.same = (segment == segment.mT).to(reset.dtype)
        self.from_start = (segment == 0).to(reset.dtype)
        self.to_end = (segment == end).to(reset.dtype)
        self.whole = (end == 0).to(reset.dtype).squeeze(-2)


def _prepared(terms: Terms, state: Tensor, valid: Tensor, *, masked: bool) -> Terms:
    """Every term in the state's precision and broadcast over the heads; on padding, nothing written or decayed."""
    heads = state.shape[1]

    def full(x: Tensor) -> Tensor:
        return x.to(state.dtype).expand(*valid.shape, heads, x.shape[-1])

    def quiet(x: Tensor, value: float = 0.0) -> Tensor:
        return torch.where(like_steps(valid, x), x, torch.full_like(x, value)) if masked else x

    def each(x: Tensor | None, value: float = 0.0) -> Tensor | None:
        return None if x is None else quiet(full(x[..., None])[..., 0], value)

    erase = terms.erase
    return Terms(
        full(terms.q),
        quiet(full(terms.k)),
        full(terms.v),
        quiet(full(terms.log_decay)),
        beta=each(terms.beta),
        erase=None if erase is None else (quiet(full(erase[0])), full(erase[1])),
        log_input=each(terms.log_input, NOTHING),
        read_before=terms.read_before,
    )


def _levelled(terms: Terms, log_input: Tensor, first: Tensor, reset: Tensor | None) -> tuple[Terms, Tensor]:
    """The same memory with its level taken out: terms with bounded gates, and m' [B T H].

    m_t = G_t + max(m_0, max_(s <= t) (i_s - G_s)), G the sum of the log decays: in float64, for it runs over all of T.
    """
    g, i, start = terms.log_decay[..., 0].double(), log_input.double(), first.double()
    if reset is None:
        total = g.cumsum(dim=1)
        peak = (i - total).cummax(dim=1).values
        level = total + torch.maximum(peak, start[:, None])
        before = torch.cat((start[:, None], level[:, :-1]), dim=1)
    else:
        levels, befores = [], []
        now = start
        for g_t, i_t, reset_t in zip(g.unbind(1), i.unbind(1), reset.unbind(1), strict=True):
            befores.append(torch.where(reset_t[:, None], torch.zeros_like(now), now))
            now = torch.maximum(g_t + befores[-1], i_t)
            levels.append(now)
        level, before = torch.stack(levels, dim=1), torch.stack(befores, dim=1)
    dtype = first.dtype
    decay = (g + before - level).to(dtype)[..., None]
    k = terms.k * torch.exp(i - level).to(dtype)[..., None]
    return terms._replace(k=k, log_decay=decay, log_input=None), level.to(dtype)


def _step_by_step(terms: Terms, state: State, reset: Tensor | None) -> tuple[Tensor, Tensor | None, State]:
    """The recurrent step in a loop: y [B T H V], levels [B T H] if kept, last state."""
    fields = _over_time(terms, reset)
    columns = [term.unbind(1) for term in fields.values()]
    ys, levels = [], []
    for column in zip(*columns, strict=True):
        y, state = _one_step(dict(zip(fields, column, strict=True)), state, terms.read_before)
        ys.append(y)
        levels.append(state.get("m", y))
    return torch.stack(ys, dim=1), torch.stack(levels, dim=1) if "m" in state else None, state


def _scan_op(terms: Terms, state: State, reset: Tensor | None) -> tuple[Tensor, Tensor | None, State]:
    """The same loop as torch's `scan`, which the ONNX exporter writes as `Scan`; the triangular solve of the chunk
    form has no ONNX operator.
    """
    names = list(state)
    fields = _over_time(terms, reset)

    def body(carry: list[Tensor], x_t: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        memory = dict(zip(names, carry, strict=True))
        y, new = _one_step(dict(zip(fields, x_t, strict=True)), memory, terms.read_before)
        return [new[name].clone() for name in names], [y.clone(), *(new[name].clone() for name in names[1:])]

    carry, outputs = scan(body, [state[name] for name in names], [x.transpose(0, 1) for x in fields.values()])
    level = outputs[1].transpose(0, 1) if len(outputs) > 1 else None
    return outputs[0].transpose(0, 1), level, dict(zip(names, carry, strict=True))


def _over_time(terms: Terms, reset: Tensor | None) -> dict[str, Tensor]:
    """The terms that are given, by name, [B T ...] each; `keep` [B T 1] is 0 at a reset, for booleans do not survive
    the exporter.
    """
    fields = {name: term for name, term in terms._asdict().items() if isinstance(term, Tensor)}
    if terms.erase is not None:
        fields |= {"a": terms.erase[0], "b": terms.erase[1]}
    if reset is not None:
        fields["keep"] = 1.0 - reset.to(terms.q.dtype)[..., None]
    return fields


def _one_step(now: dict[str, Tensor], state: State, read_before: bool) -> tuple[Tensor, State]:
    if "keep" in now:
        keep = now.pop("keep")  # [B 1]
        state = {name: like_steps(keep[:, 0], value) * value for name, value in state.items()}
    erase = (now.pop("a"), now.pop("b")) if "a" in now else None
    return update(Terms(**now, erase=erase, read_before=read_before), state)

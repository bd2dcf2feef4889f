"""The contract of a memory cell: a matrix per head, written to by keys and read by queries.

One step, for each head, with S [K V] before and S' after:

    additive   S' = exp(g) S + k v^T
    delta      S' = exp(g) S + k u^T          u = beta (v - k^T exp(g) S): write what is not yet there
    erase      S' = exp(g) S + a (b^T S) + k v^T
    output     y = q^T S'                     or q^T S, where `read_before`

`log_input` i makes the writing gate exp(i), without bound. Such a memory is kept scaled by exp(-m), where the level
m' = max(g + m, i) is the running maximum of the exponents, so that it never overflows (arXiv:2405.04517, appendix A).

Shapes: H heads, K key width of a head, V value width of a head, O output width; `...` is [B] inside a loop and [B T]
over a sequence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from seqhub.nn.cell import Cell, Projected
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.state import Context, Slot, State


class Terms(NamedTuple):
    """What one step does to the memory. Any term may have size 1 in the head axis, where heads share it.

    log_decay: finite and at most 0 (with `log_input`, of any sign); a last axis of 1 decays all keys of a head alike.
    beta: the strength of the delta rule, 0 to 2; None for the additive rule.
    erase: (a, b), a general rank-one change; not together with `beta` or `log_input`.
    log_input: with the additive rule only, and with one decay a head.
    """

    q: Tensor  # [... H K]
    k: Tensor  # [... H K]
    v: Tensor  # [... H V]
    log_decay: Tensor  # [... H K] or [... H 1]
    beta: Tensor | None = None  # [... H]
    erase: tuple[Tensor, Tensor] | None = None  # 2 x [... H K]
    log_input: Tensor | None = None  # [... H]
    read_before: bool = False


class MemoryCell(Cell):
    """A cell whose state is a matrix per head. The author gives `terms` and `emit`; the step is derived.

    State: S [B H K V]; with `levels` also m [B H].
    """

    kind: ClassVar[Literal["step", "linear", "memory"]] = "memory"

    def __init__(
        self,
        d_in: int,
        *,
        output_size: int,
        heads: int,
        key_dim: int,
        value_dim: int,
        levels: bool = False,
        inlet: SequenceLayer | None = None,
    ) -> None:
        sizes: Mapping[str, int] = {"heads": heads, "key_dim": key_dim, "value_dim": value_dim}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} is {size}, expected 1 or more")
        slots = {"S": Slot((heads, key_dim, value_dim))}
        if levels:
            slots["m"] = Slot((heads,))
        super().__init__(d_in, output_size=output_size, state=slots, inlet=inlet)

    def terms(self, p: Projected, ctx: Context) -> Terms:
        """What the projected input does to the memory, free of the memory itself."""
        raise NotImplementedError(f"{type(self).__name__} does not define terms")

    def emit(self, y: Tensor, p: Projected, level: Tensor | None) -> Tensor:
        """From what was read, y [... H V], to the output [... O]: norms, gates, bonuses. level: m' [... H], if kept."""
        return y.flatten(-2)

    def step(self, p: Projected, state: State, ctx: Context) -> tuple[Tensor, State]:
        """Derived: the recurrence itself, one step."""
        y, new = update(check_terms(self.terms(p, ctx), "m" in self.state), state)
        return self.emit(y, p, new.get("m")), new


def update(terms: Terms, state: State) -> tuple[Tensor, State]:
    """One step of the memory, by the equations above: y [B H V], new state. Float terms take the state's precision.

    Products and sums rather than matrix products, which autocast would round.
    """
    old = state["S"]
    q, k, v, decay = (term.to(old.dtype) for term in terms[:4])
    new: State = {}
    if terms.log_input is not None:
        g, i, m = decay[..., 0], terms.log_input.to(old.dtype), state["m"]
        level = torch.maximum(g + m, i)
        decay, k = (g + m - level)[..., None], k * torch.exp(i - level)[..., None]
        new["m"] = level
    kept = torch.exp(decay)[..., None] * old  # [B H K V]
    if terms.beta is not None:
        v = terms.beta.to(old.dtype)[..., None] * (v - _read(k, kept))
    if terms.erase is not None:
        a, b = (term.to(old.dtype) for term in terms.erase)
        kept = kept + _outer(a, _read(b, old))
    memory = kept + _outer(k, v)
    return _read(q, old if terms.read_before else memory), {"S": memory, **new}


def check_terms(terms: Terms, levels: bool) -> Terms:
    """The terms themselves; ValueError where they do not go together."""
    if terms.erase is not None and (terms.beta is not None or terms.log_input is not None):
        raise ValueError("terms: erase goes neither with beta nor with log_input")
    if (terms.log_input is not None) != levels:
        raise ValueError(f"terms: log_input is {'given' if not levels else 'None'}, but the cell has levels={levels}")
    if terms.log_input is not None and (terms.beta is not None or terms.log_decay.shape[-1] != 1):
        raise ValueError("terms: log_input goes with the additive rule and one decay a head, log_decay [... H 1]")
    return terms


def _read(key: Tensor, memory: Tensor) -> Tensor:
    """[B H K], [B H K V] -> [B H V]."""
    return (key[..., None] * memory).sum(dim=-2)


def _outer(key: Tensor, value: Tensor) -> Tensor:
    """[B H K], [B H V] -> [B H K V]."""
    return key[..., None] * value[..., None, :]

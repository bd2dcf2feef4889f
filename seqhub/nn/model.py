"""A whole model: raw columns, standard units, a stack of layers, a head, raw numbers. Itself a sequence layer."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from seqhub.geometry import INF, Geometry, identity
from seqhub.nn.align import Align
from seqhub.nn.blocks import Chain
from seqhub.nn.embedding import CRFHead, Embedding, SpelledEmbedding, TiedHead
from seqhub.nn.ends import Ends
from seqhub.nn.frontend import LastOfBlock, Standardize
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.padding import zero_padding
from seqhub.nn.pointwise import Linear
from seqhub.nn.pool import MaxPool, MeanPool
from seqhub.nn.recurrent import Recurrent
from seqhub.nn.running_norm import RunningNorm
from seqhub.nn.spread import parameters, roles
from seqhub.nn.state import WHOLE, Context, Memory, Slot, State, prefixed, substate


class SequenceModel(SequenceLayer):
    """x [B T D_in] raw -> y [B T' prod(outputs)] raw. State: every layer's slots, under the names of the recipe's
    blocks.

    With an anchor the head predicts the change from an input column, and the column's last value is added to it. With
    `normalise` it is the column's mean so far, and the change is in units of its deviation so far.
    head: makes another than the task's own, from the width of the body and that of the outputs.
    """

    output_shift: Tensor
    output_scale: Tensor
    moved: Tensor
    scaled: Tensor

    def __init__(
        self,
        ends: Ends,
        body: Chain,
        *,
        embed: bool = True,
        head: Callable[[int, int], SequenceLayer] | None = None,
    ) -> None:
        layers = front(ends, body.d_in, embed=embed)
        layers.update({name: body[name] for name in body.names})
        if ends.pool in ("mean", "max"):
            pool = MeanPool(body.d_out) if ends.pool == "mean" else MaxPool(body.d_out)
            layers["pool"] = Recurrent(pool)
        layers["head"] = head(body.d_out, ends.d_out) if head else _head(ends, body.d_out, layers.get("embed"))
        stack = Chain(ends.d_in, layers, keep=body.keep)
        slots: dict[str, Slot] = dict(stack.state)
        level = RunningLevel(ends) if ends.normalise else None
        held = 2 * level.columns if level else ends.d_in  # numbers a step that an output is put back by
        follow = LastOfBlock(held, stack.geometry.block) if ends.anchor and stack.geometry.ratio != 1 else None
        align = None
        if ends.anchor:
            align = Align([stack.geometry, follow.geometry if follow else identity(held)])
            own = [part.state for part in (level, follow, align) if part is not None]
            slots.update(prefixed("anchor", {name: slot for part in own for name, slot in part.items()}))
        geometry = Geometry(width=ends.d_in, past=INF).then(stack.geometry) if level else stack.geometry
        if ends.elapsed is not None and not (stack.geometry.slowest == 1 and stack.geometry.future in (0, INF)):
            raise ValueError("elapsed times cannot pass a layer that changes the time axis or looks ahead")
        super().__init__(ends.d_in, geometry, slots)
        self.ends, self.stack, self.follow, self.align, self.level = ends, stack, follow, align, level
        self.vocabulary = ends.vocabulary
        self.register_buffer("output_shift", torch.tensor(ends.output_shift, dtype=torch.float32))
        self.register_buffer("output_scale", torch.tensor(ends.output_scale, dtype=torch.float32))
        role = roles(ends.spread, len(ends.levels)) if ends.spread != "point" else ()
        each = [role[i // ends.outputs[2] % len(role)] if role else "location" for i in range(ends.d_out)]
        self.plain = all(one == "location" for one in each)
        self.register_buffer("moved", torch.tensor([one == "location" for one in each]), persistent=False)
        self.register_buffer("scaled", torch.tensor([one != "shape" for one in each]), persistent=False)

    def out_lengths(self, lengths: Tensor) -> Tensor:
        return self.stack.out_lengths(lengths)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        if self.ends.elapsed is not None:
            ctx = ctx._replace(dt=zero_padding(x[:, :, self.ends.elapsed], lengths))
        own = {name: value for name, value in state.items() if not name.startswith("anchor.")}
        if self.align is None:
            z, out_lengths, next_state = self.stack(x, lengths, own, memory, ctx)
            return zero_padding(self._units(z), out_lengths), out_lengths, next_state
        held, anchor = substate(state, "anchor"), list(self.ends.anchor)
        x = zero_padding(x, lengths)
        base, base_lengths, moved = x, lengths, State()
        if self.level is not None:
            x, base, moved = self.level(x, lengths, held)
        z, out_lengths, next_state = self.stack(x, lengths, own, memory, ctx)
        if self.follow is not None:
            base, base_lengths, last = self.follow(base, base_lengths, held, memory, ctx)
            moved = {**moved, **last}
        (z, base), out_lengths, waiting = self.align([(z, out_lengths), (base, base_lengths)], held)
        y = self._units(z)
        if self.level is not None:
            base, deviation = base.chunk(2, dim=-1)
            y = y * deviation[:, :, anchor] if self.plain else torch.where(self.scaled, y * deviation[:, :, anchor], y)
        y = y + base[:, :, anchor] if self.plain else torch.where(self.moved, y + base[:, :, anchor], y)
        next_state.update(prefixed("anchor", {**moved, **waiting}))
        return zero_padding(y, out_lengths), out_lengths, next_state

    def _units(self, z: Tensor) -> Tensor:
        """The head's numbers as the task's, in raw units: [B T O] -> [B T O]."""
        if self.ends.spread != "point":
            apart: Tensor = z.unflatten(2, self.ends.outputs)  # type: ignore[no-untyped-call]  # [B T H P K]
            z = parameters(self.ends.spread, self.ends.levels, apart).flatten(2)
        return z * self.output_scale + self.output_shift


class RunningLevel(nn.Module):
    """The first columns by their mean and deviation so far, in standard units. State: the norm's, under `norm.`."""

    shift: Tensor
    scale: Tensor

    def __init__(self, ends: Ends) -> None:
        super().__init__()
        self.columns = len(set(ends.anchor))
        self.norm = RunningNorm(self.columns)
        self.state = prefixed("norm", self.norm.state)
        self.register_buffer("shift", torch.tensor(ends.input_shift[: self.columns], dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(ends.input_scale[: self.columns], dtype=torch.float32))

    def forward(self, x: Tensor, lengths: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """x [B T D] raw -> x with its first K columns normalised; [B T 2K], their means in raw units and their
        deviations in standard ones; the next state.
        """
        known = (x[:, :, : self.columns] - self.shift) / self.scale
        z, mean, deviation, after = self.norm.normalise(zero_padding(known, lengths), lengths, substate(state, "norm"))
        both = zero_padding(torch.cat((mean * self.scale + self.shift, deviation), dim=-1), lengths)
        return torch.cat((z, x[:, :, self.columns :]), dim=-1), both, prefixed("norm", after)


def front(ends: Ends, width: int, *, embed: bool = True) -> dict[str, SequenceLayer]:
    """What brings raw columns to the width of the body; without `embed` they have it."""
    if not ends.tokens:
        done = len(set(ends.anchor)) if ends.normalise else 0  # columns in standard units before the stack
        shift, scale = (0.0,) * done + ends.input_shift[done:], (1.0,) * done + ends.input_scale[done:]
        standardize = Standardize(shift, scale, clip=ends.input_clip, difference=ends.difference)
        return {"input": standardize, **({"embed": Linear(ends.d_in, width=width)} if embed else {})}
    if not embed:
        raise ValueError("ids have to be embedded")
    if not ends.characters:
        return {"embed": Embedding(ends.tokens, width=width, dropout=ends.embedding_dropout)}
    columns, dropout = ends.d_in - 1, ends.embedding_dropout
    return {"embed": SpelledEmbedding(ends.tokens, ends.characters, columns, width=width, dropout=dropout)}


def _head(ends: Ends, d_in: int, embed: SequenceLayer | None) -> SequenceLayer:
    """What brings the body's outputs to the task's."""
    if ends.tied:
        table = embed.weight if isinstance(embed, Embedding) else None
        if table is None:
            raise ValueError("a head is tied to the table of an embedding without spellings")
        return TiedHead(d_in, table)
    head = CRFHead(d_in, ends.outputs[1]) if ends.head == "crf" else Linear(d_in, width=ends.d_out)
    _init_head(head)
    return head


def _init_head(head: nn.Module) -> None:
    """Small first outputs: an untrained model answers with the mean (or the anchor)."""
    for name, parameter in head.named_parameters():
        with torch.no_grad():
            parameter.zero_() if name.endswith("bias") else parameter.mul_(0.1)

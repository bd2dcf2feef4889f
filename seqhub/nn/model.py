"""A whole model: raw columns, standard units, a stack of layers, a head, raw numbers. Itself a sequence layer."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

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
from seqhub.nn.state import WHOLE, Context, Memory, Slot, State, prefixed, substate


class SequenceModel(SequenceLayer):
    """x [B T D_in] raw -> y [B T' prod(outputs)] raw. State: every layer's slots, under the names of the recipe's
    blocks.

    With an anchor the head predicts the change from an input column, and the column's last value is added to it.
    head: makes another than the task's own, from the width of the body and that of the outputs.
    """

    output_shift: Tensor
    output_scale: Tensor

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
        follow = LastOfBlock(ends.d_in, stack.geometry.block) if ends.anchor and stack.geometry.ratio != 1 else None
        align = None
        if ends.anchor:
            align = Align([stack.geometry, follow.geometry if follow else layers["input"].geometry])
            slots.update(prefixed("anchor", {**(follow.state if follow else {}), **align.state}))
        super().__init__(ends.d_in, stack.geometry, slots)
        self.ends, self.stack, self.follow, self.align = ends, stack, follow, align
        self.vocabulary = ends.vocabulary
        self.register_buffer("output_shift", torch.tensor(ends.output_shift, dtype=torch.float32))
        self.register_buffer("output_scale", torch.tensor(ends.output_scale, dtype=torch.float32))

    def out_lengths(self, lengths: Tensor) -> Tensor:
        return self.stack.out_lengths(lengths)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        own = {name: value for name, value in state.items() if not name.startswith("anchor.")}
        z, out_lengths, next_state = self.stack(x, lengths, own, memory, ctx)
        y = z * self.output_scale + self.output_shift
        if self.align is not None:
            held = substate(state, "anchor")
            base, base_lengths, moved = zero_padding(x, lengths), lengths, State()
            if self.follow is not None:
                base, base_lengths, moved = self.follow(base, base_lengths, held, memory, ctx)
            (y, base), out_lengths, waiting = self.align([(y, out_lengths), (base, base_lengths)], held)
            y = y + base[:, :, list(self.ends.anchor)]
            next_state.update(prefixed("anchor", {**moved, **waiting}))
        return zero_padding(y, out_lengths), out_lengths, next_state


def front(ends: Ends, width: int, *, embed: bool = True) -> dict[str, SequenceLayer]:
    """What brings raw columns to the width of the body; without `embed` they have it."""
    if not ends.tokens:
        standardize = Standardize(ends.input_shift, ends.input_scale, difference=ends.difference)
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

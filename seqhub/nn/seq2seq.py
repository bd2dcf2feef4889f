"""An encoder and a decoder: one sequence is read whole, another is written token by token.

    memory = model.encode(x, lengths)                            Memory(values [B S E], lengths [B])
    scores, _, state = model.decoder(ids, lengths, state, memory)    [B T 1] -> [B T V]: the token after each

The decoder is a sequence layer like any other, its `memory` what the encoder made. All target steps at once are teacher
forcing; one step (T = 1) is what scheduled sampling and every search call: the same `forward`.

Sutskever et al. 2014, arXiv:1409.3215; with attention Bahdanau et al. 2014, arXiv:1409.0473.
Shapes: B batch, T target steps, S memory steps, E memory width, V target tokens.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

from seqhub.geometry import INF
from seqhub.nn.blocks import Chain
from seqhub.nn.embedding import Embedding
from seqhub.nn.ends import Ends
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.model import SequenceModel, front
from seqhub.nn.padding import last_step, like_steps, zero_padding
from seqhub.nn.state import WHOLE, Context, Memory, Slot, State

STARTED = "bridge.started"  # 1 once a row has read its first step
_BRIDGED = ("h", "c")  # what recurrent layers carry by these names may begin anywhere


class Encoder(SequenceLayer):
    """x [B T D] raw -> values [B S E]. It reads whole rows, and carries nothing from call to call."""

    def __init__(self, ends: Ends, body: Chain, *, embed: bool = True) -> None:
        layers = {**front(ends, body.d_in, embed=embed), **{name: body[name] for name in body.names}}
        stack = Chain(ends.d_in, layers, keep=body.keep)
        if stack.memory_width:
            raise ValueError("an encoder has no other sequence to attend to")
        whole = dataclasses.replace(stack.geometry, past=INF, future=INF, obstacle="an encoder reads whole sequences")
        super().__init__(ends.d_in, whole)
        self.stack = stack
        self.vocabulary = ends.vocabulary

    def out_lengths(self, lengths: Tensor) -> Tensor:
        return self.stack.out_lengths(lengths)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        values, out_lengths, _ = self.stack(x, lengths, self.stack.initial_state(x.shape[0], x.device))
        return values, out_lengths, {}


class Bridge(nn.Module):
    """First states from a memory, s = tanh(W [m_last; m_first]): both ends, so that either direction of a bidirectional
    encoder has read the whole source. One map for each of the slots.
    """

    def __init__(self, memory_width: int, slots: dict[str, Slot]) -> None:
        super().__init__()
        self.maps = nn.ModuleDict({_key(name): nn.Linear(2 * memory_width, s.shape[0]) for name, s in slots.items()})
        self.names = tuple(slots)

    def forward(self, state: State, fresh: Tensor, memory: Memory) -> State:
        """The state with the bridged slots of fresh rows [B] in place."""
        values = zero_padding(memory.values, memory.lengths)
        ends = torch.cat((last_step(values, memory.lengths), values[:, 0]), dim=-1)  # [B 2E]
        after = dict(state)
        for name in self.names:
            first = torch.tanh(self.maps[_key(name)](ends)).to(state[name].dtype)
            after[name] = torch.where(like_steps(fresh, first), first, state[name])
        return after


class Decoder(SequenceLayer):
    """ids [B T 1] -> scores of the token after each, [B T V]. State: every block's slots.

    bridge: the first states are made of the memory, at each row's first step; whether a row has begun is one more slot.
    """

    def __init__(self, ends: Ends, body: Chain, *, memory_width: int, bridge: bool) -> None:
        model = SequenceModel(ends, body)
        slots = dict(model.state)
        if bridge:
            bridged = bridged_slots(slots)
            if not bridged:
                raise ValueError("a bridge sets the first state of recurrent blocks (h, c), and there is none")
            slots[STARTED] = Slot((1,), dtype="int64")
        super().__init__(1, model.geometry, slots)
        self.model, self.ends = model, ends
        self.vocabulary, self.attends_to = model.vocabulary, memory_width
        self.bridge = Bridge(memory_width, bridged) if bridge else None

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        if memory is None:
            raise ValueError("a decoder writes what an encoder read: give its memory")
        if self.bridge is None:
            y, out_lengths, after = self.model(x, lengths, state, memory, ctx)
            return y, out_lengths, after
        own = {name: value for name, value in state.items() if name != STARTED}
        begins = (lengths > 0)[:, None]  # [B 1]
        own = self.bridge(own, (begins & (state[STARTED] == 0))[:, 0], memory)
        y, out_lengths, after = self.model(x, lengths, own, memory, ctx)
        # A row without steps stays as it was: it is not fresh, so the bridge did not touch it.
        after[STARTED] = torch.where(begins, torch.ones_like(state[STARTED]), state[STARTED])
        return y, out_lengths, after


class EncoderDecoder(SequenceLayer):
    """The two together. As a layer it is its encoder; the target goes to `decoder`.

    tied: `output`: the decoder's scores use its embedding; `all`: the encoder reads by the same table too, which needs
    one vocabulary and one width.  bridge: the decoder's first state comes from the encoder's last.
    """

    def __init__(
        self, ends: Ends, body: Chain, writer: Chain, *, bridge: bool, tied: str = "none", embed: bool = True
    ) -> None:
        encoder = Encoder(ends, body, embed=embed)
        super().__init__(ends.d_in, encoder.geometry)
        self.ends, self.encoder = ends, encoder
        self.vocabulary = ends.vocabulary
        self.decoder = Decoder(target_ends(ends, tied != "none"), writer, memory_width=body.d_out, bridge=bridge)
        if tied == "all":
            read, write = encoder.stack["embed"], self.decoder.model.stack["embed"]
            if not isinstance(read, Embedding) or not isinstance(write, Embedding):
                raise ValueError("tied: all joins two embeddings of tokens")
            if read.weight.shape != write.weight.shape:
                shapes = f"{list(read.weight.shape)} and {list(write.weight.shape)}"
                raise ValueError(f"tied: all needs one vocabulary and one width, got tables {shapes}")
            read.weight = write.weight

    @property
    def memory_width(self) -> int:
        """0: it makes its memory itself."""
        return 0

    def out_lengths(self, lengths: Tensor) -> Tensor:
        return self.encoder.out_lengths(lengths)

    def forward(
        self, x: Tensor, lengths: Tensor, state: State, memory: Memory | None = None, ctx: Context = WHOLE
    ) -> tuple[Tensor, Tensor, State]:
        values, out_lengths, _ = self.encoder(x, lengths, {})
        return values, out_lengths, {}

    def encode(self, x: Tensor, lengths: Tensor) -> Memory:
        """What the decoder attends to: x [B T D] -> values [B S E] and their lengths."""
        values, out_lengths, _ = self.encoder(x, lengths, {})
        return Memory(values, out_lengths)

    def first_state(self, memory: Memory) -> State:
        """The decoder's state before its first step."""
        rows, steps = memory.values.shape[:2]
        return self.decoder.initial_state(rows, memory.values.device, memory_steps=steps)


def target_ends(ends: Ends, tied: bool) -> Ends:
    """The ends of the decoder: it reads the tokens that it scores."""
    size = ends.d_out
    return Ends(
        features=("token",),
        outputs=(size,),
        output_names=ends.output_names,
        input_shift=(0.0,),
        input_scale=(1.0,),
        output_shift=(0.0,) * size,
        output_scale=(1.0,) * size,
        tokens=size,
        embedding_dropout=ends.embedding_dropout,
        tied=tied,
    )


def bridged_slots(slots: dict[str, Slot]) -> dict[str, Slot]:
    """The slots `h` and `c` of layers that carry no other numbers of their own: where more is carried (a normaliser, a
    clock), a first value of one alone would mean nothing.
    """
    found = {}
    for name, slot in slots.items():
        layer, _, last = name.rpartition(".")
        beside = {other.rpartition(".")[2] for other, s in slots.items() if other.rpartition(".")[0] == layer}
        plain = slot.dtype == "float32" and not slot.over_memory and len(slot.shape) == 1
        free = beside <= {*_BRIDGED, *(n for n in beside if slots[f"{layer}.{n}"].over_memory), "fed", "begun"}
        if plain and free and last in _BRIDGED:
            found[name] = slot
    return found


def sampled(model: EncoderDecoder, memory: Memory, given: Tensor, lengths: Tensor, rate: float) -> Tensor:
    """Scores [B T V] of scheduled sampling, arXiv:1506.03099: step by step, and from the second step on each row reads,
    with probability `rate`, a draw from its own last scores instead of the true token.

    given: true tokens [B T], from the one that begins.  No gradient passes through a draw.
    """
    state, scores = model.first_state(memory), []
    token = given[:, :1]
    for t in range(given.shape[1]):
        step, _, state = model.decoder(token[..., None], (lengths - t).clamp(0, 1), state, memory)
        scores.append(step)
        if t + 1 < given.shape[1]:
            drawn = torch.multinomial(step[:, 0].detach().softmax(dim=-1), 1)  # [B 1]
            own = torch.rand(len(given), 1, device=given.device) < rate
            token = torch.where(own, drawn, given[:, t + 1 : t + 2])
    return torch.cat(scores, dim=1)


def alignments(model: EncoderDecoder, memory: Memory, given: Tensor, lengths: Tensor) -> Tensor | None:
    """What each written token was made of, [B T S], averaged over the blocks that keep an alignment; None where none
    does. given: as for `sampled`.
    """
    names = [name for name in model.decoder.state if name.rpartition(".")[2] == "alignment"]
    if not names:
        return None
    state, found = model.first_state(memory), []
    for t in range(given.shape[1]):
        _, _, state = model.decoder(given[:, t : t + 1, None], (lengths - t).clamp(0, 1), state, memory)
        found.append(torch.stack([state[name] for name in names]).mean(dim=0))
    return zero_padding(torch.stack(found, dim=1), lengths)


def _key(name: str) -> str:
    return name.replace(".", "/")  # a module's name may hold no dot

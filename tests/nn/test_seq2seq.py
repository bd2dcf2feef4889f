"""An encoder-decoder: one decoder for whole targets, chunks and steps; its memory, its first state, its tables."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from seqhub.nn import Chain, Memory, Recurrent
from seqhub.nn.seq2seq import STARTED, Decoder, EncoderDecoder, alignments, bridged_slots, sampled
from seqhub.nn.state import Slot
from seqhub_attention.additive import Bahdanau
from seqhub_cells.gru import GRUCell
from seqhub_cells.slstm import SLSTMCell
from tests.nn.pairs import TARGET, batch, ends, small

KINDS = [
    {"attention": True, "bridge": True},
    {"attention": True, "bridge": False, "bidirectional": False},
    {"attention": False, "bridge": True},
    {"attention": True, "bridge": True, "tied": "output"},
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("cuts", [(1,) * 6, (4, 2), (1, 5)], ids=["steps", "chunks", "one and the rest"])
def test_a_target_in_any_cut_is_the_whole_target(kind, cuts):
    model = small(**kind)
    x, lengths, given, steps = batch()
    with torch.no_grad():
        memory = model.encode(x, lengths)
        whole, out_lengths, last = model.decoder(given[..., None], steps, model.first_state(memory), memory)
        state, at, parts = model.first_state(memory), 0, []
        for size in cuts:
            part, _, state = model.decoder(given[:, at : at + size, None], (steps - at).clamp(0, size), state, memory)
            parts.append(part)
            at += size
    assert out_lengths.tolist() == steps.tolist()
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-6, rtol=1e-5)
    for name, value in last.items():
        torch.testing.assert_close(state[name], value, atol=1e-6, rtol=1e-5)


def test_the_loss_of_a_whole_target_is_that_of_its_steps():
    model = small()
    x, lengths, given, steps = batch()
    truth = given.roll(-1, dims=1).clamp(min=0)
    memory = model.encode(x, lengths)
    whole, _, _ = model.decoder(given[..., None], steps, model.first_state(memory), memory)
    valid = torch.arange(given.shape[1]) < steps[:, None]
    together = functional.cross_entropy(whole[valid], truth[valid], reduction="sum")
    state, apart = model.first_state(memory), 0.0
    for t in range(given.shape[1]):
        step, _, state = model.decoder(given[:, t : t + 1, None], (steps - t).clamp(0, 1), state, memory)
        live = steps > t
        apart += float(functional.cross_entropy(step[live, 0], truth[live, t], reduction="sum").detach())
    assert float(together.detach()) == pytest.approx(apart, rel=1e-5)


def test_what_stands_in_the_padding_changes_nothing():
    model = small()
    x, lengths, given, steps = batch()
    clean, clean_given = x.clamp(min=0), given.clamp(min=0)

    def scores(x, given, spoil):
        memory = model.encode(x, lengths)
        if spoil:
            padding = torch.arange(memory.values.shape[1]) >= memory.lengths[:, None]
            memory = Memory(torch.where(padding[..., None], torch.full((), math.nan), memory.values), memory.lengths)
        return model.decoder(given[..., None], steps, model.first_state(memory), memory)[0]

    one, other = scores(x, given, True), scores(clean, clean_given, False)
    assert torch.equal(one, other)
    assert not one[torch.arange(6) >= steps[:, None]].any()
    one.square().sum().backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in model.parameters())


def test_each_row_alone_is_the_row_of_the_batch():
    model = small()
    x, lengths, given, steps = batch()
    memory = model.encode(x, lengths)
    together = model.decoder(given[..., None], steps, model.first_state(memory), memory)[0]
    for row, (n, m) in enumerate(zip(lengths.tolist(), steps.tolist(), strict=True)):
        if m:
            own = model.encode(x[row : row + 1, :n], lengths[row : row + 1])
            y = model.decoder(given[row : row + 1, :m, None], steps[row : row + 1], model.first_state(own), own)[0]
            torch.testing.assert_close(y[0], together[row, :m], atol=1e-6, rtol=1e-5)


def test_a_row_without_steps_keeps_its_state_and_has_not_begun():
    model = small()
    x, lengths, given, steps = batch(steps=(2, 0, 0, 1))
    memory = model.encode(x, lengths)
    first = model.first_state(memory)
    _, _, after = model.decoder(given[..., None], steps, first, memory)
    assert after[STARTED][:, 0].tolist() == [1, 0, 0, 1]
    for name, value in after.items():
        assert torch.equal(value[1:3], first[name][1:3])
    _, _, again = model.decoder(given[:, :1, None].clamp(min=0), torch.tensor([0, 1, 1, 0]), after, memory)
    for name, value in again.items():
        assert torch.equal(value[0], after[name][0])


def test_the_bridge_reads_both_ends_of_the_source_once():
    model = small(attention=False)
    x, lengths, _, _ = batch()
    memory = model.encode(x, lengths)
    values = memory.values.detach()
    ends_of = torch.cat((values[torch.arange(4), lengths - 1], values[:, 0]), dim=-1)
    weight, bias = (model.decoder.bridge.maps["0/h"].weight, model.decoder.bridge.maps["0/h"].bias)
    state = model.decoder.bridge(model.first_state(memory), torch.tensor([True, True, False, True]), memory)
    expected = torch.tanh(ends_of @ weight.T + bias)
    torch.testing.assert_close(state["0.h"][[0, 1, 3]], expected[[0, 1, 3]])
    assert not state["0.h"][2].any()
    assert set(model.decoder.bridge.names) == {"0.h", "0.c", "1.h"}


def test_what_a_bridge_may_set():
    lone, other = Slot((4,)), Slot((4,), dtype="int64")
    slots = {"a.h": lone, "a.c": lone, "b.h": lone, "b.n": lone, "d.h": Slot((4, 2)), "e.h": lone, "e.k": other}
    slots |= {"g.h": lone, "g.alignment": Slot((), over_memory=True)}
    assert set(bridged_slots(slots)) == {"a.h", "a.c", "g.h"}
    body = Chain(8, {"0": Recurrent(SLSTMCell(8, hidden=8))})
    with pytest.raises(ValueError, match="a bridge sets the first state"):
        Decoder(ends(), body, memory_width=3, bridge=True)


def test_scheduled_sampling_at_rate_0_is_teacher_forcing_and_at_1_reads_its_own_draws():
    model = small()
    x, lengths, given, steps = batch(steps=(6, 6, 6, 6))
    memory = model.encode(x, lengths)
    whole = model.decoder(given[..., None], steps, model.first_state(memory), memory)[0]
    torch.testing.assert_close(sampled(model, memory, given, steps, 0.0), whole, atol=1e-6, rtol=1e-5)
    torch.manual_seed(5)
    own = sampled(model, memory, given, steps, 1.0)
    torch.manual_seed(5)
    drawn, state = [given[:, :1]], model.first_state(memory)
    for t in range(6):
        y, _, state = model.decoder(drawn[-1][..., None], (steps - t).clamp(0, 1), state, memory)
        torch.testing.assert_close(own[:, t : t + 1], y, atol=1e-6, rtol=1e-5)
        drawn.append(torch.multinomial(y[:, 0].softmax(dim=-1), 1))
        torch.rand(4, 1)
    own.sum().backward()
    assert all(p.grad is not None and p.grad.any() for n, p in model.named_parameters() if "head" in n)


def test_tied_tables():
    model = small(tied="output")
    assert model.decoder.model.stack["head"].weight is model.decoder.model.stack["embed"].weight
    both = small(tied="all", source=TARGET)
    assert both.encoder.stack["embed"].weight is both.decoder.model.stack["head"].weight
    names = [name for name, _ in both.named_parameters() if name.endswith("embed.weight")]
    assert len(names) == 1
    with pytest.raises(ValueError, match="one vocabulary and one width"):
        small(tied="all")


def test_alignments_say_what_was_looked_at():
    model = small()
    x, lengths, given, steps = batch()
    memory = model.encode(x, lengths)
    found = alignments(model, memory, given, steps)
    assert found.shape == (4, 6, 5)
    real = torch.arange(6) < steps[:, None]
    torch.testing.assert_close(found.sum(dim=-1)[real], torch.ones(int(real.sum())))
    assert not found[~real].any()
    assert not found[1, :, 3:].any()  # its source has 3 steps
    assert alignments(small(attention=False), memory, given, steps) is None


def test_an_encoder_reads_no_memory_and_a_decoder_needs_one():
    attending = Chain(8, {"0": Bahdanau(8, hidden=8, memory_width=8)})
    plain = Chain(8, {"0": Recurrent(GRUCell(8, hidden=8))})
    with pytest.raises(ValueError, match="no other sequence"):
        EncoderDecoder(ends(), attending, attending, bridge=False)
    model = EncoderDecoder(ends(), plain, attending, bridge=False)
    assert model.memory_width == 0
    assert model.decoder.memory_width == 8
    x, lengths, given, steps = batch()
    memory = model.encode(x, lengths)
    with pytest.raises(ValueError, match="memory: got none"):
        model.decoder(given[..., None], steps, model.first_state(memory))

"""Checks of the contract of a sequence layer: shapes, padding, chunks, state."""

from __future__ import annotations

import torch

from seqhub.nn import Context, Memory, SequenceLayer
from seqhub.testing.subject import (
    CheckFailed,
    NotApplicable,
    Subject,
    first_state,
    random_batch,
    random_memory,
    random_state,
    run_chunked,
    run_whole,
    same,
    same_state,
)

LENGTHS = [13, 7, 0, 1]


def check_geometry(subject: Subject) -> None:
    """The built layer has the geometry that its config computes without torch."""
    layer, declared = subject.layer(), subject.geometry()
    if layer.geometry != declared:
        raise CheckFailed(f"the layer has {layer.geometry}, its config says {declared}")


def check_shapes(subject: Subject) -> None:
    """Outputs, lengths and state have the declared shapes and types, for 1 and 3 rows, 1 to 9 steps."""
    layer = subject.layer()
    for batch, steps in ((1, 1), (3, 1), (1, 9), (3, 8)):
        x, lengths = random_batch(subject, [steps] * batch)
        state = first_state(layer, batch)
        y, out_lengths, next_state = run_whole(layer, x, lengths, state)
        expected = layer.out_lengths(lengths)
        if out_lengths.dtype != torch.int64 or not torch.equal(out_lengths, expected):
            raise CheckFailed(f"out_lengths of {steps} steps are {out_lengths.tolist()}, declared {expected.tolist()}")
        if y.shape[0] != batch or y.shape[2] != layer.d_out or y.shape[1] < int(expected.max()):
            raise CheckFailed(f"y has shape {tuple(y.shape)}, expected [{batch} >={int(expected.max())} {layer.d_out}]")
        if next_state.keys() != layer.state.keys():
            raise CheckFailed(f"next state has {sorted(next_state)}, declared {sorted(layer.state)}")
        for name, value in next_state.items():
            if value.shape != state[name].shape or value.dtype != state[name].dtype:
                got = f"{tuple(value.shape)} {value.dtype}"
                raise CheckFailed(f"state '{name}' is {got}, declared {tuple(state[name].shape)} {state[name].dtype}")


def check_chunks_equal_whole(subject: Subject) -> None:
    """A stream cut into chunks of one block, two, an odd number and all gives the outputs and final state of the
    whole.
    """
    layer = _streaming(subject)
    x, lengths = random_batch(subject, LENGTHS)
    y, out_lengths, final = run_whole(layer, x, lengths)
    block = layer.geometry.block
    for chunk in sorted({block, 2 * block, 5 * block, 13}):
        rows, state = run_chunked(layer, x, lengths, chunk)
        for row, got in enumerate(rows):
            same(got, y[row, : int(out_lengths[row])], f"row {row} in chunks of {chunk}")
        same_state(state, final, f"chunks of {chunk}")


def check_chunk_gradients(subject: Subject) -> None:
    """Gradients through a chunked stream, its carried state included, are those of the whole sequence, in float64."""
    precise = subject.spec.flags.get("double") is not False
    dtype, tolerance = (torch.float64, 1e-8) if precise else (torch.float32, 1e-4)
    layer = _streaming(subject).to(dtype)
    names, parameters = _named_parameters(layer)
    if not parameters:
        raise NotApplicable("has no parameters")
    x, lengths = random_batch(subject, LENGTHS, dtype=dtype)
    y, out_lengths, _ = run_whole(layer, x, lengths)
    whole = torch.cat([y[row, :n] for row, n in enumerate(out_lengths.tolist())]).square().sum()
    rows, _ = run_chunked(layer, x, lengths, 2 * layer.geometry.block)
    chunked = torch.cat(rows).square().sum()
    expected = torch.autograd.grad(whole, parameters)
    for name, got, want in zip(names, torch.autograd.grad(chunked, parameters), expected, strict=True):
        same(got, want, f"gradient of '{name}'", tolerance)


def check_padding(subject: Subject) -> None:
    """NaN in padding, and four more steps of it, change no output, no state and no gradient; outputs on padding are
    zero.
    """
    layer = subject.layer()
    x, lengths = random_batch(subject, LENGTHS)
    clean = torch.nan_to_num(x)
    longer = torch.cat((x, torch.full_like(x[:, :4], float("nan"))), dim=1)
    y, out_lengths, state = run_whole(layer, clean, lengths)
    names, parameters = _named_parameters(layer)
    expected = torch.autograd.grad(y.square().sum(), parameters, retain_graph=True) if parameters else ()
    for what, padded in (("NaN padding", x), ("longer padding", longer)):
        got, got_lengths, got_state = run_whole(layer, padded, lengths)
        if not torch.equal(got_lengths, out_lengths):
            raise CheckFailed(f"{what}: out_lengths {got_lengths.tolist()}, expected {out_lengths.tolist()}")
        for row, n in enumerate(out_lengths.tolist()):
            same(got[row, :n], y[row, :n], f"{what}, row {row}")
            if bool((got[row, n:] != 0).any()):
                raise CheckFailed(f"{what}: row {row} has outputs other than zero past its {n} steps")
        same_state(got_state, state, what)
        grads = torch.autograd.grad(got.square().sum(), parameters) if parameters else ()
        for name, a, b in zip(names, grads, expected, strict=True):
            same(a, b, f"{what}, gradient of '{name}'", 1e-4)


def check_rows_independent(subject: Subject) -> None:
    """Each row gives what it gives alone, without padding, and whatever rows stand beside it."""
    layer = subject.layer()
    x, lengths = random_batch(subject, [13, 7, 2, 1])
    y, out_lengths, final = run_whole(layer, x, lengths)
    everything = random_memory(layer, len(x))
    for row, n in enumerate(lengths.tolist()):
        memory = everything and Memory(*(part[row : row + 1] for part in everything))
        alone, alone_lengths, state = run_whole(layer, x[row : row + 1, :n], lengths[row : row + 1], memory=memory)
        steps = int(out_lengths[row])
        if int(alone_lengths[0]) != steps:
            raise CheckFailed(f"row {row} alone has {int(alone_lengths[0])} outputs, in the batch {steps}")
        same(y[row, :steps], alone[0, :steps], f"row {row} beside others")
        same_state({k: v[row : row + 1] for k, v in final.items()}, state, f"row {row} beside others")


def check_idle_rows(subject: Subject) -> None:
    """A row of length 0 keeps its state exactly, whatever the state is; a row of length 1 moves it."""
    layer = subject.layer()
    if not layer.state:
        raise NotApplicable("carries no state")
    x, _ = random_batch(subject, [3, 3])
    lengths, end = torch.tensor([0, 1]), torch.tensor([False, False])
    state = random_state(layer, 2)
    _, _, after = layer(x, lengths, state, random_memory(layer, 2), Context(end=end))
    for name, value in after.items():
        if not torch.equal(value[0], state[name][0]):
            raise CheckFailed(f"state '{name}' of an idle row changed")
    if all(torch.equal(value[1], state[name][1]) for name, value in after.items()):
        raise CheckFailed("a row with one step left every slot as it was")


def check_pure(subject: Subject) -> None:
    """The layer changes none of its inputs, keeps nothing from call to call, and draws no random number in
    evaluation.
    """
    layer = subject.layer()
    x, lengths = random_batch(subject, [6, 4])
    x = torch.nan_to_num(x)
    state, memory = random_state(layer, 2), random_memory(layer, 2)
    before = (x.clone(), lengths.clone(), {k: v.clone() for k, v in state.items()})
    random_before = torch.random.get_rng_state()
    with torch.no_grad():
        first, _, kept = layer(x, lengths, state, memory)
        kept = {name: value.clone() for name, value in kept.items()}
        second, _, again = layer(x, lengths, state, memory)
    if not torch.equal(x, before[0]) or not torch.equal(lengths, before[1]):
        raise CheckFailed("x or lengths was changed in place")
    for name, value in state.items():
        if not torch.equal(value, before[2][name]):
            raise CheckFailed(f"state '{name}' was changed in place")
        if again[name].data_ptr() == value.data_ptr():
            raise CheckFailed(f"next state '{name}' is an alias of the state that was given")
    if not torch.equal(random_before, torch.random.get_rng_state()):
        raise CheckFailed("a random number was drawn in evaluation mode")
    same(second, first, "a second call", 0)
    same_state(again, kept, "a second call", 0)


def _streaming(subject: Subject) -> SequenceLayer:
    layer = subject.layer()
    if not layer.geometry.streamable:
        raise NotApplicable(f"does not stream: {layer.geometry.obstacle or 'unbounded look-ahead'}")
    return layer


def _named_parameters(layer: torch.nn.Module) -> tuple[list[str], list[torch.nn.Parameter]]:
    named = dict(layer.named_parameters())
    return list(named), list(named.values())

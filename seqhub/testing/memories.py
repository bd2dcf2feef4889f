"""Checks of a layer that attends to another sequence: what the memory may hold, and what it must not do."""

from __future__ import annotations

import torch
from torch import Tensor

from seqhub.nn import Memory, SequenceLayer
from seqhub.testing.subject import (
    CheckFailed,
    NotApplicable,
    Subject,
    first_state,
    random_batch,
    random_memory,
    run_whole,
    same,
)

LENGTHS = [6, 4, 5, 1]


def check_memory_padding(subject: Subject) -> None:
    """NaN in the memory's padding, and three more steps of it, change no output and no gradient; a memory of length 0
    gives finite outputs.
    """
    layer, memory = _reader(subject)
    x, lengths = random_batch(subject, LENGTHS)
    clean = Memory(torch.nan_to_num(memory.values), memory.lengths)
    longer = torch.cat((memory.values, torch.full_like(memory.values[:, :3], float("nan"))), dim=1)
    steps = longer.shape[1]
    y, _, _ = run_whole(layer, x, lengths, memory=clean)
    parameters = list(layer.parameters())
    expected = torch.autograd.grad(y.square().sum(), parameters, allow_unused=True) if parameters else ()
    for what, values in (("NaN in the memory's padding", memory.values), ("longer memory padding", longer)):
        state = layer.initial_state(len(x), memory_steps=steps) if values is longer else first_state(layer, len(x))
        got, _, _ = run_whole(layer, x, lengths, state, Memory(values, memory.lengths))
        same(got, y, what)
        grads = torch.autograd.grad(got.square().sum(), parameters, allow_unused=True) if parameters else ()
        for a, b in zip(grads, expected, strict=True):
            if a is not None and b is not None:
                same(a, b, f"{what}, a gradient", 1e-4)


def check_memory_gradients(subject: Subject) -> None:
    """Gradients by the memory equal finite differences, in float64; its padding gets none."""
    if subject.spec.flags.get("double") is False:
        raise NotApplicable("flag double is False")
    layer, memory = _reader(subject, torch.float64)
    x, lengths = random_batch(subject, LENGTHS, dtype=torch.float64)
    x = torch.nan_to_num(x)
    values = torch.nan_to_num(memory.values).requires_grad_()

    def outputs(values: Tensor) -> Tensor:
        y: Tensor = run_whole(layer, x, lengths, memory=Memory(values, memory.lengths))[0]
        return y

    if not torch.autograd.gradcheck(outputs, (values,), atol=1e-6, rtol=1e-4, fast_mode=True):
        raise CheckFailed("gradcheck by the memory failed")
    weights = torch.arange(1, layer.d_out + 1, dtype=torch.float64).sin()
    (grad,) = torch.autograd.grad((outputs(values) * weights).sum(), values)
    padding = torch.arange(values.shape[1]) >= memory.lengths[:, None]
    if not bool(torch.isfinite(grad).all()) or bool(grad[padding].any()):
        raise CheckFailed("the memory's padding has a gradient")
    if not bool(grad[~padding].any()):
        raise CheckFailed("no output depends on the memory")


def check_memory_is_needed(subject: Subject) -> None:
    """Without a memory, and with one of another width, the layer raises ValueError."""
    layer, memory = _reader(subject)
    x, lengths = random_batch(subject, [2, 2])
    wider = Memory(memory.values[:2].repeat(1, 1, 2), memory.lengths[:2])
    for what, given in (("no memory", None), ("a memory of twice the width", wider)):
        try:
            layer.forward(x, lengths, first_state(layer, 2), given)  # inside a model no call is checked
        except ValueError:
            continue
        raise CheckFailed(f"{what} is accepted")


def _reader(subject: Subject, dtype: torch.dtype = torch.float32) -> tuple[SequenceLayer, Memory]:
    """The layer and a memory of four rows; NotApplicable for a layer that attends to none."""
    layer = subject.layer().to(dtype)
    memory = random_memory(layer, 4)
    promised = getattr(subject.spec.config, "reads_memory", False)
    if promised != (memory is not None):
        raise CheckFailed(
            f"the config says reads_memory = {promised}, the layer attends to {layer.memory_width} columns"
        )
    if memory is None:
        raise NotApplicable("attends to no other sequence")
    return layer, memory

"""Checks that look at gradients: what an output can depend on, and whether its gradient is right."""

from __future__ import annotations

import torch

from seqhub.geometry import INF
from seqhub.nn import SequenceLayer
from seqhub.testing.subject import (
    CheckFailed,
    NotApplicable,
    Subject,
    first_state,
    random_batch,
    random_memory,
    run_whole,
)


def check_receptive_field(subject: Subject) -> None:
    """By gradient, the outputs of a block depend on exactly the declared input steps: none outside, and the first and
    last of them.
    """
    layer = subject.layer().double()
    geometry = layer.geometry
    block = geometry.block
    each = geometry.ratio * block  # outputs of a block
    if each.denominator != 1:
        raise NotApplicable("a block has no whole number of outputs")
    reach = int(sum(edge for edge in (geometry.past, geometry.future) if edge != INF))
    blocks = reach // block + 6
    steps = blocks * block
    for b in sorted({0, blocks // 2, blocks - 1}):
        touched = _touched(layer, subject, steps, range(b * int(each), (b + 1) * int(each)))
        first, last = b * block - geometry.past, (b + 1) * block - 1 + geometry.future
        declared = f"declared {max(0, first)} to {min(steps - 1, last)}"
        if not touched or touched[0] < first or touched[-1] > last:
            raise CheckFailed(f"the outputs of block {b} depend on steps {touched[:1]} to {touched[-1:]}, {declared}")
        if (first >= 0 and touched[0] != first) or (last < steps and touched[-1] != last):
            raise CheckFailed(f"the outputs of block {b} depend on steps {touched[0]} to {touched[-1]}, {declared}")


def _touched(layer: SequenceLayer, subject: Subject, steps: int, outputs: range) -> list[int]:
    """Input steps with a gradient from these outputs, over a few inputs, so that no dead unit hides one."""
    found: set[int] = set()
    shape = (len(outputs), layer.d_out)
    weights = torch.arange(1, shape[0] * shape[1] + 1, dtype=torch.float64).sin()  # so that no sum of outputs cancels
    for seed in range(4):
        x = torch.nan_to_num(random_batch(subject, [steps], seed, dtype=torch.float64)[0]).requires_grad_()
        y, _, _ = run_whole(layer, x, torch.tensor([steps]))
        (grad,) = torch.autograd.grad((y[0, outputs.start : outputs.stop] * weights.view(shape)).sum(), x)
        found.update(torch.nonzero(grad[0].abs().amax(dim=-1)).flatten().tolist())
    return sorted(found)


def check_parameters_used(subject: Subject) -> None:
    """Every parameter gets a finite gradient, and not all of it zero."""
    layer = subject.layer()
    named = dict(layer.named_parameters())
    if not named:
        raise NotApplicable("has no parameters")
    x, lengths = random_batch(subject, [12, 9])
    y, _, _ = run_whole(layer, x, lengths)
    loss = y.square().sum() + y.sum()
    loss.backward()  # type: ignore[no-untyped-call]
    for name, parameter in named.items():
        if parameter.grad is None:
            raise CheckFailed(f"parameter '{name}' takes no part in the output")
        if not bool(torch.isfinite(parameter.grad).all()):
            raise CheckFailed(f"the gradient of '{name}' is not finite")
        if not bool(parameter.grad.any()):
            raise CheckFailed(f"the gradient of '{name}' is zero everywhere")


def check_gradients(subject: Subject) -> None:
    """Gradients by x, by the state and by every parameter equal finite differences, in float64, over ragged rows."""
    if subject.spec.flags.get("double") is False:
        raise NotApplicable("flag double is False")
    layer = subject.layer().double()
    lengths = torch.tensor([5, 3])
    block = layer.geometry.block
    x = torch.nan_to_num(random_batch(subject, [5 * block, 3 * block], dtype=torch.float64)[0]).requires_grad_()
    lengths = lengths * block
    state, memory = first_state(layer, 2), random_memory(layer, 2)
    floats = [name for name, value in state.items() if value.is_floating_point()]
    generator = torch.Generator().manual_seed(3)
    start = [
        torch.rand(state[name].shape, generator=generator, dtype=torch.float64).requires_grad_() for name in floats
    ]
    parameters = list(layer.parameters())

    def outputs(x: torch.Tensor, *rest: torch.Tensor) -> tuple[torch.Tensor, ...]:
        given = {**state, **dict(zip(floats, rest, strict=False))}
        y, _, after = layer(x, lengths, given, memory)
        return (y, *(after[name] for name in floats))

    if not torch.autograd.gradcheck(outputs, (x, *start, *parameters), atol=1e-6, rtol=1e-4, fast_mode=True):
        raise CheckFailed("gradcheck failed")

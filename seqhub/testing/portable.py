"""Checks of what a component must survive: saving, seeds, lower precision."""

from __future__ import annotations

import dataclasses
import inspect
import json

import torch

from seqhub.testing.subject import CheckFailed, NotApplicable, Subject, random_batch, run_whole, same


def check_options(subject: Subject) -> None:
    """The constructor takes exactly the fields of the config, and the options survive JSON."""
    fields = {field.name for field in dataclasses.fields(subject.spec.config)}
    parameters = list(inspect.signature(subject.target()).parameters.values())
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        raise CheckFailed("the constructor takes **kwargs, which would swallow a typing error")
    takes = {p.name for p in parameters[len(subject.widths) :]}
    if takes != fields:
        raise CheckFailed(f"the constructor takes {sorted(takes)}, the config has {sorted(fields)}")
    for field in dataclasses.fields(subject.spec.config):
        if not field.metadata.get("help"):
            raise CheckFailed(f"option '{field.name}' has no help line")
    config = subject.spec.config(**subject.options)
    if subject.spec.config(**json.loads(json.dumps(dataclasses.asdict(config)))) != config:
        raise CheckFailed("the options do not survive JSON")


def check_seed(subject: Subject) -> None:
    """The same seed builds the same parameters, another seed others."""
    first, again, other = (dict(subject.build(seed).named_parameters()) for seed in (0, 0, 1))
    if not first:
        raise NotApplicable("has no parameters")
    for name, value in first.items():
        same(again[name].detach(), value.detach(), f"parameter '{name}' of the same seed", 0)
    if all(torch.equal(other[name], value) for name, value in first.items()) and any(
        v.dim() > 1 for v in first.values()
    ):
        raise CheckFailed("another seed builds the same parameters")


def check_save_load(subject: Subject) -> None:
    """A new instance with the saved tensors gives the same outputs, bit for bit."""
    layer, fresh = subject.layer(0), subject.layer(1)
    fresh.load_state_dict({name: value.clone() for name, value in layer.state_dict().items()})
    x, lengths = random_batch(subject, [7, 4])
    same(run_whole(fresh, x, lengths)[0], run_whole(layer, x, lengths)[0], "after loading", 0)


def check_bfloat16(subject: Subject) -> None:
    """Under bfloat16 autocast outputs stay near float32's, and the state stays float32."""
    flag = subject.spec.flags.get("bfloat16")
    if flag is False:
        raise NotApplicable("flag bfloat16 is False")
    layer = subject.layer()
    x, lengths = random_batch(subject, [9, 5])
    want = run_whole(layer, x, lengths)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, _, state = run_whole(layer, x, lengths)
    for name, value in state.items():
        if value.is_floating_point() and value.dtype != torch.float32:
            raise CheckFailed(f"state '{name}' became {value.dtype}")
    same(y.float(), want.float(), "bfloat16", 5e-2)

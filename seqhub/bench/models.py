"""An entry made of modules: a `SequenceModel` for a puzzle. Tokens enter as one-hot columns. Their vectors and
the head start as torch's `nn.Embedding` and `nn.Linear` do.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.bench.entry import KINDS, Entry, Mixer
from seqhub.bench.puzzles import Puzzle
from seqhub.nn import Cell, Chain, Ends, Init, Recurrent, Residual, SequenceLayer, SequenceModel, init_cell
from seqhub.nn.pointwise import MLP, Norm
from seqhub.plugins import Registry, load_target

_TOKENS = "stack.layers.embed.module.0.weight"  # [W V]: a column a token


def build_entry(entry: Entry, puzzle: Puzzle, registry: Registry) -> SequenceModel:
    """Drawn from torch's generator as it stands."""
    layers: dict[str, SequenceLayer] = {}
    for index, mixer in enumerate(entry.mixers):
        layers[f"mixer{index}"] = Residual(_mixer(mixer, entry.width, registry))
        if mixer.mlp:
            layers[f"mlp{index}"] = Residual(MLP(entry.width, ratio=mixer.mlp))
    layers["norm"] = Norm(entry.width)
    model = SequenceModel(_ends(puzzle), Chain(entry.width, layers))
    if puzzle.tokens:
        nn.init.normal_(model.get_parameter(_TOKENS))  # else the first residuals drown which token it was
    for module in model.stack["head"].modules():
        if isinstance(module, nn.Linear):
            module.reset_parameters()  # a small head, right for forecasts, delays classes by hundreds of steps
    return model


def answers(model: SequenceModel, x: Tensor, puzzle: Puzzle) -> Tensor:
    """[B T] tokens or [B T C] numbers -> logits [B T classes], or numbers [B T 1]."""
    columns = F.one_hot(x, puzzle.tokens).float() if puzzle.tokens else x
    lengths = torch.full((len(x),), x.shape[1], dtype=torch.int64)
    y: Tensor = model(columns, lengths, model.initial_state(len(x)))[0]
    return y


def _mixer(mixer: Mixer, width: int, registry: Registry) -> SequenceLayer:
    component = registry.resolve(mixer.type, KINDS)
    options = component.spec.config(**mixer.options)
    target = load_target(component)
    layer = target(width, **{each.name: getattr(options, each.name) for each in dataclasses.fields(options)})
    if isinstance(layer, Cell):
        if mixer.init:
            init_cell(layer, Init(**mixer.init))
        return Recurrent(layer)
    if not isinstance(layer, SequenceLayer):
        raise TypeError(f"{component.ref} made a {type(layer).__name__}, which is no layer over time")
    return layer


def _ends(puzzle: Puzzle) -> Ends:
    inputs, outputs = puzzle.tokens or puzzle.columns, puzzle.classes or 1
    return Ends(
        features=tuple(f"x{index}" for index in range(inputs)),
        outputs=(outputs,),
        output_names=tuple(f"y{index}" for index in range(outputs)),
        input_shift=(0.0,) * inputs,
        input_scale=(1.0,) * inputs,
        output_shift=(0.0,) * outputs,
        output_scale=(1.0,) * outputs,
    )

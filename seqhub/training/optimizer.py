"""The optimizer, with weight decay on weight matrices only.

Biases, gains of norms and every other parameter of fewer than two axes are left alone, and so is each parameter that
its module names in `no_decay` (time constants, decays: pulling those to zero changes what a cell remembers).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.optim import Optimizer

from seqhub.errors import PluginError
from seqhub.recipe.sections import SGD, Adam, AdamW, RMSprop
from seqhub.recipe.sections import Optimizer as OptimizerSection


@dataclass(frozen=True)
class DecayGroups:
    """Names of the parameters with and without weight decay, in the model's order."""

    decay: tuple[str, ...]
    no_decay: tuple[str, ...]


def decay_groups(model: nn.Module) -> DecayGroups:
    """Split the trainable parameters. Raises PluginError where a module's `no_decay` names what it does not have."""
    # by identity: a tied parameter has several names
    spared = {id(parameter) for parameter in model.parameters() if parameter.ndim < 2}
    for module in model.modules():
        own = dict(module.named_parameters(remove_duplicate=False))
        for name in getattr(module, "no_decay", ()):
            if name not in own:
                raise PluginError(
                    f"{type(module).__name__}.no_decay names '{name}', which is no parameter of it",
                    code="E610",
                    fix=f"its parameters: {', '.join(own) or 'none'}",
                )
            spared.add(id(own[name]))
    trained = [(name, id(p) in spared) for name, p in model.named_parameters() if p.requires_grad]
    return DecayGroups(
        decay=tuple(name for name, is_spared in trained if not is_spared),
        no_decay=tuple(name for name, is_spared in trained if is_spared),
    )


def build_optimizer(model: nn.Module, section: OptimizerSection) -> Optimizer:
    """The optimizer of a recipe over a model's parameters."""
    names, parameters = decay_groups(model), dict(model.named_parameters())
    groups = [
        {"params": [parameters[name] for name in names.decay], "weight_decay": section.weight_decay},
        {"params": [parameters[name] for name in names.no_decay], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    match section:
        case AdamW(lr=lr, betas=betas):
            return torch.optim.AdamW(groups, lr=lr, betas=betas, fused=True)
        case Adam(lr=lr, betas=betas):
            return torch.optim.Adam(groups, lr=lr, betas=betas, fused=True)
        case SGD(lr=lr, momentum=momentum):
            return torch.optim.SGD(groups, lr=lr, momentum=momentum, fused=True)
        case RMSprop(lr=lr, momentum=momentum):
            return torch.optim.RMSprop(groups, lr=lr, momentum=momentum)

"""Which parameters decay, and that an update is torch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from seqhub.errors import PluginError
from seqhub.recipe.sections import SGD, Adam, AdamW, RMSprop
from seqhub.recipe.sections import Optimizer as Section
from seqhub.training.optimizer import build_optimizer, decay_groups


class Leaky(nn.Module):
    no_decay = ("log_rate",)

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 3))
        self.log_rate = nn.Parameter(torch.randn(3, 3))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.norm = nn.LayerNorm(3)
        self.cell = Leaky()
        self.tied = nn.Linear(3, 3, bias=False)
        self.tied.weight = self.first.weight
        self.frozen = nn.Parameter(torch.ones(2, 2), requires_grad=False)


def test_groups() -> None:
    groups = decay_groups(Net())
    assert groups.decay == ("first.weight", "cell.weight")
    assert groups.no_decay == ("first.bias", "norm.weight", "norm.bias", "cell.log_rate")


def test_a_tied_parameter_is_spared_under_each_of_its_names() -> None:
    class Outer(Net):
        no_decay = ("tied.weight",)

    assert "first.weight" in decay_groups(Outer()).no_decay


def test_unknown_name_is_the_plugins_fault() -> None:
    class Wrong(nn.Linear):
        no_decay = ("wieght",)

    with pytest.raises(PluginError, match=r"Wrong.no_decay names 'wieght'") as caught:
        decay_groups(nn.Sequential(Wrong(2, 2)))
    assert caught.value.problems[0].fix == "its parameters: weight, bias"


@pytest.mark.parametrize(
    ("section", "reference"),
    [
        (AdamW(lr=0.1, weight_decay=0.5), lambda g: torch.optim.AdamW(g, lr=0.1)),
        (Adam(lr=0.1, weight_decay=0.5), lambda g: torch.optim.Adam(g, lr=0.1)),
        (SGD(lr=0.1, weight_decay=0.5, momentum=0.9), lambda g: torch.optim.SGD(g, lr=0.1, momentum=0.9)),
        (RMSprop(lr=0.1, weight_decay=0.5, momentum=0.2), lambda g: torch.optim.RMSprop(g, lr=0.1, momentum=0.2)),
    ],
    ids=lambda value: getattr(value, "type", ""),
)
def test_updates_are_torchs(section: Section, reference: object) -> None:
    torch.manual_seed(0)
    ours, theirs = nn.Linear(4, 3), nn.Linear(4, 3)
    theirs.load_state_dict(ours.state_dict())
    optimizer = build_optimizer(ours, section)
    groups = [{"params": [theirs.weight], "weight_decay": 0.5}, {"params": [theirs.bias], "weight_decay": 0.0}]
    expected = reference(groups)  # type: ignore[operator]
    for _ in range(3):
        x = torch.randn(5, 4)
        for model, step in ((ours, optimizer), (theirs, expected)):
            step.zero_grad()
            model(x).square().sum().backward()
            step.step()
    torch.testing.assert_close(ours.weight, theirs.weight)
    torch.testing.assert_close(ours.bias, theirs.bias)

"""SpecAugment: what may be zeroed, how much of it, and when."""

from __future__ import annotations

import torch

from seqhub_conv.masks import SpecAugment

LENGTHS = torch.tensor([40, 25, 0, 3])


def masked(layer: SpecAugment, rounds: int = 200) -> torch.Tensor:
    """[rounds B T D], what was zeroed of ones."""
    x = torch.ones(4, 40, 8)
    found = []
    for _ in range(rounds):
        y, lengths, state = layer(x, LENGTHS, {})
        assert torch.equal(lengths, LENGTHS)
        assert not state
        found.append(y == 0)
    return torch.stack(found)


def test_spans_of_time_are_whole_steps_inside_the_row_and_no_longer_than_allowed():
    torch.manual_seed(0)
    zeroed = masked(SpecAugment(8, time_masks=1, steps=6, share=0.2, feature_masks=0).train())
    for row, length in enumerate(LENGTHS.tolist()):
        inside = zeroed[:, row, :length]
        assert zeroed[:, row, length:].all()  # padding
        assert torch.equal(inside.any(dim=-1), inside.all(dim=-1))
        widths = inside.all(dim=-1).sum(dim=-1)
        most = min(6, int(length * 0.2))
        assert set(widths.tolist()) == set(range(most + 1))
        changes = (inside[:, 1:, 0] != inside[:, :-1, 0]).sum(dim=-1) if length > 1 else torch.zeros(1)
        assert changes.max() <= 2  # one span
    assert abs(float(zeroed[:, 0].float().mean()) - 3 / 40) < 0.02  # mean width 3 of 40 steps
    assert zeroed[:, 0, 0].any()
    assert zeroed[:, 0, 39].any()  # both ends are reached


def test_spans_of_features_hold_for_the_whole_row():
    torch.manual_seed(0)
    zeroed = masked(SpecAugment(8, time_masks=0, feature_masks=1, features=3).train())[:, 0]
    assert torch.equal(zeroed.any(dim=1), zeroed.all(dim=1))
    assert set(zeroed[:, 0].sum(dim=-1).tolist()) == {0, 1, 2, 3}
    assert zeroed[:, 0].any(dim=0).all()


def test_the_generator_alone_decides_and_evaluation_changes_nothing():
    layer = SpecAugment(8, features=3).train()
    x = torch.randn(4, 40, 8)
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(layer(x, LENGTHS, {})[0])
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    y = layer.eval()(x, LENGTHS, {})[0]
    assert torch.equal(y[0], x[0])

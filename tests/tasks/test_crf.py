"""Linear chains against every sequence written out."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from seqhub.nn.embedding import CRFHead
from seqhub.runtime.viterbi import viterbi
from seqhub.tasks.crf import chain_nats

LABELS = 3


def score(scores: torch.Tensor, labels: tuple[int, ...]) -> float:
    """Of one sequence of labels, added up step by step."""
    before, total = LABELS, 0.0
    for t, label in enumerate(labels):
        total += float(scores[t, before, label])
        before = label
    return total


def random_scores(*lengths: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(len(lengths))
    return torch.randn(len(lengths), max(lengths), LABELS + 1, LABELS, generator=draw, dtype=torch.float64)


def test_likelihood_is_that_over_all_sequences():
    lengths = [5, 1, 3, 4]
    scores = random_scores(*lengths)
    truth = torch.randint(0, LABELS, (4, 5), generator=torch.Generator().manual_seed(1))
    for row, length in enumerate(lengths):
        truth[row, length:] = -100
    found = chain_nats(scores, truth, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        every = [score(scores[row], labels) for labels in product(range(LABELS), repeat=length)]
        right = score(scores[row], tuple(truth[row, :length].tolist()))
        assert float(found[row]) == pytest.approx(float(np.logaddexp.reduce(every)) - right, rel=1e-12)


def test_padding_is_not_read_and_an_empty_row_costs_nothing():
    scores, truth = random_scores(4, 4), torch.zeros(2, 4, dtype=torch.int64)
    lengths = torch.tensor([2, 0])
    changed = scores.clone()
    changed[0, 2:] += 7
    changed[1] -= 3
    assert torch.equal(chain_nats(scores, truth, lengths), chain_nats(changed, truth, lengths))
    assert chain_nats(scores, truth, lengths)[1] == 0


def test_gradient():
    scores = random_scores(3, 2).requires_grad_()
    truth, lengths = torch.tensor([[0, 1, 2], [2, 2, -100]]), torch.tensor([3, 2])
    assert torch.autograd.gradcheck(lambda s: chain_nats(s, truth, lengths), [scores])


@pytest.mark.parametrize("length", [1, 2, 5])
@pytest.mark.parametrize("seed", range(5))
def test_viterbi_finds_the_best_of_all_sequences(length, seed):
    scores = torch.randn(length, LABELS + 1, LABELS, generator=torch.Generator().manual_seed(seed))
    best = max(product(range(LABELS), repeat=length), key=lambda labels: score(scores, labels))
    assert tuple(viterbi(scores.numpy()).tolist()) == best


def test_viterbi_of_nothing_and_of_equals():
    assert viterbi(np.zeros((0, 3, 2))).tolist() == []
    assert viterbi(np.zeros((4, 3, 2))).tolist() == [0, 0, 0, 0]


def test_a_transition_that_is_impossible_is_never_taken():
    """Greedy choice would take label 1 after label 1."""
    scores = np.zeros((3, 3, 2))
    scores[:, :, 1] = 1
    scores[1:, 1, 1] = -100
    assert viterbi(scores).tolist() == [1, 0, 1]


def test_the_head_gives_what_loss_and_viterbi_read():
    head = CRFHead(4, LABELS)
    with torch.no_grad():
        head.transition.copy_(torch.randn(LABELS + 1, LABELS))
    x = torch.randn(1, 3, 4)
    y, _, _ = head(x, torch.tensor([3]), {})
    scores = y.unflatten(2, (LABELS + 1, LABELS))
    labels = [2, 0, 1]
    expected, before = 0.0, LABELS
    for t, label in enumerate(labels):
        expected += float((head.emission(x[0, t])[label] + head.transition[before, label]).detach())
        before = label
    assert score(scores[0].detach(), tuple(labels)) == pytest.approx(expected, rel=1e-5)

"""The ends of a model over tokens, against what they are defined by."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from seqhub.nn.embedding import CRFHead, Embedding, SpelledEmbedding, TiedHead
from seqhub.nn.ends import Ends

LENGTHS = torch.tensor([4, 2, 0])


def ids(*shape: int, below: int) -> torch.Tensor:
    x = torch.randint(0, below, shape, generator=torch.Generator().manual_seed(1))
    x[torch.arange(shape[1]) >= LENGTHS[:, None]] = -7  # padding may hold what no table has
    return x


def test_an_embedding_reads_rows_of_its_table_and_no_padding():
    layer = Embedding(5, width=3)
    x = ids(3, 4, 1, below=5)
    y, lengths, state = layer(x, LENGTHS, {})
    assert torch.equal(y[0], layer.weight[x[0, :, 0]])
    assert torch.equal(y[1, :2], layer.weight[x[1, :2, 0]])
    assert not y[1, 2:].any()
    assert not y[2].any()
    assert (lengths is LENGTHS, state) == (True, {})


def test_embedding_dropout_drops_a_token_everywhere_in_the_batch_and_keeps_the_mean():
    torch.manual_seed(0)
    layer = Embedding(4000, width=2, dropout=0.25).train()
    x = torch.arange(4000).repeat(2, 1)[..., None]
    y, _, _ = layer(x, torch.tensor([4000, 4000]), {})
    assert torch.equal(y[0], y[1])
    dropped = (y[0] == 0).all(dim=1)
    assert abs(float(dropped.float().mean()) - 0.25) < 0.03
    assert torch.allclose(y[0][~dropped], layer.weight[~dropped] / 0.75)
    assert torch.equal(layer.eval()(x, torch.tensor([4000, 4000]), {})[0][0], layer.weight)


def test_a_spelling_does_not_depend_on_the_columns_behind_its_end():
    torch.manual_seed(0)
    layer = SpelledEmbedding(9, 6, 5, width=8)
    x = torch.zeros(1, 1, 6, dtype=torch.int64)
    x[0, 0, :4] = torch.tensor([3, 1, 2, 5])
    y, _, _ = layer(x, torch.tensor([1]), {})
    letters = layer.character[torch.tensor([1, 2, 5])].T[None]
    # behind the end of a word there are zeros, whatever the number of columns
    expected = functional.conv1d(functional.pad(letters, (1, 1)), layer.filters.weight, layer.filters.bias).amax(dim=2)
    assert torch.allclose(y[0, 0, 6:], expected[0], atol=1e-6)
    assert torch.equal(y[0, 0, :6], layer.word.weight[3])
    x[0, 0, 1:] = 0
    assert not layer(x, torch.tensor([1]), {})[0][0, 0, 6:].any()  # a word without letters


def test_a_tied_head_shares_its_table_and_its_gradient():
    torch.manual_seed(0)
    embedding = Embedding(7, width=4)
    head = TiedHead(6, embedding.weight)
    x = torch.randn(3, 4, 6)
    y, _, _ = head(x, LENGTHS, {})
    assert torch.allclose(y[0], head.project(x[0]) @ embedding.weight.T + head.bias)
    y.sum().backward()
    assert embedding.weight.grad is not None
    assert TiedHead(4, embedding.weight).project(x[..., :4]) is not None


def test_crf_scores_are_emissions_plus_transitions():
    torch.manual_seed(0)
    head = CRFHead(4, 3)
    with torch.no_grad():
        head.transition.normal_()
    x = torch.randn(3, 4, 4)
    y, _, _ = head(x, LENGTHS, {})
    scores = y.view(3, 4, 4, 3)
    emitted = head.emission(x)
    assert torch.allclose(scores[0, 2, 3], emitted[0, 2] + head.transition[3])
    assert torch.allclose(scores[1, 1, 0], emitted[1, 1] + head.transition[0])
    assert not scores[2].any()


def plain(**changes: object) -> Ends:
    numbers = {"input_shift": (0.0,), "input_scale": (1.0,), "output_shift": (0.0,) * 5, "output_scale": (1.0,) * 5}
    fields = {"features": ("token",), "outputs": (5,), "output_names": tuple("abcde"), **numbers, **changes}
    return Ends(**fields)  # type: ignore[arg-type]


def test_ends_say_what_each_column_may_hold():
    assert plain().vocabulary == ()
    assert plain(tokens=9).vocabulary == (9,)
    spelled = plain(features=("t", "c", "c"), input_shift=(0.0,) * 3, input_scale=(1.0,) * 3, tokens=9, characters=4)
    assert spelled.vocabulary == (9, 4, 4)
    assert Ends.from_dict(spelled.as_dict()) == spelled


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"tokens": 5, "difference": True}, "ids have no differences"),
        ({"tied": True}, "give tokens"),
        ({"tokens": 5, "characters": 3}, "columns behind the first"),
        ({"tokens": 6, "tied": True}, "one output for each of 6 tokens"),
        ({"tokens": 5, "head": "crf"}, "outputs \\(labels"),
    ],
)
def test_ends_that_contradict_themselves(changes: dict[str, object], what: str):
    with pytest.raises(ValueError, match=what):
        plain(**changes)

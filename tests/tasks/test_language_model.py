"""Language models: what is scored, against one run over the whole text."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from seqhub.data.batch import Batch
from seqhub.data.document import Document, document_of
from seqhub.errors import DataError
from seqhub.nn import Chain, SequenceModel
from seqhub.tasks.configs import Split
from seqhub.tasks.configs_text import LanguageModelConfig, LanguageModelData
from seqhub.tasks.language_model import LanguageModel
from seqhub.tasks.ngrams import NGrams
from seqhub.tasks.streams import chunk_of
from seqhub.training.evaluate import Evaluation, evaluate_model

TEXT = "".join(f"{i}. the quick brown fox jumps {i * i} times\n" for i in range(90))


class Given:
    """A source of a text that is given."""

    def __init__(self, text: str) -> None:
        self.text = text

    def read(self) -> Document:
        return document_of(self.text, "given")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQHUB_CACHE", str(tmp_path / "cache"))


def make(text: str = TEXT, tokens: str = "chars", **options: object) -> LanguageModel:
    config = LanguageModelConfig(**{"tokens": tokens, "bptt": 16, **options})  # type: ignore[arg-type]
    task = LanguageModel(config, LanguageModelData(split=Split(valid=0.1, test=0.2)), Given(text), 0)
    task.prepare()
    return task


def tiny(task: LanguageModel) -> SequenceModel:
    """A recurrence whose answers depend on all of the past."""
    from seqhub.nn import Recurrent
    from seqhub_cells.gru import GRUCell

    torch.manual_seed(0)
    model = SequenceModel(task.ends, Chain(6, {"gru": Recurrent(GRUCell(6, hidden=9))}))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return model.eval()


def unbroken(task: LanguageModel, model: SequenceModel, split: str) -> torch.Tensor:
    """-log P of each target of a split, from one run that begins at its first."""
    span = task.targets(split)
    ids = torch.from_numpy(task.file.read(span.first - 1, span.stop))
    with torch.inference_mode():
        y, _, _ = model(ids[None, :-1, None], torch.tensor([len(span)]), model.initial_state(1))
    return functional.cross_entropy(y[0], ids[1:], reduction="none")


def test_the_test_text_is_scored_from_end_to_end_in_one_state():
    task = make()
    model = tiny(task)
    found = evaluate_model(model, task, "test")
    expected = unbroken(task, model, "test")
    torch.testing.assert_close(torch.cat(found.answers), expected, rtol=1e-4, atol=1e-5)
    assert len(expected) == round(len(TEXT) * 0.2)
    mean = float(expected.double().mean())
    assert found.metrics == pytest.approx(
        {"nats": mean, "perplexity": math.exp(mean), "bits_per_character": mean / math.log(2)}, rel=1e-5
    )
    fresh = make(bptt=16)
    chunks = [chunk_of(i) for batch in fresh.batches("test", 1, epoch=0, seed=0) for i in batch]
    assert chunks[1].carry  # were it not, the numbers above would differ:
    first = expected[: chunks[0].steps]
    again = unbroken_chunk(task, model, chunks[1].first, chunks[1].steps)
    assert not torch.allclose(again[:3], expected[len(first) : len(first) + 3], atol=1e-3)


def unbroken_chunk(task: LanguageModel, model: SequenceModel, first: int, steps: int) -> torch.Tensor:
    """The same for a chunk that begins in a fresh state."""
    ids = torch.from_numpy(task.file.read(first - 1, first + steps))
    with torch.inference_mode():
        y, _, _ = model(ids[None, :-1, None], torch.tensor([steps]), model.initial_state(1))
    return functional.cross_entropy(y[0], ids[1:], reduction="none")


@pytest.mark.parametrize("streams", [3, 7])
def test_streams_side_by_side_score_every_token_once(streams):
    task = make(test_streams=streams)
    model = tiny(task)
    found: Evaluation = evaluate_model(model, task, "test")
    assert sum(map(len, found.answers)) == len(task.targets("test"))
    records = task.records(found.answers, "test")
    assert "".join(record["text"] for record in sorted(records, key=lambda r: r["position"])) == TEXT[-len(TEXT) // 5 :]
    spent = sum(record["nats"] * record["tokens"] for record in records)
    assert spent / len(task.targets("test")) == pytest.approx(found.metrics["nats"], rel=1e-5)


def test_loss_is_the_mean_over_valid_targets():
    task = make()
    indices = task.batches("valid", 5, epoch=0, seed=0)[-1]
    batch: Batch = task.collate([task.dataset("valid")[i] for i in indices])
    assert len(set(batch.lengths.tolist())) == 2  # rows differ by one step
    y = torch.randn(5, batch.x.shape[1], task.ends.d_out)
    total, count = task.loss(y, batch.lengths, batch)
    each = [
        functional.cross_entropy(row[:n], target[:n], reduction="sum")
        for row, n, target in zip(y, batch.lengths.tolist(), batch.target, strict=True)
    ]
    assert count == batch.lengths.sum()
    assert float(total) == pytest.approx(float(sum(each)), rel=1e-5)
    assert [len(row) for row in task.answer(y, batch.lengths, batch)] == batch.lengths.tolist()


def test_inputs_are_the_tokens_before_the_targets():
    task = make()
    whole = task.file.read(0, task.file.parts["test"].stop)
    for split in ("train", "valid", "test"):
        for index in task.batches(split, 3, epoch=1, seed=2)[1]:
            item, chunk = task.dataset(split)[index], chunk_of(index)
            np.testing.assert_array_equal(item.target, whole[chunk.first : chunk.first + chunk.steps])
            np.testing.assert_array_equal(item.x[:, 0], whole[chunk.first - 1 : chunk.first + chunk.steps - 1])
            assert item.carry


def test_baselines_are_those_of_counting_the_whole_split():
    task = make(tokens="words")
    train, span = task.file.parts["train"], task.targets("test")
    grams = NGrams(task.file.read(0, train.stop), task.tokenizer.size, 3)
    ids = task.file.read(span.first - 2, span.stop)
    scores = task.baselines("test")
    assert list(scores) == ["uniform", "unigram", "bigram", "trigram"]
    for order, numbers in enumerate(scores.values()):
        assert numbers["nats"] == pytest.approx(grams.nats(ids, order).mean(), rel=1e-6)
    bits = scores["bigram"]["nats"] * len(span) / math.log(2) / round(len(TEXT) * 0.2)
    assert scores["bigram"]["bits_per_character"] == pytest.approx(bits, rel=1e-6)
    first = task.naive_answers("train")["trigram"]
    assert sum(map(len, first)) == train.stop - 1


def test_bits_per_character_can_be_compared_between_vocabularies():
    chars, pairs = make(), make(tokens="bytes")
    assert chars.baselines("test")["unigram"]["bits_per_character"] == pytest.approx(
        pairs.baselines("test")["unigram"]["bits_per_character"], rel=0.02
    )


def test_ends_and_manifest():
    task = make(tied=True, embedding_dropout=0.1)
    ends = task.ends
    assert (ends.tokens, ends.tied, ends.embedding_dropout) == (task.tokenizer.size, True, 0.1)
    assert ends.output_names[0] == "<unk>"
    manifest = task.manifest()
    assert manifest["start"] == task.tokenizer.encode("\n")
    other = make(text=TEXT.replace("\n", " "))
    assert other.manifest()["start"] == other.tokenizer.encode("0")  # the first of the text


def test_the_report():
    report = make(text=TEXT + "\u2014" * 40).describe()
    shares = [row["characters"] / (len(TEXT) + 40) for row in report["splits"]]
    assert shares == pytest.approx([0.7, 0.1, 0.2], abs=1e-3)
    assert any("not in the vocabulary" in warning for warning in report["warnings"])
    assert report["splits"][0]["begins"].startswith("'0. the quick")


@pytest.mark.parametrize(
    ("text", "words"), [("a" * 100, "has one token beside <unk>"), ("ab", "characters, 0 of them for valid")]
)
def test_texts_that_teach_nothing(text, words):
    with pytest.raises(DataError, match=words):
        make(text=text)


def test_a_source_of_something_else_is_refused():
    from seqhub.data.builtin import DigitsSource
    from seqhub.data.configs import BuiltinConfig

    task = LanguageModel(LanguageModelConfig(), LanguageModelData(), DigitsSource(BuiltinConfig(), Path()), 0)
    with pytest.raises(DataError, match="language-model needs one running text"):
        task.prepare()

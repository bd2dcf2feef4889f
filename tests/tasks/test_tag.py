"""Tagging: ids and spellings, hidden words, spans, baselines."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score

from seqhub.data.appointments import AppointmentsSource
from seqhub.data.batch import Batch
from seqhub.data.configs import BuiltinConfig
from seqhub.data.texts import Sentences
from seqhub.errors import DataError
from seqhub.runtime.text import text_input
from seqhub.runtime.text_answers import Span, spans_of
from seqhub.tasks.configs import Split
from seqhub.tasks.configs_text import SentenceData, TagConfig
from seqhub.tasks.tag import Tag
from seqhub.tasks.tag_scores import TagScores

WORDS = [["The", "cat", "sat", "."], ["the", "dog"], ["A", "cat", "purrs"], ["Dogs", "bark", "."]] * 5
TAGS = [["D", "N", "V", "P"], ["D", "N"], ["D", "N", "V"], ["N", "V", "P"]] * 5


class Given:
    """A source of sentences that are given."""

    def __init__(self, words=WORDS, tags=TAGS, splits=None) -> None:  # type: ignore[no-untyped-def]
        self.found = Sentences(words, tags, "given", splits)

    def read(self) -> Sentences:
        return self.found


def make(source: object | None = None, **options: object) -> Tag:
    config = TagConfig(**{"characters": 4, **options})  # type: ignore[arg-type]
    task = Tag(config, SentenceData(split=Split(valid=0.2, test=0.2)), source or Given(), 0)  # type: ignore[arg-type]
    task.prepare()
    return task


def whole(task: Tag, split: str) -> Batch:
    items = task.dataset(split)
    return task.collate([items[i] for i in range(len(items))])


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("O B-x I-x O B-x", [("x", 1, 3), ("x", 4, 5)]),
        ("B-x B-x I-x", [("x", 0, 1), ("x", 1, 3)]),
        ("I-x I-x O", [("x", 0, 2)]),
        ("B-x I-y I-y", [("x", 0, 1), ("y", 1, 3)]),
        ("B-x O I-x", [("x", 0, 1), ("x", 2, 3)]),
        ("B-a-b I-a-b I-a", [("a-b", 0, 2), ("a", 2, 3)]),
        ("O NOUN B I -", []),
        ("", []),
    ],
)
def test_spans(tags, spans):
    assert spans_of(tags.split()) == [Span(*span) for span in spans]


def test_f1_counts_whole_spans_over_all_sentences():
    labels = ("O", "B-x", "I-x", "B-y")
    scores = TagScores(labels, spans=True)
    truth = [[1, 2, 0, 1], [3, 0, 1, 2]]  # x x . x | y . x x
    guess = [[1, 2, 0, 0], [3, 1, 2, 2]]  # x x . . | y x x x
    for true, found in zip(truth, guess, strict=True):  # one right of two, one right of two
        lengths = torch.tensor([4])
        scores.update([torch.tensor(found)], Batch(torch.zeros(0), lengths, torch.tensor([true]), lengths, lengths))
    assert scores.compute() == pytest.approx({"accuracy": 5 / 8, "precision": 2 / 3, "recall": 2 / 4, "f1": 4 / 7})


@pytest.mark.parametrize("size", [1, 3, 20])
def test_scores_equal_scikit_learn_for_any_batch_size(size):
    draw = torch.Generator().manual_seed(0)
    rows = [torch.randint(0, 3, (n,), generator=draw) for n in range(1, 21)]
    guesses = [torch.randint(0, 3, (n,), generator=draw) for n in range(1, 21)]
    scores = TagScores(("a", "b", "c", "never"), spans=False)
    for first in range(0, 20, size):
        lengths = torch.tensor([len(row) for row in rows[first : first + size]])
        target = torch.nn.utils.rnn.pad_sequence(rows[first : first + size], batch_first=True, padding_value=-100)
        scores.update(guesses[first : first + size], Batch(torch.zeros(0), lengths, target, lengths, lengths))
    truth, guess = torch.cat(rows), torch.cat(guesses)
    expected = {"accuracy": accuracy_score(truth, guess), "f1": f1_score(truth, guess, average="macro")}
    assert scores.compute() == pytest.approx(expected)


def test_a_word_is_its_id_and_its_spelling():
    task = make(lowercase=True)
    words, letters = task.tagged.words, task.tagged.letters
    assert letters is not None
    item = task.dataset("train")[0]
    sentence = task.tagged.sentences.words[int(task.tagged.splits["train"][0])]
    for row, word in zip(item.x.tolist(), sentence, strict=True):
        assert words.vocabulary.tokens[row[0]] == word.lower()
        spelt = "".join(letters.tokens[i] for i in row[1:] if i)
        assert spelt == (word if len(word) <= 4 else word[:2] + word[-2:])  # in capitals as they are
    assert task.ends.vocabulary == (words.size, *[len(letters)] * 4)


def test_without_spellings_there_is_one_column():
    task = make(characters=0)
    assert task.ends.features == ("word",)
    assert task.manifest()["letters"] is None


def test_the_bundles_ids_are_those_of_training():
    task = make()
    found = text_input(task.manifest())
    assert found is not None
    for split in ("train", "test"):
        for i, member in enumerate(task.tagged.splits[split]):
            words = task.tagged.sentences.words[member]
            assert found.ids(list(words)).tolist() == task.dataset(split)[i].x.tolist()
    assert found.split("The cat's sat-in, e.g. 3.5%!") == ["The", "cat's", "sat-in", ",", "e.g", ".", "3.5", "%", "!"]
    assert found.ids("zebra")[0, 0] == task.tagged.words.vocabulary.id("<unk>")


class Recorder(torch.nn.Module):
    """Keeps what it is given."""

    def forward(self, x, lengths, state):  # type: ignore[no-untyped-def]
        self.x = x
        return torch.zeros(*x.shape[:2], 3), lengths, state


def test_words_that_occur_once_are_hidden_in_training_only():
    words = [["once", f"rare{i}", "and", "again"] for i in range(20)]
    task = make(Given(words, [["A", "B", "C", "C"]] * 20), unknown=0.5)
    model, batch = Recorder(), whole(task, "train")
    torch.manual_seed(0)
    hidden = []
    for _ in range(50):
        task.run(model, batch, {})  # type: ignore[arg-type]
        assert torch.equal(model.x[..., 1:], batch.x[..., 1:])
        changed = model.x[..., 0] != batch.x[..., 0]
        assert not changed[:, [0, 2, 3]].any()
        assert (model.x[..., 0][changed] == task.tagged.words.vocabulary.id("<unk>")).all()
        hidden.append(float(changed[:, 1].float().mean()))
    assert sum(hidden) / 50 == pytest.approx(0.5, abs=0.06)
    model.eval()
    task.run(model, batch, {})  # type: ignore[arg-type]
    assert torch.equal(model.x, batch.x)


def test_baselines():
    words = [["run", "run", "new"], ["run", "walk"]] * 10
    tags = [["V", "N", "V"], ["V", "N"]] * 10
    splits = {"train": range(0, 16), "valid": range(16, 18), "test": range(18, 20)}
    task = make(Given([*words[:18], ["run", "other"], ["walk"]], [*tags[:18], ["V", "N"], ["N"]], splits))
    assert task.tagged.labels == ("V", "N")  # 24 and 16 times
    naive = task.naive_answers("test")
    assert [row.tolist() for row in naive["majority"]] == [[0, 0], [0]]
    assert [row.tolist() for row in naive["word"]] == [[0, 0], [1]]
    assert task.baselines("test")["word"]["accuracy"] == pytest.approx(2 / 3)


def test_losses_of_both_heads():
    soft, chain = make(), make(head="crf")
    batch = whole(soft, "test")
    labels = len(soft.tagged.labels)
    y = torch.randn(*batch.x.shape[:2], labels)
    total, count = soft.loss(y, batch.lengths, batch)
    assert count == batch.lengths.sum()
    # scores that do not depend on the label before make a chain of independent labels
    pairwise = y[:, :, None, :].expand(-1, -1, labels + 1, -1).flatten(2)
    other, _ = chain.loss(pairwise, batch.lengths, batch)
    assert float(other) == pytest.approx(float(total), rel=1e-5)
    for task, scores in ((soft, y), (chain, pairwise)):
        found = task.answer(scores, batch.lengths, batch)
        for row, answer, length in zip(y, found, batch.lengths.tolist(), strict=True):
            assert answer.tolist() == row[:length].argmax(dim=1).tolist()
    assert chain.ends.outputs == (labels + 1, labels)


def test_batches_hold_every_sentence_once():
    task = make()
    for epoch in range(3):
        batches = task.batches("train", 5, epoch=epoch, seed=1)
        assert sorted(i for batch in batches for i in batch) == list(range(len(task.dataset("train"))))


def test_the_report_shows_repetition():
    report = make().describe()
    assert report["splits"][2]["in_train"] == 4
    assert any("sentences of test are in train as well" in warning for warning in report["warnings"])
    assert any("example: " in note for note in report["notes"])


def test_records():
    task = make(AppointmentsSource(BuiltinConfig(), Path()), spans="bio")
    answers = task.naive_answers("valid")["word"]
    record = task.records(answers, "valid")[0]
    assert len(record["words"]) == len(record["truth"]) == len(record["prediction"])
    assert record["words"] == list(task.tagged.sentences.words[record["item"]])


@pytest.mark.parametrize(
    ("words", "tags", "splits", "message"),
    [
        ([["a"]] * 20, [["X"]] * 20, None, "every word of train has the tag 'X'"),
        ([["a", "b"]] * 2, [["X", "Y"]] * 2, None, "has 2 items, none of them for"),
        (
            [["a", "b"]] * 3,
            [["NOUN", "VERB"], ["NOUN", "NUON"], ["NOUN", "VERB"]],
            {"train": range(0, 1), "valid": range(1, 2), "test": range(2, 3)},
            r"given valid item 1: the tag 'NUON' of valid never occurs in train(?s:.*)did you mean 'NOUN'",
        ),
    ],
)
def test_sentences_that_teach_nothing(words, tags, splits, message):
    with pytest.raises(DataError, match=message):
        make(Given(words, tags, splits))


def test_a_source_of_something_else_is_refused():
    from seqhub.data.builtin import DigitsSource

    with pytest.raises(DataError, match="tag needs sentences with a tag for each word"):
        make(DigitsSource(BuiltinConfig(), Path()))

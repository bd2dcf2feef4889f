"""Translation as a task: pairs as ids, batches, the loss, the search, the scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from seqhub.data.batch import IGNORED
from seqhub.data.pairs import Pairs
from seqhub.data.table import Table
from seqhub.errors import DataError
from seqhub.nn.seq2seq import sampled
from seqhub.tasks.configs import Split
from seqhub.tasks.configs_translate import Sampling, SearchOptions, TranslateConfig, TranslateData
from seqhub.tasks.translate import Translate, sampling_rate
from seqhub.tasks.translate_maps import heat_maps
from seqhub.tasks.translate_search import translations
from seqhub.tasks.translate_text import shifted
from seqhub.text import END, SPECIALS
from tests.nn.pairs import small


class Given:
    """A source of what the test says."""

    def __init__(self, found) -> None:
        self.found = found

    def read(self):
        return self.found


def reversed_words(count: int = 60) -> Pairs:
    """`a b c` beside `C B A`, of one to six words; the tenth says what the first says."""
    draw = torch.Generator().manual_seed(0)
    texts = []
    for i in range(count):
        length = int(torch.randint(1, 7, (), generator=draw))
        texts.append(" ".join("abcdefg"[j] for j in torch.randint(0, 7, (length,), generator=draw).tolist()))
        if i == 9:
            texts[9] = texts[0]
    return Pairs(texts, [text.upper()[::-1] for text in texts], "reversed")


def made(found=None, seed: int = 0, data: TranslateData | None = None, **options) -> Translate:
    settings = {"source": "words", "target": "words", **options}
    task = Translate(TranslateConfig(**settings), data or TranslateData(), Given(found or reversed_words()), seed)
    task.prepare()
    return task


def fitting(task: Translate, **kind):
    return small(target=task.ends.d_out, source=task.ends.tokens, **kind)


def batch_of(task: Translate, split: str = "train", rows: int = 5):
    items = task.dataset(split)
    return task.collate([items[i] for i in range(rows)])


def test_splits_are_apart_and_all_of_a_source_is_in_one():
    task, other = made(), made(seed=1)
    parts = [set(members) for members in task.corpus.splits.values()]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 60
    assert (len(parts[1]), len(parts[2])) == (6, 12)
    assert task.corpus.splits == made().corpus.splits != other.corpus.splits
    texts = [{task.corpus.pairs.source[i] for i in part} for part in parts]
    assert not texts[0] & texts[1] | texts[0] & texts[2] | texts[1] & texts[2]


def test_own_splits_are_kept_and_tokenisers_see_train_alone():
    spans = {"train": range(0, 3), "valid": range(3, 4), "test": range(4, 5)}
    pairs = Pairs(["a b", "b", "a", "z", "y a"], ["A", "B", "A B", "Z", "A"], "five", splits=spans)
    task = made(pairs)
    assert task.corpus.readers[0].vocabulary.tokens == (*SPECIALS, "a", "b")
    assert [task.corpus.source_ids[i] for i in (0, 3)] == [[4, 5, 3], [1, 3]]
    assert task.corpus.target_ids[2] == [4, 5, 3]
    assert task.dataset("test")[0].x[:, 0].tolist() == [1, 4, 3]


def test_one_vocabulary_for_both_sides():
    task = made(joint=True)
    assert task.ends.tokens == task.ends.d_out
    assert {"a", "A"} < set(task.ends.output_names)
    assert TranslateConfig(joint=False).decoder_problems("all")[0][0] == "tied"
    assert not TranslateConfig(joint=True).decoder_problems("all")


def test_long_pairs_are_left_out_of_training_alone():
    task = made(longest=3)
    kept = [len(task.corpus.source_ids[i]) - 1 for i in task.corpus.splits["train"]]
    assert max(kept) == 3
    assert len(task.corpus.splits["test"]) == 12
    assert f"{60 - 18 - len(kept)} training pairs" in task.corpus.notes[0]
    pairs = Pairs(
        ["a b"] * 3, ["A B"] * 3, "three", splits={"train": range(1), "valid": range(1, 2), "test": range(2, 3)}
    )
    with pytest.raises(DataError, match="every training pair"):
        made(pairs, longest=1)


def test_tables_of_texts():
    def columns_of(**texts: list[str]) -> Table:
        return Table({name: np.array(cells) for name, cells in texts.items()}, "some.csv")

    table = columns_of(en=["a b", "b"] * 20, ja=["A", "B"] * 20)
    columns = TranslateData(source_text="en", target_text="ja", split=Split(valid=0.3, test=0.3))
    assert made(columns_of(en=[f"a {i}" for i in range(40)], ja=["A"] * 40), data=columns).ends.tokens > 4
    for data, message in (
        (TranslateData(), "set data.source_text and data.target_text; columns: en, ja"),
        (TranslateData(source_text="en"), "set data.source_text and data.target_text"),
        (TranslateData(source_text="en", target_text="fr"), "has no column 'fr'"),
        (TranslateData(source_text="en", target_text="en"), "are both 'en'"),
    ):
        with pytest.raises(DataError, match=message):
            made(table, data=data)
    with pytest.raises(DataError, match=r"names a column, but source reversed gives pairs"):
        made(data=TranslateData(source_text="en"))
    with pytest.raises(DataError, match="is empty"):
        made(columns_of(en=["a"], ja=[" "]), data=columns)


def test_batches_hold_like_lengths_and_change_by_seed_and_epoch_alone():
    task = made()
    plan = task.batches("train", 8, epoch=0, seed=7)
    assert sorted(i for batch in plan for i in batch) == list(range(42))
    assert plan == task.batches("train", 8, epoch=0, seed=7)
    assert plan != task.batches("train", 8, epoch=1, seed=7)
    lengths = [len(task.corpus.target_ids[i]) for i in task.corpus.splits["train"]]
    spread = [max(lengths[i] for i in batch) - min(lengths[i] for i in batch) for batch in plan]
    assert max(spread) <= 2
    budget = made(batch_tokens=30)
    plans = [budget.batches("train", 8, epoch=epoch, seed=7) for epoch in range(4)]
    assert len({len(plan) for plan in plans}) == 1
    for batch in plans[0]:
        sizes = [
            max(len(budget.corpus.target_ids[i]), len(budget.corpus.source_ids[i]))
            for i in (budget.corpus.splits["train"][j] for j in batch)
        ]
        assert len(batch) * max(sizes) <= 30
    assert len(task.batches("test", 5, epoch=0, seed=0)) == 3


def test_the_loss_is_that_of_each_token_alone():
    task = made()
    model, batch = fitting(task), batch_of(task)
    y, lengths, state = task.run(model, batch, {})
    assert state == {}
    total, count = task.loss(y, lengths, batch)
    expected, tokens = 0.0, 0
    for row in range(5):
        truth = batch.target[row][batch.target[row] != IGNORED]
        given = torch.cat([torch.tensor([task.corpus.begin]), truth[:-1]])
        memory = model.encode(batch.x[row : row + 1], batch.lengths[row : row + 1])
        scores = model.decoder(given[None, :, None], torch.tensor([len(truth)]), model.first_state(memory), memory)[0]
        expected -= float(scores[0].log_softmax(-1).gather(1, truth[:, None]).sum().detach())
        tokens += len(truth)
    assert int(count) == tokens
    assert float(total.detach()) == pytest.approx(expected, rel=1e-5)
    smooth = made(label_smoothing=0.2).loss(y, lengths, batch)[0]
    uniform = -float(y.log_softmax(-1)[batch.target != IGNORED].mean(-1).sum().detach())
    assert float(smooth.detach()) == pytest.approx(0.8 * expected + 0.2 * uniform, rel=1e-5)


def test_what_the_decoder_reads():
    target = torch.tensor([[5, 6, 3], [7, 3, IGNORED]])
    assert shifted(target, 2).tolist() == [[2, 5, 6], [2, 7, 3]]
    assert shifted(torch.tensor([[3, IGNORED, IGNORED]]), 2).tolist() == [[2, 3, 0]]


def test_the_rate_of_scheduled_sampling():
    assert sampling_rate(Sampling(), 5) == 0.0
    assert [sampling_rate(Sampling(rate=0.4, first=1, rise=4), epoch) for epoch in range(6)] == pytest.approx(
        [0.0, 0.1, 0.2, 0.3, 0.4, 0.4]
    )
    curve = [sampling_rate(Sampling(rate=1.0, rise=10, curve="sigmoid"), epoch) for epoch in range(10)]
    assert curve == sorted(curve)
    assert curve[4] == pytest.approx(0.5)
    assert curve[-1] == 1.0


def test_scheduled_sampling_is_for_training():
    task = made(sampling=Sampling(rate=1.0))
    model, batch = fitting(task), batch_of(task)
    task.begin_epoch(0)
    assert task.rate == 1.0
    forced = task.run(model, batch, {})[0]
    model.train()
    torch.manual_seed(3)
    own = task.run(model, batch, {})[0]
    torch.manual_seed(3)
    memory = model.encode(batch.x, batch.lengths)
    again = sampled(model, memory, shifted(batch.target, task.corpus.begin), batch.target_lengths, 1.0)
    torch.testing.assert_close(own, again)
    assert not torch.allclose(own, forced)
    task.rate = 0.0
    torch.testing.assert_close(task.run(model, batch, {})[0], forced)


def test_quick_answers_are_greedy():
    task = made(search=SearchOptions(ratio=1.0))
    model, batch = fitting(task), batch_of(task)
    found = task.answered(model, *task.run(model, batch, {})[:2], batch, quick=True)
    for row, ids in enumerate(found):
        memory = model.encode(batch.x[row : row + 1], batch.lengths[row : row + 1])
        state, token, written = model.first_state(memory), task.corpus.begin, []
        while len(written) < int(batch.lengths[row]) + 5:
            y, _, state = model.decoder(torch.tensor([[[token]]]), torch.tensor([1]), state, memory)
            scores = y[0, 0].clone()
            scores[list(task.corpus.never)] = -math.inf
            token = int(scores.argmax())
            if token == task.corpus.end:
                break
            written.append(token)
        assert ids.tolist() == written


def test_a_wider_search_finds_likelier_translations():
    task = made()
    model, batch = fitting(task, attention=False), batch_of(task, rows=8)
    ids = {"begin": task.corpus.begin, "end": task.corpus.end, "never": task.corpus.never}
    narrow, wide = SearchOptions(width=1, length_penalty=0.0), SearchOptions(width=16, length_penalty=0.0)
    with torch.no_grad():
        log_p = []
        for options in (narrow, wide):
            task.options = TranslateConfig(search=options)
            log_p.append([best.log_p for best, *_ in translations(model, batch, task.search, **ids)])
    assert sum(log_p[1]) > sum(log_p[0])


def test_scores():
    task = made()
    batch = batch_of(task, "test", 4)
    scores = task.metrics()
    scores.update(list(batch.references), batch)
    assert scores.compute() == pytest.approx({"bleu": 100.0, "chrf": 100.0, "exact": 1.0})
    scores.update([torch.tensor([], dtype=torch.int64), "x", "", task.dataset("test")[3].reference], batch)
    mixed = scores.compute()
    assert mixed["exact"] == pytest.approx(5 / 8)
    assert 0 < mixed["bleu"] < 100
    assert all(math.isnan(value) for value in task.metrics().compute().values())
    ids = [item.target[:-1] for item in (task.dataset("test")[i] for i in range(4))]
    decoded = task.metrics()
    decoded.update(ids, batch)
    assert decoded.compute()["exact"] == 1.0


def test_what_needs_no_model():
    task = made()
    naive = task.naive_answers("test")
    sources = [task.corpus.pairs.source[i] for i in task.corpus.splits["test"]]
    assert naive["copy"] == sources
    train = {task.corpus.pairs.target[i] for i in task.corpus.splits["train"]}
    assert set(naive["nearest"]) <= train
    spans = {"train": range(0, 3), "valid": range(3, 4), "test": range(4, 6)}
    pairs = Pairs(["a b", "c d", "a c", "a", "d c", "b a"], ["1", "2", "3", "4", "5", "6"], "six", splits=spans)
    assert made(pairs).naive_answers("test")["nearest"] == ["2", "1"]
    baselines = task.baselines("test")
    assert set(baselines) == {"copy", "nearest"}
    assert baselines["copy"]["exact"] == 0.0


def test_records_and_report():
    task = made()
    answers = [item.target[:-1] for item in (task.dataset("test")[i] for i in range(12))]
    rows = task.records(answers, "test")
    assert [row["hypothesis"] for row in rows] == [row["reference"] for row in rows]
    assert set(rows[0]) == {"index", "source", "reference", "hypothesis"}
    report = task.describe()
    assert [row["pairs"] for row in report["splits"]] == [42, 6, 12]
    assert report["examples"][0]["source tokens"].endswith(END)
    assert report["vocabulary"] == {"source": 11, "target": 11}
    twice = Pairs(
        ["a", "a", "a"], ["A", "A", "B"], "x", splits={"train": range(1), "valid": range(1, 2), "test": range(2, 3)}
    )
    warnings = made(twice).describe()["warnings"]
    assert warnings[0] == "1 of 1 pairs of valid are in train as well, word for word"
    assert "100% of the target" not in warnings[0]


def test_heat_maps():
    task = made(search=SearchOptions(ratio=1.0))
    model = fitting(task)
    found = heat_maps(model, task, [0, 1])
    for i, (source, written, weights) in enumerate(found):
        item = task.dataset("test")[i]
        assert weights.shape == (len(written), len(source)) == (len(written), len(item.x))
        assert (source[-1], written[-1]) == (END, END)
        torch.testing.assert_close(weights.sum(dim=-1), torch.ones(len(written)))
    batch = task.collate([task.dataset("test")[0]])
    ids = task.answered(model, *task.run(model, batch, {})[:2], batch, quick=False)[0]
    assert found[0][1][:-1] == [task.ends.output_names[t] for t in ids.tolist()]
    assert heat_maps(fitting(task, attention=False), task, [0]) == []

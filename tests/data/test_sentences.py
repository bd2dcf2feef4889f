"""Sources of tagged sentences and labelled texts, good and broken."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from seqhub.data.appointments import AppointmentsSource
from seqhub.data.configs import BuiltinConfig
from seqhub.data.configs_text import ConllConfig, ConlluConfig, JsonlConfig, LinesConfig, WordLinesConfig
from seqhub.data.conll_file import ConllSource, ConlluSource
from seqhub.data.jsonl_file import JsonlSource
from seqhub.data.lines import LinesSource
from seqhub.data.word_lines import WordLinesSource
from seqhub.errors import DataError
from seqhub.runtime.text_answers import spans_of

CONLL = "-DOCSTART- -X- O O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\n\nPeter NNP B-NP B-PER\n"
CONLLU = (
    "# sent_id = 1\n# text = vámonos\n1-2\tvámonos\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "1\tvamos\tir\tVERB\tx\t_\t0\troot\t_\t_\n2\tnos\tnosotros\tPRON\ty\t_\t1\tobj\t_\t_\n"
    "2.1\tnada\t_\tNOUN\t_\t_\t_\t_\t_\t_\n\n# sent_id = 2\n1\t!\t!\tPUNCT\tz\t_\t0\troot\t_\t_\n"
)


def caught(source: object) -> DataError:
    with pytest.raises(DataError) as found:
        source.read()  # type: ignore[attr-defined]
    return found.value


def test_conll_columns(tmp_path):
    (tmp_path / "a.txt").write_text(CONLL)
    found = ConllSource(ConllConfig(path="a.txt"), tmp_path).read()
    assert found.words == [["EU", "rejects"], ["Peter"]]
    assert found.tags == [["B-ORG", "O"], ["B-PER"]]
    assert found.splits is None
    assert found.locate is not None
    assert [found.locate(i).line for i in range(2)] == [3, 7]
    chunks = ConllSource(ConllConfig(path="a.txt", word=1, tag=2), tmp_path).read()
    assert (chunks.words[0], chunks.tags[0]) == (["NNP", "VBZ"], ["B-NP", "B-VP"])


def test_conllu(tmp_path):
    (tmp_path / "a.conllu").write_text(CONLLU, encoding="utf-8")
    found = ConlluSource(ConlluConfig(path="a.conllu"), tmp_path).read()
    assert found.words == [["vamos", "nos"], ["!"]]
    assert found.tags == [["VERB", "PRON"], ["PUNCT"]]
    other = ConlluSource(ConlluConfig(path="a.conllu", column="deprel"), tmp_path).read()
    assert other.tags == [["root", "obj"], ["root"]]


def test_a_file_for_each_split(tmp_path):
    for i, name in enumerate(("train", "dev", "test")):
        (tmp_path / f"a-{name}.txt").write_text("x O\n\n" * (i + 1))
    found = ConllSource(ConllConfig(path="a-{split}.txt", splits=("train", "dev", "test")), tmp_path).read()
    assert found.splits == {"train": range(0, 1), "valid": range(1, 3), "test": range(3, 6)}
    (tmp_path / "a-dev.txt").unlink()
    error = caught(ConllSource(ConllConfig(path="a-{split}.txt", splits=("train", "dev", "test")), tmp_path))
    assert "a-dev.txt does not exist" in str(error)


@pytest.mark.parametrize(
    ("text", "code", "line", "words"),
    [
        ("EU B-ORG\nrejects\n", "E306", 2, "line 2 has 1 columns, 2 expected"),
        ("\n\n  \n", "E303", None, "holds no sentence"),
        ("-DOCSTART- O\n\n", "E303", None, "holds no sentence"),
    ],
)
def test_broken_conll(tmp_path, text, code, line, words):
    (tmp_path / "a.txt").write_text(text)
    problem = caught(ConllSource(ConllConfig(path="a.txt"), tmp_path)).problems[0]
    assert (problem.code, problem.place.line if problem.place else None) == (code, line)
    assert words in problem.message
    assert problem.fix


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("1\tvamos\tir\tVERB\n", "E306", "has 4 columns apart by tabs, CoNLL-U has 10"),
        ("1 vamos ir VERB x _ 0 root _ _\n", "E306", "has 1 columns apart by tabs"),
        ("1\tvamos\tir\t_\tx\t_\t0\troot\t_\t_\n", "E313", "the word 'vamos' has no upos"),
    ],
)
def test_broken_conllu(tmp_path, line, code, words):
    (tmp_path / "a.conllu").write_text(CONLLU + "\n" + line, encoding="utf-8")
    problem = caught(ConlluSource(ConlluConfig(path="a.conllu"), tmp_path)).problems[0]
    assert (problem.code, problem.place and problem.place.line) == (code, 11)
    assert words in problem.message


def test_many_broken_lines_are_counted(tmp_path):
    (tmp_path / "a.txt").write_text("x\n" * 9)
    error = caught(ConllSource(ConllConfig(path="a.txt"), tmp_path))
    assert len(error.problems) == 5
    assert "and 4 more such lines in a.txt" in error.problems[-1].message


def test_another_encoding_is_told_with_its_line(tmp_path):
    (tmp_path / "a.txt").write_bytes("x O\ngrün O\n".encode("latin-1"))
    problem = caught(ConllSource(ConllConfig(path="a.txt"), tmp_path)).problems[0]
    assert (problem.code, problem.place and problem.place.line) == ("E304", 2)


def words_and_tags(folder: Path, words: str, tags: str) -> WordLinesSource:
    (folder / "w").write_text(words)
    (folder / "t").write_text(tags)
    return WordLinesSource(WordLinesConfig(path="w", tags="t"), folder)


def test_words_in_one_file_and_tags_in_another(tmp_path):
    found = words_and_tags(tmp_path, "play some jazz \nstop\n", "O O B-genre\nO\n").read()
    assert found.words == [["play", "some", "jazz"], ["stop"]]
    assert found.tags == [["O", "O", "B-genre"], ["O"]]


@pytest.mark.parametrize(
    ("words", "tags", "code", "line", "message"),
    [
        ("a b\nc\n", "O O\n", "E319", 2, "w has 2 lines, t has 1"),
        ("a b\nc\n", "O\nO\n", "E306", 1, "line 1 has 2 words, but 1 tags in t"),
        ("a b\n\n", "O O\n\n", "E318", 2, "line 2 has no word"),
    ],
)
def test_broken_word_lines(tmp_path, words, tags, code, line, message):
    problem = caught(words_and_tags(tmp_path, words, tags)).problems[0]
    assert (problem.code, problem.place and problem.place.line) == (code, line)
    assert message in problem.message


def test_the_grammar_gives_the_same_sentences_every_time():
    one, same = (AppointmentsSource(BuiltinConfig(), Path()).read() for _ in range(2))
    assert one.words == same.words
    assert len(one.words) == 2000
    assert {span.label for tags in one.tags for span in spans_of(tags)} == {"person", "date", "time", "amount"}
    tags_of_may = Counter(
        tag
        for words, tags in zip(one.words, one.tags, strict=True)
        for w, tag in zip(words, tags, strict=True)
        if w == "May"
    )
    assert {"B-person", "B-date", "I-date"} <= set(tags_of_may)


# -- texts with labels -------------------------------------------------------------------------------------------------


def test_labels_behind_texts_quotes_and_all(tmp_path):
    (tmp_path / "a_x.txt").write_text('He said "no.\t0\n\nTab\there  \t1\n')
    (tmp_path / "b_x.txt").write_text("Fine\t1\n")
    found = LinesSource(LinesConfig(path="*_x.txt"), tmp_path).read()
    assert found.texts == ['He said "no.', "Tab\there", "Fine"]
    assert found.labels == ["0", "1", "1"]
    assert found.locate is not None
    assert [(Path(found.locate(i).file).name, found.locate(i).line) for i in range(3)] == [
        ("a_x.txt", 1),
        ("a_x.txt", 3),
        ("b_x.txt", 1),
    ]


def test_labels_in_a_file_of_their_own(tmp_path):
    for split in ("train", "valid", "test"):
        (tmp_path / f"{split}.in").write_text("play jazz \nstop\n")
        (tmp_path / f"{split}.label").write_text("Play\nStop\n")
    found = LinesSource(LinesConfig(path="{split}.in", labels="{split}.label"), tmp_path).read()
    assert (found.texts[:2], found.labels[:2]) == (["play jazz", "stop"], ["Play", "Stop"])
    assert found.splits == {"train": range(0, 2), "valid": range(2, 4), "test": range(4, 6)}


@pytest.mark.parametrize(
    ("text", "code", "line", "words"),
    [
        ("good\t1\nbad 0\n", "E306", 2, "has no '\\t' between a text and its label"),
        ("good\t1\n\t0\n", "E318", 2, "line 2 has no text"),
        ("good\t1\nbad\t\n", "E313", 2, "line 2 has no label"),
        ("\n\n", "E303", None, "has no texts"),
    ],
)
def test_broken_lines(tmp_path, text, code, line, words):
    (tmp_path / "a.txt").write_text(text)
    problem = caught(LinesSource(LinesConfig(path="a.txt"), tmp_path)).problems[0]
    assert (problem.code, problem.place.line if problem.place else None) == (code, line)
    assert words in problem.message


def test_a_pattern_that_names_no_file(tmp_path):
    assert "no file is named *_x.txt" in str(caught(LinesSource(LinesConfig(path="*_x.txt"), tmp_path)))


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (LinesConfig(path="{split}.in", labels="label"), "labels"),
        (LinesConfig(path="a", delimiter=""), "delimiter"),
        (WordLinesConfig(path="{split}.in", tags="tags"), "tags"),
        (ConllConfig(path="a", encoding="utf-9"), "encoding"),
    ],
)
def test_options_that_contradict_each_other(config, field):
    assert [problem[0] for problem in config.problems(0)] == [field]


def test_jsonl_columns(tmp_path):
    (tmp_path / "a.jsonl").write_text(
        '{"text": "gr\\u00fcn", "n": 1, "more": [1]}\n\n{"n": 2.5, "text": "x", "more": {}}\n'
    )
    table = JsonlSource(JsonlConfig(path="a.jsonl"), tmp_path).read()
    assert table.column("text").tolist() == ["grün", "x"]
    assert table.column("n").tolist() == [1.0, 2.5]
    assert table.column("more").tolist() == ["[1]", "{}"]
    assert table.line(1) == "line 3"


@pytest.mark.parametrize(
    ("text", "code", "line", "words"),
    [
        ('{"a": 1}\n{"a": }\n', "E300", 2, "line 2 is not JSON"),
        ('{"a": 1}\n[1]\n', "E300", 2, "is a JSON list, no object"),
        ('{"a": 1, "b": 2}\n{"a": 1}\n', "E306", 2, "line 2 has no 'b', which the first line has"),
        ("\n", "E303", None, "has no rows"),
    ],
)
def test_broken_jsonl(tmp_path, text, code, line, words):
    (tmp_path / "a.jsonl").write_text(text)
    problem = caught(JsonlSource(JsonlConfig(path="a.jsonl"), tmp_path)).problems[0]
    assert (problem.code, problem.place.line if problem.place else None) == (code, line)
    assert words in problem.message

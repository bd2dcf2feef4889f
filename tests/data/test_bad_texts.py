"""Bad texts: running, labelled, tagged, and side by side."""

from __future__ import annotations

import pytest

from tests.data.bad import EMBEDDED, TRANSLATOR, Bad, bad, check_one_clear_error, latin, recipe

KINDS = {
    "text": recipe("{type: language-model, tokens: chars, bptt: 8}", "{source: {type: text, path: data.txt}}"),
    "lines": recipe("{type: text-classify, tokens: words}", "{source: {type: lines, path: data.txt}}", EMBEDDED),
    "lines files": recipe(
        "{type: text-classify, tokens: words}", '{source: {type: lines, path: "{split}.txt"}}', EMBEDDED
    ),
    "jsonl": recipe("{type: text-classify, tokens: words}", "{source: {type: jsonl, path: data.jsonl}}", EMBEDDED),
    "parallel": recipe(
        "{type: translate, source: words, target: words}",
        "{source: {type: parallel, source: a.txt, target: b.txt}}",
        TRANSLATOR,
    ),
    "conll": recipe("{type: tag}", "{source: {type: conll, path: data.txt}}", EMBEDDED),
    "conll files": recipe("{type: tag}", '{source: {type: conll, path: "{split}.txt"}}', EMBEDDED),
    "conllu": recipe("{type: tag}", "{source: {type: conllu, path: data.txt}}", EMBEDDED),
    "word-lines": recipe("{type: tag}", "{source: {type: word-lines, path: a.txt, tags: b.txt}}", EMBEDDED),
}

TEXTS = "good day\tgood\nbad day\tbad\n" * 20
SENTENCES = "The DET\ndog NOUN\n\nA DET\ncat NOUN\nsleeps VERB\n\n" * 12
TREE = "1\tDogs\tdog\tNOUN\t_\t_\t2\tnsubj\t_\t_\n2\tbark\tbark\tVERB\t_\t_\t0\troot\t_\t_\n\n"
SPLIT_TEXTS = {"train": TEXTS, "valid": TEXTS}
PAIRS = ("".join(f"one {i}\n" for i in range(40)), "".join(f"eins {i}\n" for i in range(40)))

TABLE: dict[str, Bad] = {
    "text: no bytes": bad("text", "data.txt", "", "E302", None, "data.txt is empty"),
    "text: encoding": bad("text", "data.txt", b"abc\n\xff\xfe" * 90, "E304", 2, "byte 0xff", "encoding: latin-1"),
    "text: too short": bad("text", "data.txt", "ab", "E311", None, "data.txt has 2 characters"),
    "text: one character": bad("text", "data.txt", "a" * 4000, "E315", None, "data.txt has one token", "more than one"),
    "lines: blank": bad("lines", "data.txt", "\n\n", "E303", None, "data.txt has no texts"),
    "lines: ragged": bad("lines", "data.txt", TEXTS + "no label\n", "E306", 41, "between a text and its label"),
    "lines: empty text": bad("lines", "data.txt", TEXTS + "\tgood\n", "E318", 41, "has no text"),
    "lines: no label": bad("lines", "data.txt", TEXTS + "text\t\n", "E313", 41, "has no label"),
    "lines: encoding": bad("lines", "data.txt", latin(TEXTS + "caf\xe9\tgood\n"), "E304", 41, "byte 0xe9"),
    "lines: label of test alone": bad(
        "lines files",
        "test.txt",
        TEXTS + "odd\tugly\n",
        "E313",
        41,
        "test.txt line 41: the label 'ugly' of test never occurs in train",
        "labels: bad, good",
        **SPLIT_TEXTS,
    ),
    "lines: a file is missing": Bad("lines files", {"train.txt": TEXTS}, "E301", None, ("valid.txt does not exist",)),
    "jsonl: no JSON": bad("jsonl", "data.jsonl", '{"text":"a","label":"b"}\n{"text":\n', "E300", 2, "is not JSON"),
    "jsonl: a key twice": bad(
        "jsonl", "data.jsonl", '{"text":"a","text":"b","label":"c"}\n', "E300", 1, "'text' twice", "keep"
    ),
    "jsonl: ragged": bad(
        "jsonl", "data.jsonl", '{"text":"a","label":"b"}\n{"text":"x"}\n', "E306", 2, "has no 'label'"
    ),
    "jsonl: no object": bad(
        "jsonl", "data.jsonl", "[1]\n", "E300", 1, "is a JSON list, no object", "one object a line"
    ),
    "jsonl: encoding": bad("jsonl", "data.jsonl", latin('{"text":"\xe9","label":"b"}\n'), "E304", 1, "byte 0xe9"),
    "jsonl: empty text": bad(
        "jsonl",
        "data.jsonl",
        '{"text":"a","label":"b"}\n{"text":" ","label":"c"}\n',
        "E309",
        2,
        "'text': the cell is empty",
    ),
    "parallel: a line more": bad("parallel", "a.txt", PAIRS[0], "E319", 41, "b.txt has 41", b=PAIRS[1] + "mehr\n"),
    "parallel: empty text": bad(
        "parallel", "a.txt", PAIRS[0] + "\n", "E318", 41, "pair 41: the source is empty", b=PAIRS[1] + "mehr\n"
    ),
    "parallel: encoding": bad(
        "parallel", "a.txt", PAIRS[0], "E304", 1, "b.txt line 1: byte 0xff", b=b"\xff" + PAIRS[1].encode()
    ),
    "parallel: no bytes": bad("parallel", "a.txt", "", "E302", None, "a.txt is empty", b=""),
    "parallel: the same text": bad(
        "parallel", "a.txt", "one\n" * 40, "E311", None, "40 pairs of 1 different texts", b="eins\n" * 40
    ),
    "conll: ragged": bad("conll", "data.txt", SENTENCES + "word\n", "E306", 85, "has 1 columns, 2 expected"),
    "conll: encoding": bad("conll", "data.txt", latin(SENTENCES + "\xe9 X\n"), "E304", 85, "byte 0xe9"),
    "conll: one tag": bad(
        "conll", "data.txt", "a X\n\n" * 40, "E315", None, "data.txt: every word of train has the tag 'X'"
    ),
    "conll: tag of test alone": bad(
        "conll files",
        "test.txt",
        SENTENCES.replace("VERB", "X", 1),
        "E313",
        4,
        "test.txt line 4: the tag 'X' of test never occurs in train",
        train=SENTENCES,
        valid=SENTENCES,
    ),
    "conllu: ragged": bad(
        "conllu", "data.txt", TREE * 20 + "1\tx\ty\n", "E306", 61, "3 columns apart by tabs", "has 10"
    ),
    "conllu: no empty line": bad(
        "conllu", "data.txt", TREE * 20 + TREE.strip() + "\n" + TREE, "E306", 63, "word '1' of its sentence, 3 was due"
    ),
    "conllu: no tag": bad(
        "conllu", "data.txt", TREE * 20 + TREE.replace("VERB", "_"), "E313", 62, "'bark' has no upos"
    ),
    "conllu: no sentence": bad("conllu", "data.txt", "# text\n", "E303", None, "data.txt holds no sentence"),
    "word-lines: ragged": bad(
        "word-lines", "a.txt", "a b\nc\n" * 20, "E306", 2, "1 words, but 2 tags", b="X Y\nZ Z\n" * 20
    ),
    "word-lines: a line less": bad(
        "word-lines", "a.txt", "a b\nc\n" * 20, "E319", 39, "b.txt has 38", b="X Y\nZ\n" * 19
    ),
    "word-lines: no word": bad(
        "word-lines", "a.txt", "a b\n\n" * 20, "E318", 2, "line 2 has no word", b="X Y\n\n" * 20
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_a_bad_text_is_one_clear_error(case, tmp_path, capsys):
    check_one_clear_error(TABLE[case], KINDS, tmp_path, capsys)

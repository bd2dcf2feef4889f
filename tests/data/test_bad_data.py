"""Bad data of every source but csv (see test_broken_csv): a code, the file or item, its line, words that mend it, exit
code 2, and no traceback."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import scipy.io

from seqhub.cli import main
from seqhub.data.specs import seqhub_register_sources

PLAIN = "model: {width: 8, blocks: [{type: gru, hidden: 4}]}\n"
EMBEDDED = "model: {width: 8, causal: false, blocks: [{type: gru, hidden: 4}]}\n"
TRANSLATOR = EMBEDDED.replace("]}\n", "], decoder: {width: 8, blocks: [{type: luong, hidden: 8}]}}\n")
LISTENER = (
    "model: {width: 1, embed: false, blocks: [{type: log-mel, rate_hz: 1000, mels: 8}, {type: gru, hidden: 4}]}\n"
)


def recipe(task: str, data: str, model: str = PLAIN) -> str:
    return f"recipe: 1\nname: bad\ntask: {task}\ndata: {data}\n{model}"


FORECAST = "{type: forecast, lookback: 6, horizon: 2}"
CLASSIFY = "{type: classify}"
TABLES = "{source: {type: %s, path: data.%s}, target: [y], time: t}"
KINDS = {
    "csv": recipe(FORECAST, TABLES % ("csv", "csv")),
    "csv groups": recipe(FORECAST, "{source: {type: csv, path: data.csv}, target: [y], time: t, series: z}"),
    "csv labels": recipe("{type: text-classify, tokens: words}", "{source: {type: csv, path: data.csv}}", EMBEDDED),
    "parquet": recipe(FORECAST, TABLES % ("parquet", "parquet")),
    "npz": recipe(FORECAST, "{source: {type: npz, path: data.npz}, target: [y]}"),
    "npz items": recipe(CLASSIFY, "{source: {type: npz, path: data.npz}}"),
    "ts": recipe(CLASSIFY, "{source: {type: ts, path: data.ts}}"),
    "ts files": recipe(CLASSIFY, '{source: {type: ts, path: "{split}.ts"}}'),
    "ucr": recipe(CLASSIFY, "{source: {type: ucr, path: data.tsv}}"),
    "blocks": recipe(CLASSIFY, "{source: {type: blocks, path: data.txt}}"),
    "arff": recipe(CLASSIFY, "{source: {type: arff, path: data.arff}, label: c, window: 3}"),
    "wav": recipe(
        "{type: transcribe, tokens: words}",
        r"{source: {type: wav, path: sounds, text: '(?P<text>[a-z]+)', rate_hz: 1000}}",
        LISTENER,
    ),
    "wav list": recipe(
        "{type: transcribe, tokens: words}", "{source: {type: wav, path: list.csv, rate_hz: 1000}}", LISTENER
    ),
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
    "mat": recipe("{type: regress}", "{source: {type: mat, path: data.mat}, target: [y], features: [u]}"),
    "broad": recipe("{type: regress}", "{source: {type: broad, path: data.mat}, target: [up_x], features: [acc_x]}"),
}

ROWS = [f"2020-01-{day:02d},{day * day % 7 + day / 4},{day}" for day in range(1, 31)]
TS = "@classLabel true a b\n@data\n" + "1,2,3:a\n4,5,7:b\n" * 12
TEXTS = "good day\tgood\nbad day\tbad\n" * 20
SENTENCES = "The DET\ndog NOUN\n\nA DET\ncat NOUN\nsleeps VERB\n\n" * 12
TREE = "1\tDogs\tdog\tNOUN\t_\t_\t2\tnsubj\t_\t_\n2\tbark\tbark\tVERB\t_\t_\t0\troot\t_\t_\n\n"
ARFF = "@relation r\n@attribute v numeric\n@attribute c {p,q}\n@data\n" + "1,p\n2,p\n3,q\n4,q\n" * 20


def csv(rows: list[str], header: str = "t,y,z") -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def parquet(columns: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    pa.parquet.write_table(pa.table(columns), file)
    return file.getvalue()


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def mat(**arrays: Any) -> bytes:
    file = io.BytesIO()
    scipy.io.savemat(file, arrays)
    return file.getvalue()


def wav(samples: int = 400, rate: int = 1000, said: int | None = None) -> bytes:
    """16 bits a sample; `said`: how many samples the header promises."""
    data = np.random.default_rng(samples).integers(-9000, 9000, samples).astype("<i2").tobytes()
    size = 2 * (samples if said is None else said)
    header = (
        b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    )
    return header + b"data" + struct.pack("<I", size) + data


def changed(values: np.ndarray, at: int, value: float) -> np.ndarray:
    values = values.copy()
    values.reshape(-1)[at] = value
    return values


DAYS = np.array("2020-01-01", dtype="datetime64[us]") + np.arange(30) * np.timedelta64(1, "D")
Y = np.arange(30.0) * 7 % 5
U = np.sin(np.arange(400.0))
X = np.random.default_rng(0).normal(size=(24, 5, 2))
LABELS = np.arange(24) % 2
SOUNDS = {f"sounds/{word}_{i}.wav": wav(400 + i) for i in range(6) for word in ("yes", "no")}
NAMES = "path,text\n" + "".join(f"{name},{name[7:-6]}\n" for name in SOUNDS)


@dataclass(frozen=True)
class Bad:
    """files: path to content.  line: of the problem, None where a file or an item as a whole is meant."""

    kind: str
    files: dict[str, bytes | str]
    code: str
    line: int | None
    words: tuple[str, ...]


def bad(
    kind: str, name: str, content: bytes | str, code: str, line: int | None, *words: str, **more: bytes | str
) -> Bad:
    return Bad(kind, {name: content, **{f"{other}.txt": text for other, text in more.items()}}, code, line, words)


SPLIT_TEXTS = {"train": TEXTS, "valid": TEXTS}
PAIRS = ("".join(f"one {i}\n" for i in range(40)), "".join(f"eins {i}\n" for i in range(40)))


def latin(text: str) -> bytes:
    return text.encode("latin-1")


def sounds(content: bytes) -> dict[str, bytes | str]:
    return {**SOUNDS, "sounds/yes_0.wav": content}


def floats(value: float) -> bytes:
    """A WAV file of 32 bit floating point with one sample that is `value`."""
    data = changed(np.zeros(400, dtype="<f4"), 7, value).tobytes()
    form = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 3, 1, 1000, 4000, 4, 32)
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + form + b"data" + struct.pack("<I", len(data)) + data


TABLE: dict[str, Bad] = {
    # what the table of csv does not have
    "csv: a short series among others": bad(
        "csv groups",
        "data.csv",
        csv([*(row.rsplit(",", 1)[0] + ",a" for row in ROWS), "2020-01-01,1,b"]),
        "E311",
        None,
        "data.csv, z 'b', has 1 rows",
        "one window needs 8",
    ),
    "csv: a time twice in one series": bad(
        "csv groups",
        "data.csv",
        csv([*(row.rsplit(",", 1)[0] + ",a" for row in ROWS), "2020-01-30,1,a"]),
        "E310",
        32,
        "2020-01-30 appears twice, first on line 31",
        "repeated: first, last or mean",
    ),
    "csv: empty text": bad(
        "csv labels", "data.csv", "text,label\nfine,a\n ,b\n", "E309", 3, "'text': the cell is empty"
    ),
    "csv: empty label": bad("csv labels", "data.csv", "text,label\nfine,a\nbad,\n", "E309", 3, "'label': the cell is"),
    "parquet: damaged": bad(
        "parquet", "data.parquet", b"PAR1 no", "E300", None, "data.parquet cannot be read as Parquet"
    ),
    "parquet: no bytes": bad("parquet", "data.parquet", b"", "E302", None, "data.parquet is empty"),
    "parquet: infinite": bad(
        "parquet",
        "data.parquet",
        parquet({"t": DAYS, "y": changed(Y, 4, np.inf)}),
        "E309",
        None,
        "row 5, column 'y'",
        "inf",
    ),
    "parquet: missing": bad(
        "parquet",
        "data.parquet",
        parquet({"t": DAYS, "y": changed(Y, 4, np.nan)}),
        "E309",
        None,
        "data.missing: interp",
    ),
    "parquet: a time twice": bad(
        "parquet",
        "data.parquet",
        parquet({"t": DAYS[[*range(29), 28]], "y": Y}),
        "E310",
        None,
        "row 30",
        "appears twice",
    ),
    "parquet: too short": bad(
        "parquet", "data.parquet", parquet({"t": DAYS[:5], "y": Y[:5]}), "E311", None, "has 5 rows", "needs 8"
    ),
    "parquet: text": bad(
        "parquet",
        "data.parquet",
        parquet({"t": DAYS, "y": ["x"] * 30}),
        "E308",
        None,
        "row 1, column 'y': 'x' is not a",
    ),
    "parquet: lists": bad(
        "parquet",
        "data.parquet",
        parquet({"t": DAYS, "y": [[1.0]] * 30}),
        "E308",
        None,
        "holds list<",
        "a column of num",
    ),
    "npz: damaged": bad("npz", "data.npz", b"junk", "E300", None, "data.npz: it is not a NumPy archive"),
    "npz: infinite": bad(
        "npz", "data.npz", npz(y=changed(Y, 4, np.inf)), "E309", None, "row 5, column 'y': the value is inf"
    ),
    "npz: too short": bad("npz", "data.npz", npz(y=Y[:4]), "E311", None, "data.npz has 4 rows"),
    "npz: ragged": bad("npz", "data.npz", npz(y=Y, z=Y[:4]), "E314", None, "array 'z' has 4 rows, 'y' has 30"),
    "npz: infinite step": bad(
        "npz items",
        "data.npz",
        npz(x=changed(X, 13, np.inf), y=LABELS),
        "E309",
        None,
        "sequence 2, step 2, feature 'x1'",
    ),
    "npz: labels missing": bad("npz items", "data.npz", npz(x=X, y=LABELS[:3]), "E313", None, "'y' has shape (3,)"),
    "npz: empty label": bad("npz items", "data.npz", npz(x=X, y=np.array(["a", ""] * 12)), "E313", None, "sequence 2"),
    "npz: no steps": bad("npz items", "data.npz", npz(x=X, y=LABELS, lengths=LABELS), "E314", None, "lengths[0] is 0"),
    "npz: objects": bad("npz items", "data.npz", npz(x=X.astype(object), y=LABELS), "E314", None, "never loaded"),
    "ts: infinite": bad(
        "ts", "data.ts", TS.replace("2,3:a", "inf,3:a", 1), "E309", 3, "value 2 of 3 is inf", "write ?"
    ),
    "ts: ragged": bad(
        "ts", "data.ts", TS.replace("4,5,7:b", "4,5,7:1,1,1:b", 1), "E306", 4, "2 dimensions, expected 1"
    ),
    "ts: encoding": bad(
        "ts", "data.ts", latin(TS.replace("3:a", "\xe9:a", 1)), "E304", 3, "byte 0xe9", "encoding: latin-1"
    ),
    "ts: no bytes": bad("ts", "data.ts", "", "E302", None, "data.ts is empty"),
    "ts: label of test alone": Bad(
        "ts files",
        {"TRAIN.ts": TS.replace(" a b", ""), "TEST.ts": TS.replace(" a b", "").replace("7:b", "7:c", 1)},
        "E313",
        None,
        ("TEST.ts line 4: the label 'c' of test never occurs in train", "labels: a, b"),
    ),
    "ucr: text": bad("ucr", "data.tsv", "1\t2\t3\n2\t4\tx\n", "E308", 2, "value 2 of 2 is 'x', not a number"),
    "ucr: infinite": bad("ucr", "data.tsv", "1\t2\t3\n2\t4\t-inf\n", "E309", 2, "value 2 of 2 is -inf"),
    "ucr: encoding": bad("ucr", "data.tsv", latin("1\t2\t3\n\xe9\t4\t3\n"), "E304", 2, "byte 0xe9"),
    "ucr: no label": bad("ucr", "data.tsv", "1\t2\t3\n\t4\t3\n", "E313", 2, "it has no label"),
    "ucr: one label": bad("ucr", "data.tsv", "1\t2\t3\n1\t4\t3\n" * 9, "E315", None, "data.tsv", "two labels or more"),
    "blocks: ragged": bad("blocks", "data.txt", "a\n1 2\n3 4 5\n\nb\n5 6\n", "E306", 3, "3 numbers, expected 2"),
    "blocks: infinite": bad("blocks", "data.txt", "a\n1 2\n3 inf\n\nb\n5 6\n", "E309", 3, "value 2 of 2 is inf"),
    "blocks: encoding": bad("blocks", "data.txt", b"a\n1 2\n\xe9\n5 6\n", "E304", 3, "byte 0xe9"),
    "blocks: no rows": bad("blocks", "data.txt", "a\n\nb\n5 6\n", "E306", 1, "the label 'a' has no rows"),
    "blocks: no bytes": bad("blocks", "data.txt", "", "E302", None, "data.txt is empty"),
    "arff: ragged": bad("arff", "data.arff", ARFF.replace("3,q", "3", 1), "E306", 7, "1 cells, the header declares 2"),
    "arff: label": bad(
        "arff", "data.arff", ARFF.replace("3,q", "3,z", 1), "E313", 7, "column 'c' is 'z'", "declares p, q"
    ),
    "arff: infinite": bad("arff", "data.arff", ARFF.replace("3,q", "inf,q", 1), "E309", 7, "'v': the value is inf"),
    "arff: text": bad("arff", "data.arff", ARFF.replace("3,q", "x,q", 1), "E308", 7, "'v': 'x' is not a number"),
    "arff: encoding": bad("arff", "data.arff", latin(ARFF.replace("3,q", "3,\xe9", 1)), "E304", 7, "byte 0xe9"),
    "arff: shorter than a window": bad(
        "arff",
        "data.arff",
        ARFF[: ARFF.index("@data") + 6] + "1,p\n2,p\n3,q\n4,q\n",
        "E311",
        None,
        "fewer than a window of 3",
    ),
    # sounds
    "wav: no sound": Bad("wav", sounds(b"RIFFjunk"), "E300", None, ("sounds/yes_0.wav is no whole WAV", "16 bits")),
    "wav: no bytes": Bad("wav", sounds(b""), "E300", None, ("sounds/yes_0.wav", "it ends early")),
    "wav: cut off": Bad("wav", sounds(wav()[:300]), "E300", None, ("ends early: 128 of 400 samples",)),
    "wav: no samples": Bad("wav", sounds(wav(0)), "E302", None, ("sounds/yes_0.wav holds no samples", "remove it")),
    "wav: another rate": Bad("wav", sounds(wav(rate=8000)), "E314", None, ("8000 samples a second", "rate_hz: 8000")),
    "wav: rate of nothing": Bad("wav", sounds(wav(rate=0)), "E300", None, ("has 0 samples a second", "16 bits")),
    "wav: not finite": Bad("wav", sounds(floats(np.nan)), "E309", None, ("yes_0.wav: sample 8 of 400 is nan",)),
    "wav: a name without a text": Bad(
        "wav", {**SOUNDS, "sounds/7.WAV": wav()}, "E313", None, ("finds nothing", "'7.WAV'")
    ),
    "wav: no recordings": Bad("wav", {"sounds/readme": "x"}, "E302", None, ("sounds holds no sound files", ".flac")),
    "wav: empty text": Bad(
        "wav list", {**SOUNDS, "list.csv": NAMES.replace(",no", ",", 1)}, "E313", 3, ("'text': it is empty",)
    ),
    "wav: listed and not there": Bad(
        "wav list",
        {**SOUNDS, "list.csv": NAMES + "none.wav,yes\n"},
        "E301",
        14,
        ("there is no file 'none.wav'", "look in"),
    ),
    "wav: listed twice": Bad(
        "wav list",
        {**SOUNDS, "list.csv": NAMES + "sounds/yes_0.wav,no\n"},
        "E313",
        14,
        ("listed twice, first on line 2",),
    ),
    "wav: ragged list": Bad("wav list", {**SOUNDS, "list.csv": NAMES + "a.wav\n"}, "E306", 14, ("has 1 cells",)),
    # texts
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
    # arrays of MATLAB
    "mat: damaged": bad("mat", "data.mat", b"junk", "E300", None, "data.mat cannot be read as a MATLAB file", ".npz"),
    "mat: cut off": bad(
        "mat", "data.mat", mat(u=U, y=U)[:300], "E300", None, "data.mat cannot be read as a MATLAB file"
    ),
    "mat: infinite": bad(
        "mat", "data.mat", mat(u=U[:, None], y=changed(U, 5, np.inf)[:, None]), "E309", None, "row 6, column 'y'", "inf"
    ),
    "mat: a column is missing": bad("mat", "data.mat", mat(u=U[:, None]), "E307", None, "data.mat has no column 'y'"),
    "mat: too short": bad(
        "mat", "data.mat", mat(u=U[:3, None], y=U[:3, None]), "E311", None, "data.mat has 0 steps for"
    ),
    "broad: damaged": bad("broad", "data.mat", b"junk", "E300", None, "data.mat cannot be read as a MATLAB file"),
    "broad: another file": bad("broad", "data.mat", mat(u=U), "E314", None, "no array 'imu_gyr'", "source: mat"),
}


@pytest.mark.parametrize("case", TABLE)
def test_bad_data_is_one_clear_error(case, tmp_path, capsys):
    table = TABLE[case]
    for name, content in table.files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (tmp_path / "recipe.yaml").write_text(KINDS[table.kind])
    assert main(["data", str(tmp_path / "recipe.yaml"), "--json"]) == 2
    shown = capsys.readouterr()
    first = json.loads(shown.out)["problems"][0]
    assert (first["code"], first["line"]) == (table.code, table.line)
    assert first["fix"]
    said = f"{first['message']} {first['fix']}"
    assert all(word in said for word in table.words), said
    if table.line is not None:
        assert Path(first["file"]).name in table.files
    assert "Traceback" not in shown.out + shown.err


def test_the_table_has_every_source_that_reads_files():
    reads = {
        spec.name for spec in seqhub_register_sources() if {"path", "source"} & set(spec.config.__dataclass_fields__)
    }
    assert reads <= {case.split(":")[0] for case in TABLE}

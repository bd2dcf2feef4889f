"""Bad labelled series, and bad recordings."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from tests.data.bad import CLASSIFY, Bad, bad, changed, check_one_clear_error, latin, recipe

LISTENER = (
    "model: {width: 1, embed: false, blocks: [{type: log-mel, rate_hz: 1000, mels: 8}, {type: gru, hidden: 4}]}\n"
)
KINDS = {
    "ts": recipe(CLASSIFY, "{source: {type: ts, path: data.ts}}"),
    "ts files": recipe(CLASSIFY, '{source: {type: ts, path: "{split}.ts"}}'),
    "ucr": recipe(CLASSIFY, "{source: {type: ucr, path: data.tsv}}"),
    "blocks": recipe(CLASSIFY, "{source: {type: blocks, path: data.txt}}"),
    "wav": recipe(
        "{type: transcribe, tokens: words}",
        r"{source: {type: wav, path: sounds, text: '(?P<text>[a-z]+)', rate_hz: 1000}}",
        LISTENER,
    ),
    "wav list": recipe(
        "{type: transcribe, tokens: words}", "{source: {type: wav, path: list.csv, rate_hz: 1000}}", LISTENER
    ),
}

TS = "@classLabel true a b\n@data\n" + "1,2,3:a\n4,5,7:b\n" * 12


def wav(samples: int = 400, rate: int = 1000, said: int | None = None) -> bytes:
    """16 bits a sample; `said`: how many samples the header promises."""
    data = np.random.default_rng(samples).integers(-9000, 9000, samples).astype("<i2").tobytes()
    size = 2 * (samples if said is None else said)
    header = (
        b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    )
    return header + b"data" + struct.pack("<I", size) + data


SOUNDS = {f"sounds/{word}_{i}.wav": wav(400 + i) for i in range(6) for word in ("yes", "no")}
NAMES = "path,text\n" + "".join(f"{name},{name[7:-6]}\n" for name in SOUNDS)


def sounds(content: bytes) -> dict[str, bytes | str]:
    return {**SOUNDS, "sounds/yes_0.wav": content}


def floats(value: float) -> bytes:
    """A WAV file of 32 bit floating point with one sample that is `value`."""
    data = changed(np.zeros(400, dtype="<f4"), 7, value).tobytes()
    form = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 3, 1, 1000, 4000, 4, 32)
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + form + b"data" + struct.pack("<I", len(data)) + data


TABLE: dict[str, Bad] = {
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
}


@pytest.mark.parametrize("case", TABLE)
def test_a_bad_series_is_one_clear_error(case, tmp_path, capsys):
    check_one_clear_error(TABLE[case], KINDS, tmp_path, capsys)

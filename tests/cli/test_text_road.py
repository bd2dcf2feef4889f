"""The recipes over text, end to end on files made here: train, export, verify, and answer raw text without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seqhub.data.appointments import AppointmentsSource
from seqhub.data.configs import BuiltinConfig
from tests.cli.commands import run

ROOT = Path(__file__).parents[2]
FIRST = ("language-model/pydoc-char-gru", "tag/snips-slots", "classify/snips-intent-text")
OTHERS = (
    *("language-model/tinyshakespeare-4min", "language-model/tinyshakespeare-long"),
    *("tag/appointments-bigru", "tag/afrikaans-upos", "classify/sentiment-text"),
)
SENTENCE = "Ada pays Wu 30 euros on 3 May ."


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as the recipes expect it, with sentences of the built-in grammar."""
    root = tmp_path_factory.mktemp("data")
    found = AppointmentsSource(BuiltinConfig(), Path()).read()
    sentences = list(zip(found.words, found.tags, strict=True))
    parts = {"train": sentences[:150], "valid": sentences[150:180], "test": sentences[180:210]}
    for split, part in parts.items():
        folder = root / "snips" / split
        folder.mkdir(parents=True)
        (folder / "seq.in").write_text("".join(" ".join(words) + "\n" for words, _ in part))
        (folder / "seq.out").write_text("".join(" ".join(tags) + "\n" for _, tags in part))
        labels = ("pay" if "B-amount" in tags else "meet" for _, tags in part)
        (folder / "label").write_text("".join(f"{label}\n" for label in labels))
        name = {"valid": "dev"}.get(split, split)
        (root / "ud_afrikaans").mkdir(exist_ok=True)
        lines = (
            "".join(
                f"{i}\t{word}\t_\t{tag}\t_\t_\t_\t_\t_\t_\n" for i, (word, tag) in enumerate(zip(*pair, strict=True), 1)
            )
            for pair in part
        )
        (root / "ud_afrikaans" / f"af_afribooms-ud-{name}.conllu").write_text("\n".join(lines))
    (root / "sentiment_uci").mkdir()
    rated = (f"{' '.join(words)}\t{int('B-amount' in tags)}\n" for words, tags in sentences[:200])
    (root / "sentiment_uci" / "made_labelled.txt").write_text("".join(rated))
    (root / "tinyshakespeare").mkdir()
    (root / "tinyshakespeare" / "input.txt").write_text("\n".join(" ".join(words) for words, _ in sentences[:300]))
    return root


ANSWER = """
import json, sys
import seqhub.runtime
model = seqhub.runtime.load("run/bundle")
answer = model.predict({text!r})
several = model.predict([{text!r}, {text!r} + " And more"])
assert several[0].as_dict() == answer.as_dict()
assert "torch" not in sys.modules
print(json.dumps(answer.as_dict()))
"""


@pytest.mark.parametrize(
    "recipe",
    [pytest.param(r, marks=pytest.mark.heavy) for r in FIRST]
    + [pytest.param(r, marks=pytest.mark.slow) for r in OTHERS],
)
def test_a_recipe_runs_and_its_bundle_answers_raw_text(recipe, data, tmp_path):
    seqhub = (sys.executable, "-m", "seqhub")
    path = ROOT / "recipes" / f"{recipe}.yaml"
    shown = run(tmp_path, data, *seqhub, "run", str(path), "--smoke", "--out", "run")
    assert "predicted" in shown
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["metrics"] == pytest.approx(summary["metrics_torch"], rel=1e-3)
    records = [json.loads(line) for line in (tmp_path / "run" / "predictions" / "test.jsonl").read_text().splitlines()]
    assert records
    answer = json.loads(run(tmp_path, data, sys.executable, "-c", ANSWER.format(text=SENTENCE)))
    (tmp_path / "a.txt").write_text(f"{SENTENCE}\n\n{SENTENCE}\n")
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": SENTENCE}) + "\n" + json.dumps(SENTENCE) + "\n")
    bundle = "run/bundle"
    told = [
        json.loads(run(tmp_path, data, *seqhub, "predict", bundle, f"a.{kind}", "--json")) for kind in ("txt", "jsonl")
    ]
    kind = recipe.partition("/")[0]
    if kind == "language-model":
        assert len(told[0]["answers"]) == 1  # a file is one text
        assert sum(one["probability"] for one in answer["next"]) <= 1 + 1e-6
        written = ["generate", bundle, "--prompt", "The ", "--tokens", "12", "--seed", "5"]
        once, again = (run(tmp_path, data, *seqhub, *written) for _ in range(2))
        assert once == again
        assert once.startswith("The ")
        assert len(once) == len("The ") + 12 + 1
        return
    for found in told:
        assert [one["item"] for one in found["answers"]] == (
            ["line 1", "line 3"] if found is told[0] else ["line 1", "line 2"]
        )
        for one in found["answers"]:
            assert {key: value for key, value in one.items() if key != "item"} == answer
    if kind == "tag":
        assert answer["words"] == SENTENCE.split()
        assert len(answer["tags"]) == len(answer["words"])
    else:
        assert sum(answer["probabilities"].values()) == pytest.approx(1)
    broken = tmp_path / "b.jsonl"
    broken.write_text('"fine"\n{"other": 1}\n')
    done = subprocess.run(
        [*seqhub, "predict", bundle, "b.jsonl"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "b.jsonl:2:1: error[E713]: there is no text" in done.stderr

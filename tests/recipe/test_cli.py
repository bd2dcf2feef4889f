"""`check` and `explain` as commands: what they import, what they print, what they count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from seqhub.assembly.build import build_model
from seqhub.assembly.plan import check_recipe
from seqhub.cli import main
from seqhub.cli.explain import task_ends
from seqhub.nn.seq2seq import EncoderDecoder
from seqhub.plugins import Registry
from seqhub.recipe.catalogue import shipped_recipes
from seqhub.recipe.resolve import resolved

GOOD = Path(__file__).parent / "good.yaml"
FILLED = ["--set", "data.missing=interpolate"]


def test_check_loads_neither_torch_nor_numpy_nor_data() -> None:
    code = (
        "import sys; from seqhub.cli import main; status = main(['check', sys.argv[1]]);"
        "heavy = {'torch', 'numpy', 'pandas', 'statsmodels', 'onnx', 'onnxruntime', 'lightning'} & set(sys.modules);"
        "sys.exit(f'{status} {heavy}' if status or heavy else 0)"
    )
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, str(GOOD)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{GOOD}: ok: forecast, 5 blocks, streams\n"
    assert time.monotonic() - begin < 10  # a sanity bound for a busy machine; the budget is in benchmarks/


def test_check_as_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["check", str(GOOD), "--json", "--set", 'expect={skill: "< 1"}']) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["ok"], found["name"], [w["code"] for w in found["warnings"]]) == (True, "base", ["W102"])
    assert "warning[W102]" in err
    assert main(["check", str(GOOD), "--json", "--set", "train.epoch=1"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert [(p["code"], p["file"], p["line"]) for p in found["problems"]] == [("E102", "--set train.epoch=1", 0)]


def explained(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["explain", *words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_explain_counts_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    """One input column, width 16. conv 16*16*5 + 16; GRU 3*16*(16+16) weights, 6*16 biases; attention 4*16*16;
    layer norm 2*16; depthwise 16*4 + 16; head 16*4 + 4."""
    found = explained(capsys, str(GOOD), *FILLED)
    rows = {row["name"]: row for row in found["blocks"]}
    gru = 3 * 16 * 32 + 6 * 16
    assert {name: row["parameters"] for name, row in rows.items()} == {
        "input": 0,
        "embed": 32,
        "block0": 16 * 16 * 5 + 16,
        "block1": gru,
        "block2": 4 * 16 * 16,
        "block3": 32,
        "block3.0": gru,
        "block4": 0,
        "block4.b0.0": gru,
        "block4.b1.0": 16 * 4 + 16,
        "head": 16 * 4 + 4,
    }
    assert {name: row["state"] for name, row in rows.items() if row["state"]} == {
        "block0": 4 * 16,
        "block1": 16,
        "block2": 2 * 7 * 16 + 1,  # keys, values and a count
        "block3.0": 16,
        "block4.b0.0": 16,
        "block4.b1.0": 3 * 16,
    }
    assert (rows["block2"]["past"], rows["block2"]["future"], rows["block1"]["past"]) == (7, 0, None)
    assert (found["latency_steps"], found["streamable"], found["ratio"]) == (0, True, "1")


def test_explain_says_how_many_steps_a_block_needs_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    found = explained(capsys, str(GOOD), *FILLED, "--set", "model.blocks.0.stride=4")
    rows = {row["name"]: (row["ratio"], row["block"]) for row in found["blocks"]}
    assert rows["block0"] == ("1/4", 4)
    assert rows["block4.b1.0"] == ("1", 1)


@pytest.mark.parametrize(
    "words", [[str(GOOD), *FILLED], *([str(r.path)] for r in shipped_recipes())], ids=lambda w: Path(w[0]).stem
)
def test_explain_is_what_is_built(words: list[str], registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    header = Path(words[0]).read_text(encoding="utf-8").split("\nrecipe: 1")[0]
    if "SEQHUB_DATA" in header and "SEQHUB_DATA" not in os.environ:
        pytest.skip("SEQHUB_DATA names no folder of data")
    found = explained(capsys, *words)
    recipe, plan = check_recipe(words[0], registry, words[2:])
    model = build_model(plan, task_ends(recipe))
    assert found["parameters"] == sum(p.numel() for p in model.parameters() if p.requires_grad)
    # what an encoder carries stays inside its one run
    parts = [model.encoder.stack, model.decoder] if isinstance(model, EncoderDecoder) else [model]
    assert found["state"] == sum(slot.numel for part in parts for slot in part.state.values())
    assert found["streamable"] == model.geometry.streamable
    top = {node.name for node in plan.nodes}
    widths = [row["width"] for row in found["blocks"] if row["depth"] == 0 and row["name"] in top]
    assert widths == [node.geometry.width for node in plan.nodes]
    assert found["resolved"] == resolved(recipe)


def test_explain_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["explain", str(GOOD), *FILLED, "--set", "train.clip=null"]
    assert main(words) == 0
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines()]
    assert ["train.clip", "null", "--set", "train.clip=null"] in rows
    assert ["model.blocks.0.kernel", "5", "line", "14"] in rows
    assert "receptive field  the whole past" in out
    assert "streams          yes" in out


def test_explain_names_the_obstacle(capsys: pytest.CaptureFixture[str]) -> None:
    sets = ["model.causal=false", "export.graphs=[full]", "model.blocks.1.direction=reverse"]
    words = [word for text in sets for word in ("--set", text)]
    assert main(["explain", str(GOOD), *FILLED, *words]) == 0
    out = capsys.readouterr().out
    assert "streams          no, direction: reverse reads the sequence from its end: set direction: forward" in out
    assert "receptive field  the whole sequence" in out


def test_explain_needs_the_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(GOOD), "--set", "data.source={type: csv, path: no-such.csv}"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "error[E3" in err
    assert "no-such.csv" in err

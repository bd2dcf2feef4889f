"""The benches from the command line: both end to end on a tiny budget, resumed, and refused with one clear error."""

from __future__ import annotations

import json

import pytest

from seqhub.assembly.cost import count_parameters
from seqhub.bench import trial
from seqhub.bench.hybrid import CONTESTANTS, HybridOptions, hybrid_cases, hybrid_document, hybrid_markdown, verdict
from seqhub.bench.memory import CELLS, MemoryOptions, memory_cases
from seqhub.bench.models import build_entry
from seqhub.bench.trial import Outcome
from seqhub.cli import main
from seqhub.plugins import load_registry

REGISTRY = load_registry()
FEW = ("--cells", "lstm,attention", "--tasks", "parity,adding")


@pytest.mark.heavy
def test_memory_runs_every_cell_on_every_puzzle(tmp_path, capsys):
    assert main(["bench", "memory", "--smoke", "--out", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    document = json.loads((tmp_path / "memory.json").read_text())
    assert set(document["cells"]) == set(CELLS)
    assert all(len(cell["tasks"]) == 5 for cell in document["cells"].values())
    assert "[80/80] selective-copy attention seed 7: accuracy" in err
    assert (tmp_path / "memory.md").read_text() in out
    assert (tmp_path / "memory.png").read_bytes().startswith(b"\x89PNG")
    assert len(list((tmp_path / "cases").iterdir())) == 80
    assert document["tasks"]["adding"]["naive"] == {"24": pytest.approx(1 / 6)}
    assert document["tasks"]["parity"]["lengths"] == [24, 48, 96]


def test_hybrid_runs_all_contestants(tmp_path, capsys):
    names = ",".join(CONTESTANTS)
    assert main(["bench", "hybrid", "--smoke", "--contestants", names, "--out", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)  # nothing but the document on stdout
    assert document == json.loads((tmp_path / "hybrid.json").read_text())
    assert list(document["contestants"]) == list(CONTESTANTS)
    assert set(document["tasks"]) == {"parity", "mqar"}
    assert (tmp_path / "hybrid.png").read_bytes().startswith(b"\x89PNG")
    assert document["machine"]["threads"] == 1


def test_what_is_done_is_not_done_again_unless_fresh(tmp_path, capsys, monkeypatch):
    words = ["bench", "memory", "--smoke", *FEW, "--out", str(tmp_path)]
    assert main(words) == 0
    first = (tmp_path / "memory.json").read_bytes()
    real, calls = trial.run_trial, []
    monkeypatch.setattr(trial, "run_trial", lambda *given, **named: calls.append(named) or real(*given, **named))
    capsys.readouterr()
    assert main(words) == 0
    assert (tmp_path / "memory.json").read_bytes() == first
    assert capsys.readouterr().err.count("done before") == 4
    assert not calls
    assert main([*words, "--seed", "8"]) == 0  # other settings are other cases
    assert len(calls) == 4
    assert main([*words, "--fresh"]) == 0
    assert len(calls) == 8


def test_an_interrupted_bench_keeps_what_it_finished(tmp_path, capsys, monkeypatch):
    real, calls = trial.run_trial, []

    def interrupted(*given, **named):
        calls.append(named)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*given, **named)

    monkeypatch.setattr(trial, "run_trial", interrupted)
    words = ["bench", "memory", "--smoke", *FEW, "--out", str(tmp_path)]
    assert main(words) == 130
    assert len(list((tmp_path / "cases").iterdir())) == 2
    assert not (tmp_path / "memory.json").exists()
    assert main(words) == 0
    assert len(calls) == 5


def test_a_damaged_case_is_trained_again(tmp_path, capsys):
    words = ["bench", "memory", "--smoke", *FEW, "--out", str(tmp_path)]
    assert main(words) == 0
    victim, *_ = (tmp_path / "cases").iterdir()
    victim.write_text('{"settings": ')
    assert main(words) == 0
    assert json.loads(victim.read_text())["outcomes"]


@pytest.mark.parametrize(
    ("words", "message", "fix"),
    [
        (["memory", "--tasks", "copying"], "there is no task 'copying'", "did you mean 'copy'?"),
        (["memory", "--tasks", "sudoku"], "there is no task 'sudoku'", "one of: adding, copy"),
        (["memory", "--cells", "lstn"], "there is no cell 'lstn'", "did you mean 'lstm'?"),
        (["memory", "--cells", "lstm,lstm"], "expected different names", ""),
        (["memory", "--cells", "conv-lstm"], "'conv-lstm' needs options that the bench does not know", ""),
        (["memory", "--cells", "bahdanau"], "", "bench a cell that needs no option but hidden"),
        (["memory", "--length", "23"], "mqar with 8 pairs needs 24 steps, and --length is 23", "or fewer --pairs"),
        (["memory", "--length", "18", "--pairs", "4"], "copy needs 21 steps", "or leave copy out of --tasks"),
        (["memory", "--rates", "0.1,fast"], "expected learning rates", ""),
        (["memory", "--rates", "-1"], "learning rates are above 0", ""),
        (["memory", "--rates", "0"], "learning rates are above 0", ""),
        (["memory", "--rates", "nan"], "learning rates are above 0", ""),
        (["memory", "--steps", "0"], "expected a whole number, 1 or more, got '0'", ""),
        (["memory", "--width", "7", "--cells", "attention"], "attention at width 7", "an even width per head"),
        (["memory", "--wdth", "6"], "unknown argument '--wdth'", "did you mean '--width'?"),
        (["hybrid", "--contestants", "hybird"], "there is no contestant 'hybird'", "did you mean 'hybrid'?"),
        (["hybrid", "--length", "20"], "16 pairs need 48 steps, and --length is 20", "fewer --pairs"),
        (["hybrid", "--seeds", "1,1"], "expected each once", ""),
        (["hybrid", "--seeds", "one"], "expected seeds such as 7,8,9", ""),
        (["memry"], "invalid choice: 'memry'", ""),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(words, message, fix, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["bench", *words]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert fix in err
    assert err.count("error[") == 1
    assert out == ""
    assert not list(tmp_path.iterdir())


def test_results_do_not_go_into_a_file(tmp_path, capsys):
    taken = tmp_path / "taken"
    taken.write_text("mine")
    assert main(["bench", "hybrid", "--smoke", "--out", str(taken)]) == 2
    assert f"--out {taken} is a file" in capsys.readouterr().err
    assert taken.read_text() == "mine"


@pytest.mark.parametrize("task", ["parity", "mqar"])
def test_the_contestants_are_of_one_size(task):
    cases = hybrid_cases(HybridOptions(contestants=tuple(CONTESTANTS)), REGISTRY)
    sizes = {c.entry.name: count_parameters(build_entry(c.entry, c.puzzle, REGISTRY)) for c in cases if c.seed == 7}
    three = [sizes[name] for name in ("rnn", "attention", "hybrid")]
    assert max(three) / min(three) < 1.01
    assert max(sizes.values()) / min(sizes.values()) < 1.05


def test_any_installed_cell_can_take_part():
    cases = memory_cases(MemoryOptions(cells=("rwkv7", "seqhub-cells/gru"), tasks=("copy",)), REGISTRY)
    assert [case.entry.mixers[0].type for case in cases] == ["rwkv7", "seqhub-cells/gru"]
    assert [case.lengths for case in cases] == [(32, 64, 128)] * 2


def fake(score: float, longer: bool) -> Outcome:
    lengths = (32, 64, 128) if longer else (64,)
    scores = {length: score - 0.1 * index for index, length in enumerate(lengths)}
    return Outcome(3e-3, score, scores, ((10, 0.5), (20, score)), 0.1, 20, 2.0, 1000, False)


def test_the_hybrid_table_counts_the_worst_seed():
    options = HybridOptions(rates=(3e-3,), seeds=(7, 8))
    cases = hybrid_cases(options, REGISTRY)
    scores = {"rnn": {"parity": 1.0, "mqar": 0.1}, "attention": {"parity": 0.5, "mqar": 1.0}}
    results = []
    for case in cases:
        score = scores.get(case.entry.name, {}).get(case.puzzle.name, 0.995 if case.seed == 7 else 0.99)
        results.append([fake(score, case.puzzle.longer)])
    document = hybrid_document(options, cases, results, {})
    assert [c["solves_both"] for c in document["contestants"].values()] == [False, False, True]
    assert verdict(document).startswith("hybrid alone solves both (at least 99% with each of 2 seeds)")
    rows = hybrid_markdown(document).splitlines()
    assert rows[2] == "| rnn | 1,000 / 1,000 | **100** | 90.0 | 80.0 | 10.0 | no | 8 s |"
    assert rows[4] == "| hybrid | 1,000 / 1,000 | **99.0** | 89.0 | 79.0 | **99.0** | yes | 8 s |"
    results[-1] = [fake(0.98, longer=False)]
    assert verdict(hybrid_document(options, cases, results, {})).startswith("no contestant solves both")

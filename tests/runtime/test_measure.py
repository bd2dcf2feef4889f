"""`seqhub bench runtime`: what it measures, what it chooses, and that it needs no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seqhub.cli import main
from seqhub.runtime import load
from seqhub.runtime.measure import Case, Timing, cases_of, choose, measure, thread_settings
from tests.runtime.conftest import WriteBundle


def test_thread_settings_are_powers_of_two_and_all_cores() -> None:
    assert [thread_settings(n) for n in (1, 2, 6, 16)] == [(1,), (1, 2), (1, 2, 4, 6), (1, 2, 4, 8, 16)]


def test_chunks_are_whole_blocks_and_each_once(write_bundle: WriteBundle) -> None:
    model = load(write_bundle(block=3))
    found = cases_of(model, (1, 2), (1, 2, 7), 10)
    assert found == [
        *(Case("full", rows, 12) for rows in (1, 2)),
        *(Case("stream", rows, 3) for rows in (1, 2)),
        *(Case("stream", rows, 9) for rows in (1, 2)),
    ]


def timing(threads: int, median: float, rows: int = 1) -> Timing:
    return Timing("stream", rows, 1, threads, 9, median, median, 1 / median)


def test_more_threads_must_be_worth_it() -> None:
    one_row = [timing(2, 96), timing(1, 100), timing(4, 97)]
    choices = choose([*one_row, timing(1, 100, 64), timing(2, 60, 64), timing(4, 58, 64)])
    found = [(choice.case.rows, choice.threads, round(choice.gain, 2)) for choice in choices]
    assert found == [(1, 1, 1), (64, 2, 1.67)]


@pytest.mark.parametrize("ahead", [False, True])
def test_every_case_is_measured_with_every_setting(write_bundle: WriteBundle, ahead: bool) -> None:
    folder = write_bundle(ahead=ahead)
    found = measure(folder, batches=(1, 3), chunks=(2,), steps=4, threads=(1, 2), seconds=0.005)
    expected = [(g, r, s, n) for g, s in (("full", 4), ("stream", 2)) for r in (1, 3) for n in (1, 2)]
    assert [(t.graph, t.rows, t.steps, t.threads) for t in found] == expected
    for t in found:
        assert t.runs >= 5
        assert 0 < t.median_us <= t.p99_us
        assert t.per_second == pytest.approx(t.rows * t.steps / t.median_us * 1e6)


SHORT = ["--batches", "1,2", "--chunks", "1", "--steps", "3", "--threads", "1", "--seconds", "0.005"]


def test_the_verb_prints_a_table_and_what_to_load_with(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "runtime", str(bundle), *SHORT]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["graph", "rows", "steps", "threads", "median", "us", "99", "%", "us", "steps/s"]
    assert [line.split()[:4] for line in lines[2:6]] == [
        ["full", "1", "3", "1"],
        ["full", "2", "3", "1"],
        ["stream", "1", "1", "1"],
        ["stream", "2", "1", "1"],
    ]
    assert lines[-1] == f'seqhub.runtime.load("{bundle}", threads=1)  # stream, 2 x 1 steps'


def test_json_is_one_document(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "runtime", str(bundle), *SHORT, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["machine"]["cores"] >= 1
    assert len(found["timings"]) == 4
    assert found["threads"][0] == {"case": {"graph": "full", "rows": 1, "steps": 3}, "threads": 1, "gain": 1.0}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothing"], "there is no bundle folder 'nothing'"),
        (["nothing", "--batches", "0"], "expected a whole number, 1 or more"),
        (["nothing", "--threads", "1,x"], "expected a whole number, 1 or more"),
        (["nothing", "--seconds", "0"], "expected seconds above 0"),
        (["nothing", "--steps", "-1"], "expected a whole number"),
    ],
)
def test_what_makes_no_sense_exits_2(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "runtime", *words]) == 2
    assert told in capsys.readouterr().err


def test_threads_are_counted_from_one(bundle: Path) -> None:
    with pytest.raises(Exception, match="threads is 0, expected 1 or more"):
        load(bundle, threads=0)


def test_it_needs_no_torch(bundle: Path) -> None:
    program = (
        "import sys; from seqhub.cli import main; code = main(sys.argv[1:]);"
        "heavy = {'torch', 'onnx', 'pandas'} & set(sys.modules); print(sorted(heavy), file=sys.stderr); sys.exit(code)"
    )
    command = [sys.executable, "-c", program, "bench", "runtime", str(bundle), *SHORT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"

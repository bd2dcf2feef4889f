"""`seqhub predict` and `seqhub verify` on a bundle of running sums, without torch."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from seqhub.cli import main, verify
from tests.runtime.conftest import WriteBundle

FORECAST = {"type": "forecast", "lookback": 2, "horizon": 1, "targets": ["a", "b"], "time": "day"}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text("day,a,b\n1,1,2\n2,3,4\n3,5,6\n")
    return path


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "in.npz"
    np.savez(path, x=np.ones((2, 3, 2)), lengths=np.array([3, 1]))
    return path


def lines(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_predict_prints_csv(bundle: Path, table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table.write_text(table.read_text().replace("1,1,2", "1,1.1,2"))
    assert main(["predict", str(bundle), str(table)]) == 0
    assert lines(capsys.readouterr().out) == [["a", "b"], ["9.1", "12.0"]]  # 9.1000004 in float32


def test_predict_names_items_where_there_are_several(
    bundle: Path, archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(bundle), str(archive)]) == 0
    assert lines(capsys.readouterr().out) == [["item", "a", "b"], ["x[0]", "3.0", "3.0"], ["x[1]", "1.0", "1.0"]]


def test_predict_all_answers_after_every_row_from_the_lookback_on(
    write_bundle: WriteBundle, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(write_bundle({**FORECAST})), str(table), "--all"]) == 0
    expected = [["row", "step", "a", "b"], ["2", "1", "4.0", "6.0"], ["3", "1", "8.0", "10.0"]]
    assert lines(capsys.readouterr().out) == expected


@pytest.mark.parametrize("chunk", ["1", "2", "9"])
def test_predict_stream_answers_after_every_row(
    bundle: Path, table: Path, chunk: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(bundle), str(table), "--stream", "--chunk", chunk]) == 0
    expected = [["row", "a", "b"], ["1", "1.0", "2.0"], ["2", "4.0", "6.0"], ["3", "9.0", "12.0"]]
    assert lines(capsys.readouterr().out) == expected


def test_streams_of_blocks_number_the_rows_they_end_with(
    write_bundle: WriteBundle, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(write_bundle(block=2)), str(table), "--stream"]) == 0
    assert lines(capsys.readouterr().out) == [["row", "a", "b"], ["2", "4.0", "6.0"]]


def test_predict_writes_json_lines_and_csv(bundle: Path, archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "new folder" / "answers.jsonl"
    assert main(["predict", str(bundle), str(archive), "--out", str(out)]) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert rows[1] == {"item": "x[1]", "names": ["a", "b"], "shape": [2], "values": [1.0, 1.0]}
    assert main(["predict", str(bundle), str(archive), "--out", str(out.with_suffix(".csv"))]) == 0
    assert len(lines(out.with_suffix(".csv").read_text())) == 3
    assert sorted(path.name for path in out.parent.iterdir()) == ["answers.csv", "answers.jsonl"]


def test_predict_json_is_one_document(
    write_bundle: WriteBundle, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_bundle({"type": "classify", "labels": ["a", "b"]})
    assert main(["predict", str(folder), str(table), "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)["answers"]
    assert answer["label"] == "b"
    assert sum(answer["probabilities"].values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--stream", "--all"], "--stream and --all exclude each other"),
        (["--chunk", "0", "--stream"], "--chunk is 0"),
        (["--out", "answers.txt"], "expected .csv or .jsonl"),
    ],
)
def test_options_that_make_no_sense_exit_2(
    bundle: Path, table: Path, more: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(bundle), str(table), *more]) == 2
    assert words in capsys.readouterr().err


def test_a_bad_cell_is_reported_with_its_line_and_exit_2(
    bundle: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table.write_text("a,b\n1,2\n3,x\n")
    assert main(["predict", str(bundle), str(table)]) == 2
    error = capsys.readouterr().err
    assert f"{table}:3:1: error[E713]: column 'b' holds 'x', which is not a number" in error
    assert "Traceback" not in error


def test_verify_without_torch_checks_what_it_can(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify, "find_spec", lambda name: None)
    assert main(["verify", str(bundle), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is True
    assert {check["name"]: check["ok"] for check in found["checks"]}["onnx checker"] is None


def test_verify_of_a_damaged_bundle_exits_2(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bundle / "full.onnx").write_bytes(b"")
    assert main(["verify", str(bundle)]) == 2
    assert "full.onnx' has 0 bytes" in capsys.readouterr().err


def test_predict_imports_neither_torch_nor_plugins(bundle: Path, table: Path) -> None:
    program = (
        "import sys; from seqhub.cli import main; code = main(sys.argv[1:]);"
        "heavy = {'torch', 'pluggy', 'yaml', 'pydantic'} & set(sys.modules); print(sorted(heavy), file=sys.stderr);"
        "sys.exit(code)"
    )
    command = [sys.executable, "-c", program, "predict", str(bundle), str(table)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"

"""The closing table."""

from __future__ import annotations

import io

import pytest

from seqhub.report.table import Promise, print_scores, score_rows

COLUMNS = {"model": {"mae": 0.51234, "skill": 0.75}, "repeat-last": {"mae": 2.0, "skill": 0.0}, "other": {"mae": 1.0}}
PROMISES = [Promise("mae", "<= 0.5", 0.51234, kept=False), Promise("skill", ">= 0.5", 0.75, kept=True)]
BETTER = {"mae": "min", "skill": "max"}


def test_rows() -> None:
    headers, rows = score_rows(COLUMNS, PROMISES, BETTER)
    assert headers == ["metric", "better", "model", "repeat-last", "other", "expected"]
    assert rows == [
        ["mae", "lower", "0.5123", "2", "1", "<= 0.5  MISSED"],
        ["skill", "higher", "0.75", "0", "-", ">= 0.5  kept"],
    ]


def test_no_column_of_expectations_where_there_are_none() -> None:
    headers, rows = score_rows(COLUMNS, [], {})
    assert headers == ["metric", "better", "model", "repeat-last", "other"]
    assert rows[0] == ["mae", "", "0.5123", "2", "1"]


def test_plain_columns_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    print_scores(*score_rows(COLUMNS, PROMISES, BETTER), "a run")
    assert capsys.readouterr().out.splitlines() == [
        "a run",
        "  metric  better   model  repeat-last  other  expected",
        "  ------  ------  ------  -----------  -----  --------------",
        "  mae     lower   0.5123            2      1  <= 0.5  MISSED",
        "  skill   higher    0.75            0      -  >= 0.5  kept",
    ]


def test_a_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("COLUMNS", "120")
    print_scores(*score_rows(COLUMNS, PROMISES, BETTER), "a run")
    for text in ("a run", "repeat-last", "MISSED", "higher"):
        assert text in screen.getvalue()

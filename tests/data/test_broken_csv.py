"""Broken CSV files: each error has its code, its line, the words that mend it, exit code 2, and no traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqhub.cli import main

RECIPE = """\
recipe: 1
name: broken
task: {type: forecast, lookback: 6, horizon: 2}
data:
  source: {type: csv, path: data.csv}
  target: [y]
  time: t
model:
  width: 4
  blocks:
    - {type: gru, hidden: 4}
"""

ROWS = [f"2020-01-{day:02d},{day * day % 7 + day / 4},{day}" for day in range(1, 31)]


def text(rows: list[str], header: str = "t,y,z") -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def replaced(number: int, row: str) -> list[str]:
    """The good rows with data row `number` (from 1) exchanged; it stands on line number + 1."""
    return [*ROWS[: number - 1], row, *ROWS[number:]]


GOOD = text(ROWS)

# name -> bytes, code, line (None where the whole file is meant), words
BROKEN: dict[str, tuple[bytes, str, int | None, tuple[str, ...]]] = {
    "missing column": (text(ROWS, "t,Y_value,z"), "E307", 1, ("no column 'y'", "columns: t, Y_value, z")),
    "misspelt column": (text(ROWS, "t,yy,z"), "E307", 1, ("no column 'y'", "did you mean 'yy'?")),
    "column in capitals": (text(ROWS, "T,Y,Z"), "E307", 1, ("no column 'y'", "did you mean 'Y'?", "no column 't'")),
    "word for a number": (text(replaced(12, "2020-01-12,high,3")), "E308", 13, ("'y': 'high' is not a number",)),
    "decimal comma": (text(replaced(5, '2020-01-05,"3,75",3')), "E308", 6, ("'3,75'", "with a point, as in 3.75")),
    "thousands": (text(replaced(5, '2020-01-05,"1,234.5",3')), "E308", 6, ("'1,234.5'", "as in 1234.5")),
    "underscore": (text(replaced(5, "2020-01-05,1_000,3")), "E308", 6, ("'1_000' is not a number", "as in 1000")),
    "empty cell": (text(replaced(7, "2020-01-07,,3")), "E309", 8, ("value is missing", "data.missing: interpolate")),
    "nan": (text(replaced(7, "2020-01-07,NaN,3")), "E309", 8, ("the value is missing",)),
    "infinite": (text(replaced(9, "2020-01-09,-inf,3")), "E309", 10, ("the value is -inf", "remove the row")),
    "overflow": (text(replaced(9, "2020-01-09,1e999,3")), "E309", 10, ("the value is inf",)),
    "no bytes": (b"", "E302", None, ("is empty",)),
    "blank lines only": (b"\n\n  \n", "E305", 3, ("column 1 has no name",)),
    "only a header": (b"t,y,z\n", "E303", 1, ("a header and no rows",)),
    "no header": (b"1,2,3\n4,5,6\n", "E303", 1, ("no header",)),
    "short row": (text(replaced(20, "2020-01-20,3")), "E306", 21, ("has 2 cells; the header has 3",)),
    "long row": (text(replaced(20, "2020-01-20,3,4,5")), "E306", 21, ("has 4 cells; the header has 3", "quote a cell")),
    "latin-1": (
        text(replaced(2, "2020-01-02,3,caf\xe9")).decode().encode("latin-1"),
        "E304",
        3,
        ("byte 0xe9 is not utf-8", "encoding: latin-1"),
    ),
    "utf-16": (GOOD.decode().encode("utf-16"), "E304", 1, ("is not utf-8", "encoding: utf-16")),
    "two columns of one name": (text(ROWS, "t,y,y"), "E305", 1, ("the name 'y'", "columns 2 and 3")),
    "column without a name": (text(ROWS, "t,,y"), "E305", 1, ("column 2 has no name",)),
    "not sorted": (
        text(replaced(15, "2019-12-31,3,3")),
        "E310",
        16,
        ("2019-12-31 comes before 2020-01-14 on line 15", "sort the rows by 't'"),
    ),
    "a time twice": (text(replaced(15, "2020-01-14,3,3")), "E310", 16, ("2020-01-14 appears twice", "line 15")),
    "no time": (text(replaced(4, "yesterday,3,3")), "E308", 5, ("column 't'", "'yesterday' is not a time")),
    "time missing": (text(replaced(4, ",3,3")), "E308", 5, ("the time is missing",)),
    "wrong delimiter": (GOOD.replace(b",", b";"), "E303", 1, ("one column", 'delimiter: ";"')),
    "shorter than one window": (
        text(ROWS[:8]),
        "E311",
        None,
        ("has 8 rows, 5 of them for train; one window needs 8", "lookback of at most 3"),
    ),
    "no window to choose by": (text(ROWS[:12]), "E311", None, ("for valid; one window needs 2 (horizon 2)",)),
    "nothing to learn": (text([f"{row.split(',')[0]},5,1" for row in ROWS]), "E315", None, ("'y' is 5 in every row",)),
    "no end to a quote": (text(replaced(3, '2020-01-03,"3,3')), "E306", 4, ("line 4", "close the quote")),
}


def recipe_beside(content: bytes, folder: Path) -> Path:
    (folder / "data.csv").write_bytes(content)
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE)
    return recipe


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_an_error_with_a_place(case, tmp_path, capsys):
    content, code, line, words = BROKEN[case]
    recipe = recipe_beside(content, tmp_path)
    assert main(["data", str(recipe), "--json"]) == 2
    found = json.loads(capsys.readouterr().out)["problems"]
    assert found[0]["code"] == code
    assert found[0]["line"] == line
    said = "\n".join(f"{error['message']} {error['fix']}" for error in found)
    assert all(word in said for word in words), said
    if line is not None:
        assert found[0]["file"] == str(tmp_path / "data.csv")


def test_the_text_shows_the_line_and_a_caret_under_the_cell(tmp_path, capsys):
    content = BROKEN["word for a number"][0]
    assert main(["data", str(recipe_beside(content, tmp_path))]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"{tmp_path / 'data.csv'}:13:12: error[E308]: data.csv line 13, column 'y'")
    assert lines[1].endswith("2020-01-12,high,3")
    assert lines[2].index("^") == lines[1].index("high")
    assert "Traceback" not in "".join(lines)


def test_the_good_file_is_good(tmp_path, capsys):
    assert main(["data", str(recipe_beside(GOOD, tmp_path)), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [split["rows"] for split in report["splits"]] == [21, 3, 6]


def test_every_bad_cell_of_a_column_is_counted(tmp_path, capsys):
    rows = [row.replace(",", ",x", 1) for row in ROWS]
    assert main(["data", str(recipe_beside(text(rows), tmp_path)), "--json"]) == 2
    errors = json.loads(capsys.readouterr().out)["problems"]
    assert [error["line"] for error in errors] == [2, 3, 4, 5, 6]
    assert errors[-1]["message"].endswith("(and 25 more such cells)")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("dat.csv", ("dat.csv does not exist", "did you mean 'data.csv'?")),
        ("nowhere/data.csv", ("does not exist", "there is no folder")),
        (".", ("is a folder",)),
    ],
)
def test_a_path_that_is_no_file(path, words, tmp_path, capsys):
    recipe = recipe_beside(GOOD, tmp_path)
    assert main(["data", str(recipe), "--set", f"data.source.path={path}", "--json"]) == 2
    (error,) = json.loads(capsys.readouterr().out)["problems"]
    assert error["code"] == "E301"
    assert all(word in error["message"] + error["fix"] for word in words)

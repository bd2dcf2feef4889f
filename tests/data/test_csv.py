"""What a CSV file may look like and still be read."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from seqhub.data.columns import finite, increasing, numbers, texts, times
from seqhub.data.configs import CsvConfig
from seqhub.data.csv_file import CsvSource
from seqhub.data.table import Table
from seqhub.errors import DataError


def read(folder: Path, content: bytes, **options: str) -> Table:
    (folder / "f.csv").write_bytes(content)
    return CsvSource(CsvConfig(path="f.csv", **options), folder).read()


def test_numbers_are_those_of_python(tmp_path):
    cells = ["1", "-2.5", " 3 ", "+4", "5e-1", ".5", "007", "1E3"]
    table = read(tmp_path, ("y,z\n" + "".join(f"{cell},a\n" for cell in cells)).encode())
    np.testing.assert_array_equal(numbers(table, "y"), [float(cell) for cell in cells])


@pytest.mark.parametrize("cell", ["", "NA", "n/a", "null", "None", "NaN", " "])
def test_a_missing_number_is_nan(cell, tmp_path):
    table = read(tmp_path, f"y,z\n1,a\n{cell},a\n".encode())
    np.testing.assert_array_equal(numbers(table, "y"), [1.0, np.nan])


def test_a_column_that_nobody_asks_for_may_hold_anything(tmp_path):
    table = read(tmp_path, b"y,z\n1,??\n2,\n")
    np.testing.assert_array_equal(finite(table, "y"), [1.0, 2.0])
    assert table.rows == 2


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfy,z\n1,2\n3,4\n",  # a byte order mark
        b"y,z\r\n1,2\r\n3,4\r\n",
        b"y , z\n1, 2\n3, 4",
        b"\n\ny,z\n1,2\n\n3,4\n\n",
        b'"y","z"\n"1","2"\n"3","4"\n',
    ],
)
def test_forms_of_one_table(content, tmp_path):
    table = read(tmp_path, content)
    assert list(table.columns) == ["y", "z"]
    np.testing.assert_array_equal(np.stack([finite(table, "y"), finite(table, "z")]), [[1, 3], [2, 4]])


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "cp1252"])
def test_encodings(encoding, tmp_path):
    table = read(tmp_path, "größe,name\n1,Zoé\n".encode(encoding), encoding=encoding)
    assert texts(table, "name") == ["Zoé"]
    assert finite(table, "größe").tolist() == [1.0]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_delimiters(delimiter, tmp_path):
    table = read(tmp_path, f"y{delimiter}z\n1{delimiter}a,b\n".encode(), delimiter=delimiter)
    assert texts(table, "z") == ["a,b"]


def test_lines_are_counted_through_blank_lines_and_quoted_line_breaks(tmp_path):
    table = read(tmp_path, b'y,note\n1,"two\nlines"\n\n2,"a ""quote"""\nbad,x\n')
    with pytest.raises(DataError) as caught:
        numbers(table, "y")
    assert caught.value.problems[0].place.line == 6
    assert caught.value.problems[0].place.text == "bad,x"


def test_times(tmp_path):
    rows = b"2020-01-01,1700,2020-01-01T10:00:00+02:00,1958-03\n2020-01-02 12:30,1701.5,2020-01-01T09:00:00Z,1958-04\n"
    table = read(tmp_path, b"a,b,c,d\n" + rows)
    utc = np.array(["2020-01-01T08", "2020-01-01T09"], dtype="datetime64[us]")
    expected = ["2020-01-01T00:00:00", "2020-01-02T12:30:00"]
    np.testing.assert_array_equal(times(table, "a"), np.array(expected, dtype="datetime64[us]"))
    np.testing.assert_array_equal(times(table, "b"), [1700, 1701.5])
    np.testing.assert_array_equal(times(table, "c"), utc)
    np.testing.assert_array_equal(times(table, "d"), np.array(["1958-03", "1958-04"], dtype="datetime64[us]"))
    for name in "abcd":
        increasing(table, name, times(table, name))


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"delimiter": ""}, "delimiter"),
        ({"delimiter": "::"}, "delimiter"),
        ({"delimiter": '"'}, "delimiter"),
        ({"encoding": "utf-9"}, "encoding"),
        ({"encoding": "base64"}, "encoding"),
    ],
)
def test_options_that_cannot_be(options, field):
    assert [name for name, _, _ in CsvConfig(path="f.csv", **options).problems(0)] == [field]
    assert CsvConfig(path="f.csv", delimiter="\t", encoding="cp1252").problems(0) == []


def test_a_large_file_is_read_quickly(tmp_path):
    import time

    rows = 200_000
    values = np.arange(rows) / 7
    content = "t,y\n" + "\n".join(f"{i},{value!r}" for i, value in enumerate(values.tolist())) + "\n"
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = read(tmp_path, content.encode())
        np.testing.assert_array_equal(finite(table, "y"), values)
    assert time.perf_counter() - started < 5

"""Parquet and NumPy sources, good and broken."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from seqhub.data.columns import finite, numbers, texts, times
from seqhub.data.configs import NpzConfig, ParquetConfig
from seqhub.data.npz_file import NpzSource
from seqhub.data.parquet_file import ParquetSource
from seqhub.data.table import Sequences, Table
from seqhub.errors import DataError


def parquet(folder: Path, table: pa.Table) -> Table:
    pa.parquet.write_table(table, folder / "f.parquet")
    return ParquetSource(ParquetConfig(path="f.parquet"), folder).read()


def npz(folder: Path, **arrays: Any) -> Table | Sequences:
    np.savez(folder / "f.npz", **arrays)
    return NpzSource(NpzConfig(path="f.npz"), folder).read()


def test_parquet_columns_in_their_types(tmp_path):
    table = parquet(
        tmp_path,
        pa.table(
            {
                "day": pa.array([date(2020, 1, 1), date(2020, 1, 2)]),
                "whole": pa.array([1, 2], pa.int32()),
                "gap": pa.array([0.5, None]),
                "word": ["3.5", "x"],
                "kind": pa.array(["a", "b"]).dictionary_encode(),
            }
        ),
    )
    np.testing.assert_array_equal(times(table, "day"), np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[us]"))
    assert numbers(table, "whole").tolist() == [1.0, 2.0]
    np.testing.assert_array_equal(numbers(table, "gap"), [0.5, np.nan])
    assert texts(table, "kind") == ["a", "b"]
    assert texts(table, "whole") == ["1", "2"]
    with pytest.raises(DataError, match=r"row 2, column 'gap': the value is missing"):
        finite(table, "gap")
    with pytest.raises(DataError, match=r"row 2, column 'word': 'x' is not a number"):
        numbers(table, "word")
    with pytest.raises(DataError, match=r"column 'day' holds date32"):
        numbers(table, "day")
    with pytest.raises(DataError, match=r"no column 'wold'(?s:.*)did you mean 'word'"):
        numbers(table, "wold")


def test_parquet_that_is_none(tmp_path):
    (tmp_path / "f.parquet").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"cannot be read as Parquet"):
        ParquetSource(ParquetConfig(path="f.parquet"), tmp_path).read()
    with pytest.raises(DataError, match=r"columns and no rows"):
        parquet(tmp_path, pa.table({"a": pa.array([], pa.float64())}))
    with pytest.raises(DataError, match=r"more than one column is named 'a'"):
        parquet(tmp_path, pa.table([[1], [2]], names=["a", "a"]))


def test_npz_columns(tmp_path):
    table = npz(tmp_path, day=np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]"), y=np.float32([1.5, 2.5]))
    assert isinstance(table, Table)
    assert finite(table, "y").tolist() == [1.5, 2.5]
    assert times(table, "day")[1] == np.datetime64("2020-01-02")


def test_npz_sequences_are_cut_to_their_lengths(tmp_path):
    x = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    x[0, 2:] = np.nan  # padding may hold anything
    found = npz(tmp_path, x=x, lengths=np.array([2, 4]), y=np.array(["cat", "dog"]), features=np.array(["a", "b", "c"]))
    assert isinstance(found, Sequences)
    assert [item.tolist() for item in found.items] == [x[0, :2].tolist(), x[1].tolist()]
    assert (found.labels, found.features) == (["cat", "dog"], ("a", "b", "c"))


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"x": np.array([1, "a"], dtype=object)}, "E314", "'x' holds Python objects, which are never loaded"),
        ({"lengths": np.array([2, 5])}, "E314", r"lengths\[1\] is 5"),
        ({"lengths": np.array([0, 4])}, "E314", r"lengths\[0\] is 0"),
        ({"lengths": np.array([2.0, 4.0])}, "E314", "lengths has shape .* float64"),
        ({"y": np.array([1, 2, 3])}, "E313", "array 'y' has shape"),
        ({"y": None}, "E313", "array 'y' is missing"),
        ({"features": np.array(["a", "a", "b"])}, "E314", "features names 2 columns"),
        ({"weights": np.zeros(2)}, "E314", "array 'weights' is not known"),
        ({"x": np.zeros((0, 4, 3))}, "E303", "no sequences"),
        ({"x": np.array([[["a"]], [["b"]]])}, "E308", "x holds <U1"),
        ({"x": np.zeros((2, 3))}, "E314", r"'x' has shape \(2, 3\)"),
        ({"x": np.zeros(3)}, "E314", "'lengths' has 2 rows, 'x' has 3"),
    ],
)
def test_broken_npz(change, code, words, tmp_path):
    arrays = {"x": np.zeros((2, 4, 3)), "lengths": np.array([2, 4]), "y": np.array([0, 1])} | change
    with pytest.raises(DataError, match=words) as caught:
        npz(tmp_path, **{name: array for name, array in arrays.items() if array is not None})
    assert caught.value.problems[0].code == code


def test_npz_that_is_none(tmp_path):
    source = NpzSource(NpzConfig(path="f.npz"), tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        source.read()
    for content in (b"not an archive", b"PK\x03\x04 broken"):
        (tmp_path / "f.npz").write_bytes(content)
        with pytest.raises(DataError, match="it is not a NumPy archive"):
            source.read()
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "one.npy").rename(tmp_path / "f.npz")
    with pytest.raises(DataError, match="it is not a NumPy archive"):
        source.read()
    np.savez(tmp_path / "f.npz", y=np.arange(1000))
    content = bytearray((tmp_path / "f.npz").read_bytes())
    content[4000] ^= 255
    (tmp_path / "f.npz").write_bytes(content)
    with pytest.raises(DataError, match="array 'y' is damaged"):
        source.read()
    with pytest.raises(DataError, match="it holds no arrays"):
        npz(tmp_path)

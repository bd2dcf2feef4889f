"""CSV and npz inputs: what is read, and where what is wrong stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqhub.errors import BundleError
from seqhub.runtime import Values, load
from seqhub.runtime.files import read_items
from tests.runtime.conftest import WriteBundle

FEATURES = ("a", "b")


def write(folder: Path, text: str, name: str = "in.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_are_found_by_name_and_others_ignored(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeffb,time, a ,note\n2,x,1,hm\n\n4,y,3e0,\n")
    (item,) = read_items(path, FEATURES)
    assert item.name == "in.csv"
    assert item.steps.tolist() == [[1, 2], [3, 4]]
    assert item.steps.dtype == np.float32


def test_a_sequence_column_tells_sequences_apart(tmp_path: Path) -> None:
    path = write(tmp_path, "id,a,b\nu,1,2\nv,5,6\nu,3,4\n")
    items = read_items(path, FEATURES, sequence="id")
    assert {item.name: item.steps.tolist() for item in items} == {"u": [[1, 2], [3, 4]], "v": [[5, 6]]}
    assert len(read_items(path, FEATURES)) == 1
    assert len(read_items(path, FEATURES, sequence="group")) == 1


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a,b\n1,2\n3,four\n", 3, "column 'b' holds 'four', which is not a number"),
        ("a,b\n1,2\n3,\n", 3, "column 'b' is empty"),
        ("a,b\n1,nan\n", 2, "column 'b' holds nan, expected a finite float32"),
        ("a,b\n1,2\n1,1e99\n", 3, "column 'b' holds 1e99, expected a finite float32"),
        ("a,b\n1,2,3\n", 2, "the line has 3 cells, the header has 2"),
        ("a,c\n1,2\n", 1, "there is no column 'b'; the columns are a, c"),
        ("a,b,b\n1,2,3\n", 1, "the column 'b' is there twice"),
        ('a,b\n1,"2\n', 2, "this is not CSV"),
        ("a,b\n", None, "has no rows below its header"),
        ("", None, "is empty"),
        ("\n1,2\n", None, "is empty"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, line: int | None, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(BundleError, match=re.escape(words)) as caught:
        read_items(path, FEATURES)
    place = caught.value.problems[0].place
    assert (place.line if place else None) == line
    assert caught.value.problems[0].fix


@pytest.mark.parametrize(
    ("times", "line"),
    [
        (["2020-01-03", "2020-01-02"], 3),
        (["1", "2", "10", "9"], 5),
        (["2020-01-01T10:00", "2020-01-01T11:00", "2020-01-01T09:00"], 4),
        (["2020-01-01", "2020-01-01", "2020-01-02"], None),
        (["noon", "morning"], None),
    ],
)
def test_rows_that_run_backwards_in_time_are_refused(tmp_path: Path, times: list[str], line: int | None) -> None:
    path = write(tmp_path, "day,a,b\n" + "".join(f"{time},1,2\n" for time in times))
    if line is None:
        assert len(read_items(path, FEATURES, time="day")[0].steps) == len(times)
        return
    with pytest.raises(BundleError, match="column 'day' goes back") as caught:
        read_items(path, FEATURES, time="day")
    assert caught.value.problems[0].place is not None
    assert caught.value.problems[0].place.line == line


def test_files_that_are_not_there_or_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="there is no input file"):
        read_items(tmp_path / "no.csv", FEATURES)
    with pytest.raises(BundleError, match=r"is none of \.csv, \.npz, \.ts and \.tsv"):
        read_items(write(tmp_path, "a,b\n", "in.txt"), FEATURES)
    latin = tmp_path / "latin.csv"
    latin.write_bytes("a,b,größe\n1,2,3\n".encode("latin-1"))
    with pytest.raises(BundleError, match="is not UTF-8 text"):
        read_items(latin, FEATURES)


def save(folder: Path, **arrays: Any) -> Path:
    path = folder / "in.npz"
    np.savez(path, **arrays)
    return path


def test_every_array_of_an_npz_is_a_sequence(tmp_path: Path) -> None:
    items = read_items(save(tmp_path, u=np.ones((3, 2)), v=np.zeros((1, 2), np.int16)), FEATURES)
    assert [(item.name, item.steps.shape) for item in items] == [("u", (3, 2)), ("v", (1, 2))]


def test_a_cube_with_lengths_is_many_sequences(tmp_path: Path) -> None:
    x = np.ones((2, 4, 2))
    x[1, 1:] = np.nan  # padding may hold anything
    items = read_items(save(tmp_path, x=x, lengths=np.array([4, 1])), FEATURES)
    assert [(item.name, len(item.steps)) for item in items] == [("x[0]", 4), ("x[1]", 1)]
    assert len(read_items(save(tmp_path, x=np.ones((3, 4, 2))), FEATURES)) == 3


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"u": np.ones((3, 5))}, "'u' has shape [3, 5], expected [T 2]: steps of a, b"),
        ({"u": np.full((2, 2), np.inf)}, "'u' holds inf at step 0, column 'a'"),
        ({"u": np.array([["p", "q"]])}, "'u' holds <U1"),
        ({"x": np.ones((2, 4, 2)), "lengths": np.array([4, 9])}, "are 4 to 9, expected 0 to 4"),
        ({"x": np.ones((2, 4, 2)), "lengths": np.array([4.0, 1.0])}, "expected [2] of integers"),
        ({}, "holds no array"),
    ],
)
def test_arrays_that_do_not_fit_are_named(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(BundleError, match=re.escape(words)):
        read_items(save(tmp_path, **arrays), FEATURES)


def test_a_damaged_npz_and_one_with_pickles_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, u=np.ones((3, 2)))
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(BundleError, match="cannot be read as npz"):
        read_items(path, FEATURES)
    with pytest.raises(BundleError, match="cannot be read as npz"):
        read_items(save(tmp_path, u=np.array([{}], dtype=object)), FEATURES)


def test_predict_takes_paths(bundle: Path, write_bundle: WriteBundle, tmp_path: Path) -> None:
    model = load(bundle)
    one = model.predict(write(tmp_path, "a,b\n1,2\n3,4\n"))
    assert isinstance(one, Values)
    assert one.values.tolist() == [4, 6]
    assert isinstance(model.predict(str(save(tmp_path, u=np.ones((3, 2))))), list)
    grouped = load(write_bundle({"type": "sums", "sequence": "id"}, name="grouped"))
    assert isinstance(grouped.predict(write(tmp_path, "id,a,b\nu,1,2\nv,3,4\n")), list)

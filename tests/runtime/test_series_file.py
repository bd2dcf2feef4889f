"""Series of `.ts` and `.tsv` files, as a bundle reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqhub.errors import BundleError
from seqhub.runtime.files import read_items

TS = "@dimensions 2\n@classLabel true a b\n@data\n1,2:3,4:a\n5:6:b\n"


def write(folder: Path, text: str, name: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_labels_are_left_out_and_items_are_called_by_their_line(tmp_path: Path) -> None:
    first, second = read_items(write(tmp_path, TS, "walks.ts"), ("x0", "x1"))
    assert (first.name, second.name) == ("line 4", "line 5")
    assert first.steps.dtype == np.float32
    np.testing.assert_array_equal(first.steps, [[1, 3], [2, 4]])
    (one,) = read_items(write(tmp_path, "1\t0.5\t2\n", "beats.tsv"), ("x0",))
    np.testing.assert_array_equal(one.steps, [[0.5], [2]])


@pytest.mark.parametrize(
    ("text", "name", "code", "words"),
    [
        (TS.replace("5:6:b", "5:b"), "walks.ts", "E713", r"walks\.ts line 5: it has 1 dimensions, expected 2"),
        (TS.replace("@data\n", ""), "walks.ts", "E713", r"walks\.ts line 3: '1,2:3,4:a' is no line of a header"),
        (TS.replace("2:3", "?:3"), "walks.ts", "E712", "'line 4' holds nan at step 1, column 'x0'"),
        ("1\tx\t2\n", "beats.tsv", "E713", r"beats\.tsv line 1: value 1 of 2 is 'x', not a number"),
        ("1\t0.5\t2\n", "beats.tsv", "E711", r"'line 1' has shape \[2, 1\], expected \[T 2\]"),
    ],
)
def test_broken_files(tmp_path: Path, text: str, name: str, code: str, words: str) -> None:
    with pytest.raises(BundleError, match=words) as caught:
        read_items(write(tmp_path, text, name), ("x0", "x1"))
    assert caught.value.problems[0].code == code


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "walks.ts"
    path.write_bytes(TS.replace("a b", "ä b").encode("latin-1"))
    with pytest.raises(BundleError, match="line 2: byte 0xe4 is not utf-8 text"):
        read_items(path, ("x0", "x1"))

"""Labelled series in text files: `.ts`, tables of the UCR archive, blocks and ARFF; good and broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqhub.data.arff_file import ArffSource
from seqhub.data.columns import finite, numbers, texts
from seqhub.data.configs_series import ArffConfig, BlocksConfig, SeriesFileConfig, UcrConfig
from seqhub.data.series_files import BlocksSource, TsSource, UcrSource
from seqhub.data.table import Sequences, Table
from seqhub.errors import DataError

HEADER = "#about\n@problemName walks\n@timeStamps false\n@missing true\n@dimensions 2\n@equalLength false\n"
TS = HEADER + "@classLabel true slow fast\n@data\n1,2,?:4,5.5,6:slow\n7:-8e-1:fast\n"
BLOCKS = "normal\n\t1\t-2\t3\n\t4\t5\t6\n\n\n# broken\n7 8 9\n"
ARFF = """% about
@RELATION eyes
@ATTRIBUTE AF3 NUMERIC
@attribute 'left side' real
@ATTRIBUTE eye {0,1}
@ATTRIBUTE note string

@DATA
1.5,2,0,'a, b'
% a remark
?,-3e1,1,c
"""


def write(folder: Path, text: str, name: str = "f.txt") -> None:
    (folder / name).write_text(text, encoding="utf-8")


def ts(folder: Path, text: str = TS, **options: Any) -> Sequences:
    write(folder, text)
    return TsSource(SeriesFileConfig(path="f.txt", **options), folder).read()


def ucr(folder: Path, text: str, **options: Any) -> Sequences:
    write(folder, text)
    return UcrSource(UcrConfig(path="f.txt", **options), folder).read()


def blocks(folder: Path, text: str = BLOCKS, **options: Any) -> Sequences:
    write(folder, text)
    return BlocksSource(BlocksConfig(path="f.txt", **options), folder).read()


def arff(folder: Path, text: str = ARFF) -> Table:
    write(folder, text)
    return ArffSource(ArffConfig(path="f.txt"), folder).read()


def test_ts_series_of_several_dimensions_and_lengths(tmp_path):
    found = ts(tmp_path)
    np.testing.assert_array_equal(found.items[0], [[1, 4], [2, 5.5], [np.nan, 6]])
    np.testing.assert_array_equal(found.items[1], [[7, -0.8]])
    assert list(found.labels) == ["slow", "fast"]
    assert found.features == ("x0", "x1")
    assert found.names == ("f.txt line 9", "f.txt line 10")
    assert found.splits is None


def test_ts_headers_in_other_words(tmp_path):
    univariate = "@univariate true\n@equallength true\n@serieslength 2\n@CLASSLABEL true a b\n@Data\n1,2:a\n3,4:b\n"
    assert [item[:, 0].tolist() for item in ts(tmp_path, univariate).items] == [[1, 2], [3, 4]]
    assert ts(tmp_path, "@classLabel true\n@data\n1:2:any label\n").labels == ["any label"]


def test_files_of_each_split_stand_behind_each_other(tmp_path):
    write(tmp_path, TS, "walks_TRAIN.ts")
    write(tmp_path, TS.replace("7:", "9:"), "walks_TEST.ts")
    found = TsSource(SeriesFileConfig(path="walks_{split}.ts"), tmp_path).read()
    assert found.splits == {"train": range(2), "test": range(2, 4)}
    assert found.items[3].tolist() == [[9, -0.8]]
    assert found.names[3] == "walks_TEST.ts line 10"
    write(tmp_path, TS, "walks_dev.ts")
    three = SeriesFileConfig(path="walks_{split}.ts", splits=("TRAIN", "dev", "TEST"))
    assert TsSource(three, tmp_path).read().splits == {"train": range(2), "valid": range(2, 4), "test": range(4, 6)}
    write(tmp_path, "@classLabel true slow\n@data\n1:slow\n", "walks_TEST.ts")
    with pytest.raises(DataError, match=r"walks_TEST.ts has 1 dimensions, walks_TRAIN.ts line 9 has 2"):
        TsSource(SeriesFileConfig(path="walks_{split}.ts"), tmp_path).read()
    (tmp_path / "walks_TEST.ts").unlink()
    with pytest.raises(DataError, match=r"walks_TEST.ts does not exist"):
        TsSource(SeriesFileConfig(path="walks_{split}.ts"), tmp_path).read()


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("@data\n", "", "E303", "line 8: '1,2,.*' is no line of a header"),
        ("@data\n1,2,?:4,5.5,6:slow\n7:-8e-1:fast\n", "", "E303", "has no line @data"),
        ("1,2,?:4,5.5,6:slow\n7:-8e-1:fast\n", "", "E303", "no series below @data"),
        ("@missing true", "@mising true", "E303", "line 4: '@mising' is no line of a header"),
        ("@timeStamps false", "@timeStamps true", "E303", "line 3: .*time stamps(?s:.*)plain values"),
        ("@dimensions 2", "@dimensions two", "E303", "line 5: @dimensions is 'two', expected a whole number"),
        ("@classLabel true slow fast", "@classLabel slow", "E303", "line 7: @classLabel is 'slow'"),
        ("@classLabel true slow fast", "@targetLabel true", "E303", "end in a number, not in a label"),
        ("@classLabel true slow fast", "@classLabel false", "E306", "line 9: it has 3 dimensions, expected 2"),
        ("7:-8e-1:fast", "7:fast", "E306", "line 10: it has 1 dimensions, expected 2"),
        ("4,5.5,6:", "4,5.5:", "E306", "line 9: dimension 2 has 2 values, expected 3"),
        ("@equalLength false", "@seriesLength 3", "E306", "line 10: dimension 1 has 1 values, expected 3"),
        ("5.5", "5;5", "E308", "line 9: dimension 2: value 2 of 3 is '5;5', not a number"),
        ("5.5", "", "E308", r"line 9: dimension 2: value 2 of 3 is empty(?s:.*)write \?"),
        ("5.5", "inf", "E309", "line 9: dimension 2: value 2 of 3 is inf"),
        (":fast", ":fats", "E313", "line 10: the label 'fats' is not in the header(?s:.*)slow, fast"),
    ],
)
def test_broken_ts(old, new, code, words, tmp_path):
    assert old in TS
    with pytest.raises(DataError, match=words) as caught:
        ts(tmp_path, TS.replace(old, new))
    assert caught.value.problems[0].code == code
    assert caught.value.problems[0].fix


def test_every_bad_line_is_reported_up_to_five(tmp_path):
    with pytest.raises(DataError, match=r"line 13: .*\(and 3 more such lines\)") as caught:
        ts(tmp_path, TS.split("1,2,?")[0] + "1:x:slow\n" * 8)
    assert [problem.place.line for problem in caught.value.problems if problem.place] == [9, 10, 11, 12, 13]


def test_other_encodings_and_empty_files(tmp_path):
    latin = TS.replace("slow", "träge")
    (tmp_path / "f.txt").write_bytes(latin.encode("latin-1"))
    source = SeriesFileConfig(path="f.txt")
    with pytest.raises(DataError, match=r"line 7: byte 0xe4 is not utf-8 text(?s:.*)encoding: latin-1"):
        TsSource(source, tmp_path).read()
    assert TsSource(SeriesFileConfig(path="f.txt", encoding="latin-1"), tmp_path).read().labels[0] == "träge"
    (tmp_path / "f.txt").write_bytes(b"")
    with pytest.raises(DataError, match="is empty"):
        TsSource(source, tmp_path).read()


def test_ucr_lines_begin_with_their_label_and_may_be_padded(tmp_path):
    found = ucr(tmp_path, "-1\t1\t2\t3\n\n1.0000000e+00\t4\tNaN\t5\nup\t6\tNaN\tNaN\n")
    assert list(found.labels) == ["-1", "1", "up"]
    assert [len(item) for item in found.items] == [3, 3, 1]
    np.testing.assert_array_equal(found.items[1][:, 0], [4, np.nan, 5])
    blank = ucr(tmp_path, "  1   2 3\n  2   4 5\n", delimiter=" ")
    assert [item[:, 0].tolist() for item in blank.items] == [[2, 3], [4, 5]]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("1,2,3\n", "E306", r"line 1: there is no '\\t' between a label and its values(?s:.*)set delimiter"),
        ("a\t1\tx\n", "E308", "line 1: value 2 of 2 is 'x', not a number"),
        ("a\t1\nb\t-inf\n", "E309", "line 2: value 1 of 1 is -inf"),
        ("a\t1\n\t2\n", "E313", "line 2: it has no label"),
        ("a\t1\nb\tnan\n", "E306", "line 2: every value is missing"),
        ("\n \n", "E303", "has no series"),
    ],
)
def test_broken_ucr(text, code, words, tmp_path):
    with pytest.raises(DataError, match=words) as caught:
        ucr(tmp_path, text)
    assert caught.value.problems[0].code == code


def test_blocks_of_rows(tmp_path):
    found = blocks(tmp_path, columns=("fx", "fy", "fz"))
    assert list(found.labels) == ["normal", "# broken"]
    assert [item.tolist() for item in found.items] == [[[1, -2, 3], [4, 5, 6]], [[7, 8, 9]]]
    assert found.features == ("fx", "fy", "fz")
    assert found.names == ("f.txt line 1", "f.txt line 6")
    assert [item.shape for item in blocks(tmp_path, "3\n1 2\n\n4\n3 4\n").items] == [(1, 2), (1, 2)]


@pytest.mark.parametrize(
    ("text", "options", "code", "words"),
    [
        (BLOCKS.replace("4\t5\t6", "4\t5"), {}, "E306", "line 3: the row has 2 numbers, expected 3"),
        (BLOCKS.replace("8 9", "8 inf"), {}, "E309", "line 7: value 3 of 3 is inf"),
        (BLOCKS.replace("\n\n\n# broken", "\n# broken"), {}, "E308", "line 4: .*not a number(?s:.*)a blank line ends"),
        (BLOCKS.replace("# broken\n", ""), {}, "E313", "line 6: a block begins with numbers"),
        (BLOCKS.replace("7 8 9\n", ""), {}, "E306", "line 6: the label '# broken' has no rows"),
        ("\n\n", {}, "E303", "has no blocks"),
        (BLOCKS, {"columns": ("a", "b")}, "E305", "columns has 2 names, but a row of f.txt has 3 numbers"),
    ],
)
def test_broken_blocks(text, options, code, words, tmp_path):
    with pytest.raises(DataError, match=words) as caught:
        blocks(tmp_path, text, **options)
    assert caught.value.problems[0].code == code


def test_arff_is_a_table(tmp_path):
    table = arff(tmp_path)
    assert list(table.columns) == ["AF3", "left side", "eye", "note"]
    np.testing.assert_array_equal(numbers(table, "AF3"), [1.5, np.nan])
    assert finite(table, "left side").tolist() == [2, -30]
    assert texts(table, "eye") == ["0", "1"]
    assert texts(table, "note") == ["a, b", "c"]
    with pytest.raises(DataError, match="line 11, column 'AF3': the value is missing"):
        finite(table, "AF3")
    with pytest.raises(DataError, match="line 9, column 'note': 'a, b' is not a number"):
        numbers(table, "note")


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("@DATA", "@DAT", "E300", "line 8: '@DAT' is no line of a header"),
        ("@DATA\n1.5,2,0,'a, b'\n% a remark\n?,-3e1,1,c\n", "", "E300", "has no line @data"),
        ("1.5,2,0,'a, b'\n% a remark\n?,-3e1,1,c\n", "", "E303", "has no rows below @data"),
        ("'left side'", "AF3", "E305", "line 4: the name 'AF3' stands twice"),
        ("note string", "note relational", "E300", "line 6: the column cannot be read"),
        ("note string", "note", "E300", "line 6: the column cannot be read"),
        ("?,-3e1,1,c", "?,-3e1,1", "E306", "line 11: the row has 3 cells, the header declares 4"),
        ("?,-3e1,1,c", "{0 1.5}", "E306", "line 11: the row is sparse"),
        ("?,-3e1,1,c", "?,-3e1,2,c", "E313", "line 11: column 'eye' is '2'(?s:.*)declares 0, 1"),
    ],
)
def test_broken_arff(old, new, code, words, tmp_path):
    assert old in ARFF
    with pytest.raises(DataError, match=words) as caught:
        arff(tmp_path, ARFF.replace(old, new))
    assert caught.value.problems[0].code == code


def test_options_of_the_sources():
    assert SeriesFileConfig(path="f").problems(0) == []
    assert [field for field, _, _ in SeriesFileConfig(path="f", splits=("a",)).problems(0)] == ["splits"]
    assert [field for field, _, _ in SeriesFileConfig(path="f", splits=("a", "a")).problems(0)] == ["splits"]
    assert [field for field, _, _ in SeriesFileConfig(path="f", encoding="utf-9").problems(0)] == ["encoding"]
    assert [field for field, _, _ in UcrConfig(path="f", delimiter="").problems(0)] == ["delimiter"]
    assert [field for field, _, _ in ArffConfig(path="f", encoding="x").problems(0)] == ["encoding"]

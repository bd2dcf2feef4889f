"""Two files, line by line; what is wrong in them with file and line; dates by the thousand."""

from __future__ import annotations

import re

import pytest

from seqhub.data.configs_parallel import DatesConfig, ParallelConfig
from seqhub.data.dates import DatesSource
from seqhub.data.pairs import Pairs
from seqhub.data.parallel import ParallelSource
from seqhub.errors import DataError


def write(folder, **texts: str) -> None:
    for name, text in texts.items():
        (folder / name.replace("_", ".")).write_bytes(text.encode())


def read(folder, source="a.en", target="a.ja", **more) -> Pairs:
    return ParallelSource(ParallelConfig(source=source, target=target, **more), folder).read()


def test_line_by_line(tmp_path):
    write(tmp_path, a_en="one\ntwo words\r\n  three", a_ja="一\n二\n三\n")
    found = read(tmp_path)
    assert list(found.source) == ["one", "two words", "  three"]
    assert list(found.target) == ["一", "二", "三"]
    assert found.splits is None
    assert [str(place).rsplit("/", 1)[1] for place in found.locate(1)] == ["a.en:2:1", "a.ja:2:1"]


def test_files_for_each_split_and_several_in_one(tmp_path):
    texts = {"train_en_0": "a\nb\n", "train_en_1": "c\n", "dev_en": "d\n", "test_en": "e\nf\n"}
    write(tmp_path, **texts, **{name.replace("en", "ja"): text.upper() for name, text in texts.items()})
    found = read(tmp_path, "{split}.en*", "{split}.ja*", splits=("train", "dev", "test"))
    assert list(found.source) == list("abcdef")
    assert list(found.target) == list("ABCDEF")
    assert found.splits == {"train": range(0, 3), "valid": range(3, 4), "test": range(4, 6)}
    assert found.locate(2)[0].file.endswith("train.en.1")


def test_files_of_the_shared_folder(tmp_path, monkeypatch):
    (tmp_path / "shared" / "set").mkdir(parents=True)
    write(tmp_path / "shared" / "set", a_en="x\n", a_ja="y\n")
    monkeypatch.setenv("SEQHUB_DATA", str(tmp_path / "shared"))
    assert list(read(tmp_path, "set/a.en", "set/a.j*").target) == ["y"]


BROKEN = {
    "unequal": ({"a_en": "one\ntwo\nthree\n", "a_ja": "一\n二\n"}, "E319", "a.en has 3 lines, a.ja has 2", "a.en:3:1"),
    "empty text": ({"a_en": "one\n \n", "a_ja": "一\n二\n"}, "E318", "pair 2: the source is empty", "a.en:2:1"),
    "empty target": ({"a_en": "one\n", "a_ja": "\n"}, "E318", "pair 1: the target is empty", "a.ja:1:1"),
    "empty file": ({"a_en": "", "a_ja": "一\n"}, "E302", "a.en is empty", ""),
    "missing": ({"a_en": "one\n"}, "E301", "a.ja does not exist", ""),
}


@pytest.mark.parametrize("case", BROKEN, ids=str)
def test_what_is_wrong_is_said_with_its_line(case, tmp_path):
    texts, code, message, place = BROKEN[case]
    write(tmp_path, **texts)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        read(tmp_path)
    problem = caught.value.problems[0]
    assert problem.code == code
    assert problem.fix
    assert str(problem.place or "").endswith(place)


def test_another_encoding_and_no_file_for_a_pattern(tmp_path):
    (tmp_path / "a.en").write_bytes("one\ncaf\u00e9\n".encode("latin-1"))
    write(tmp_path, a_ja="一\n二\n")
    with pytest.raises(DataError, match="line 2: byte 0xe9 is not utf-8 text") as caught:
        read(tmp_path)
    assert caught.value.problems[0].place.line == 2
    assert list(read(tmp_path, target="a.en", encoding="latin-1").source) == ["one", "café"]
    with pytest.raises(DataError, match=r"no file is named b\.\*"):
        read(tmp_path, source="b.*")


def test_one_path_in_three_and_the_other_not():
    problems = ParallelConfig(source="{split}.en", target="a.ja").problems(0)
    assert [field for field, _, _ in problems] == ["target"]


def test_dates():
    source = DatesSource(DatesConfig(size=2000, seed=3), None)
    found = source.read()
    assert len(set(found.source)) == len(found) == 2000
    assert found == source.read()
    assert found != DatesSource(DatesConfig(size=2000, seed=4), None).read()
    assert all(re.fullmatch(r"(19|20)\d\d-\d\d-\d\d", text) for text in found.target)
    pairs = dict(zip(found.source, found.target, strict=True))
    for text, iso in pairs.items():
        year, month, day = iso.split("-")
        assert year in text
        assert re.search(rf"(?<!\d)0?{int(day)}(?!\d)", text)
        if re.fullmatch(r"\d+\.\d+\.\d+", text):
            assert text == f"{int(day)}.{int(month)}.{year}"

"""Text files, and their ids in the cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from seqhub.data import document
from seqhub.data.builtin_text import PydocSource
from seqhub.data.configs import BuiltinConfig
from seqhub.data.configs_text import TextConfig
from seqhub.data.document import at_blanks, cut, document_of
from seqhub.data.text_file import TextSource
from seqhub.data.token_file import TokenFile, token_file
from seqhub.errors import DataError
from seqhub.text import Tokenizer
from seqhub.text.bpe import BytePairs
from seqhub.text.tokenizers import Bytes, Chars, Words

TEXT = "".join(f"Line {i}: the quick brown fox, {i * i} – jumps.\n" for i in range(200))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEQHUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tokens"


def build(text: str, tokenizer: Tokenizer, name: str = "t", valid: float = 0.1, test: float = 0.2) -> TokenFile:
    return token_file(document_of(text, "given"), tokenizer, name, valid, test)


@pytest.mark.parametrize(
    "make", [Chars, Bytes, Words, lambda: BytePairs(size=300)], ids=["chars", "bytes", "words", "bpe"]
)
@pytest.mark.parametrize("piece", [7, 1 << 20])
def test_ids_are_those_of_the_tokeniser_and_splits_are_cut_by_position(make, piece, monkeypatch):
    monkeypatch.setattr(document, "PIECE", piece)
    file = build(TEXT, make())
    n_valid, n_test = round(len(TEXT) * 0.1), round(len(TEXT) * 0.2)
    train = TEXT[: len(TEXT) - n_valid - n_test]
    texts = {"train": train, "valid": TEXT[len(train) : -n_test], "test": TEXT[-n_test:]}
    assert file.characters == {split: len(text) for split, text in texts.items()}
    last = 0
    for split, part in file.parts.items():
        assert part.first == last
        last = part.stop
        assert file.read(part.first, part.stop).tolist() == file.tokenizer.encode(texts[split])
    fitted = make()
    fitted.fit([train], ("<unk>",))
    assert fitted.vocabulary.tokens == file.tokenizer.vocabulary.tokens  # of train alone
    ids = np.load(file.path)
    assert ids.dtype == np.uint16
    assert len(ids) == last
    assert file.read(3, 9).tolist() == ids[3:9].tolist()


def test_ids_above_65535_take_four_bytes():
    text = " ".join(str(i) for i in range(70_000)) + " 0" * 20_000
    file = build(text, Words(), valid=0.02, test=0.02)
    assert file.tokenizer.size > 65_536
    assert np.load(file.path, mmap_mode="r").dtype == np.int32
    assert file.tokenizer.decode(file.read(69_990, 69_993).tolist()) == "69990 69991 69992"


def test_the_cache_is_used_until_text_tokeniser_or_split_change(cache):
    first = build(TEXT, Chars())
    stamp = first.path.stat().st_mtime_ns
    again = build(TEXT, Chars())
    assert (again.path, again.path.stat().st_mtime_ns) == (first.path, stamp)
    assert again.tokenizer.vocabulary == first.tokenizer.vocabulary
    others = [build(TEXT + "!", Chars()), build(TEXT, Chars(), name="u"), build(TEXT, Chars(), test=0.3)]
    assert len({file.path for file in [first, *others]}) == 4
    assert not [name for name in os.listdir(cache) if name.endswith(".tmp")]


def test_what_an_interrupted_run_left_is_not_taken(cache):
    file = build(TEXT, Chars())
    facts = next(cache.glob("*.json"))
    facts.unlink()  # written last: without it the ids may be of anything
    file.path.write_bytes(b"half")
    assert build(TEXT, Chars()).read(0, 4).tolist() == file.tokenizer.encode(TEXT[:4])
    file.path.write_bytes(file.path.read_bytes()[:-2])
    with pytest.raises(DataError, match="is not whole"):
        build(TEXT, Chars())


def test_a_file_is_read_with_its_encoding_and_line_ends(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffEins\r\nzwölf\r\n".encode())
    source = TextSource(TextConfig(path="a.txt"), tmp_path)
    assert "".join(source.read().pieces()) == "Eins\nzwölf\n"
    before = source.read().fingerprint()
    (tmp_path / "a.txt").write_bytes("Eins\nzwölf\n".encode("latin-1"))
    assert source.read().fingerprint() != before
    latin = TextSource(TextConfig(path="a.txt", encoding="latin-1"), tmp_path)
    assert "".join(latin.read().pieces()) == "Eins\nzwölf\n"
    with pytest.raises(DataError) as caught:
        "".join(source.read().pieces())
    problem = caught.value.problems[0]
    assert (problem.code, problem.place and problem.place.line) == ("E304", 2)
    assert "byte 0xf6 is not utf-8 text" in problem.message
    assert "encoding: latin-1" in problem.fix


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (None, "E301", "does not exist"),
        (b"", "E302", "is empty"),
        (b"abc", "E311", "has 3 characters, 0 of them for valid"),
    ],
)
def test_files_without_text(tmp_path, content, code, words):
    if content is not None:
        (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        token_file(TextSource(TextConfig(path="a.txt"), tmp_path).read(), Chars(), "t", 0.1, 0.2)
    assert caught.value.problems[0].code == code


def test_a_path_is_looked_for_in_the_folder_of_data_too(tmp_path, monkeypatch):
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "deep" / "a.txt").write_text("from the data folder")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.setenv("SEQHUB_DATA", str(tmp_path / "data"))
    config = TextConfig(path="deep/a.txt")
    assert "".join(TextSource(config, here).read().pieces()) == "from the data folder"
    (here / "deep").mkdir()
    (here / "deep" / "a.txt").write_text("beside the recipe")
    assert "".join(TextSource(config, here).read().pieces()) == "beside the recipe"


def test_pieces_join_to_the_text_and_end_at_blanks():
    pieces = ["ab cd", "ef g", "h\nij", "klm"]
    found = list(at_blanks(pieces))
    assert "".join(found) == "".join(pieces)
    assert found == ["ab", " cdef", " gh", "\nijklm"]
    assert list(cut(["abcd", "efgh"], [3, 0, 4])) == [(0, "abc"), (2, "d"), (2, "efg")]


def test_words_longer_than_a_piece_are_cut_rather_than_gathered(monkeypatch):
    monkeypatch.setattr(document, "PIECE", 10)
    assert list(at_blanks(["abcdefgh"] * 3)) == ["abcdefghabcdefgh", "abcdefgh"]


def test_the_text_that_arrives_with_python():
    text = "".join(PydocSource(BuiltinConfig(), Path()).read().pieces())
    assert len(text) > 400_000
    assert "Assert statements are a convenient way" in text


def test_facts_are_plain_json(cache):
    build(TEXT, Words())
    facts = json.loads(next(cache.glob("*.json")).read_text())
    assert sorted(facts) == ["characters", "tokens", "vocabulary"]


LARGE = """
import resource, sys
from pathlib import Path
from functools import partial
import numpy as np
from seqhub.data.splits import Span
from seqhub.data.token_file import TokenFile
from seqhub.tasks.streams import Chunks, training_batches
from seqhub.data.batch import collate
from seqhub.training.loader import EpochLoader

path, count, offset = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
file = TokenFile(path, "<u2", offset, {"train": Span(0, count)}, {"train": count}, None, "large", ())
targets = Span(1, count)
plan = lambda *, epoch: training_batches(targets, 32, 128, 0.5, epoch=epoch, seed=0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
loader = EpochLoader(Chunks(file, targets), collate, 32, plan=plan)
for number, batch in zip(range(200), loader):
    assert batch.x.shape[0] == 32 and batch.carry == (number > 0)
print(len(loader), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.heavy
def test_two_gigabytes_of_ids_cost_little_memory(tmp_path):
    """The file has a hole where its ids would be, so it takes no room on the disk."""
    path, count = tmp_path / "large.npy", 1_000_000_000
    with path.open("wb") as file:
        header = {"descr": "<u2", "fortran_order": False, "shape": (count,)}
        np.lib.format.write_array_header_1_0(file, header)
        offset = file.tell()
        file.truncate(offset + 2 * count)
    command = [sys.executable, "-c", LARGE, str(path), str(count), str(offset)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    batches, megabytes = map(int, done.stdout.split())
    assert batches == (count - 1 - 128) // (32 * 128)
    assert megabytes < 100


TRAINED = """
import sys
from pathlib import Path
from seqhub.cli import main
from seqhub.data.splits import Span
from seqhub.data.token_file import TokenFile
from seqhub.tasks import language_model
from seqhub.text.tokenizers import Chars

path, count, offset = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
letters = Chars()
letters.fit(["abc def"], ("<unk>",))
cuts = (0, count - 40_000, count - 20_000, count)
parts = {name: Span(*cuts[i : i + 2]) for i, name in enumerate(("train", "valid", "test"))}
sizes = {name: len(part) for name, part in parts.items()}
language_model.token_file = lambda *_: TokenFile(path, "<u2", offset, parts, sizes, letters, "large", ())
code = main(["train", sys.argv[4]])
lines = Path("/proc/self/status").read_text().splitlines()
# not ru_maxrss, which begins with what the process that started this one held
print(code, next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1024)
"""

TRAINED_RECIPE = """\
recipe: 1
name: large
task: {type: language-model, tokens: chars, bptt: 64}
data: {source: {type: text, path: a.txt}}
model: {width: 32, blocks: [{type: gru, hidden: 64}]}
train: {epochs: 1, batch: 32, threads: 1, limit_batches: 100, compile: false}
"""


@pytest.mark.slow
def test_a_training_on_two_gigabytes_of_ids_stays_under_600_megabytes(tmp_path):
    path, count = tmp_path / "large.npy", 1_000_000_000
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<u2", "fortran_order": False, "shape": (count,)})
        offset = file.tell()
        file.truncate(offset + 2 * count)
    (tmp_path / "a.txt").write_text("abc def")
    (tmp_path / "large.yaml").write_text(TRAINED_RECIPE)
    command = [sys.executable, "-c", TRAINED, str(path), str(count), str(offset), "large.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    code, megabytes = map(int, done.stdout.splitlines()[-1].split())
    assert code == 0
    assert megabytes < 600
    assert "trained large for 1 epochs" in done.stdout

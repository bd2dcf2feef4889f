"""Transcription: the data it takes, its loss against all paths, and recordings as people keep them."""

from __future__ import annotations

import itertools
import math
import re
import wave
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqhub.data.beeps import WORDS, BeepsSource
from seqhub.data.configs_audio import BeepsConfig, WavConfig
from seqhub.data.table import Sequences
from seqhub.data.wav_files import WavSource
from seqhub.errors import DataError
from seqhub.geometry import Geometry
from seqhub.tasks.configs_audio import TranscribeConfig, TranscribeData
from seqhub.tasks.configs_classify import ItemSplit
from seqhub.tasks.transcribe import Transcribe


class Given:
    """A source of what it was given: texts, and as many steps as are asked for."""

    def __init__(self, texts: Sequence[str], steps: int = 40) -> None:
        self.texts, self.steps = texts, steps

    def read(self) -> Sequences:
        draw = np.random.default_rng(0)
        items = [draw.normal(3.0, 2.0, (self.steps + i, 1)) for i in range(len(self.texts))]
        names = tuple(f"rec{i}.wav" for i in range(len(items)))
        return Sequences(items, list(self.texts), ("sample",), "given", names=names, rate_hz=100)


def make(texts: Sequence[str], steps: int = 40, *, data: dict[str, Any] | None = None, **options: Any) -> Transcribe:
    task = Transcribe(TranscribeConfig(**options), TranscribeData(**(data or {})), Given(texts, steps), 3)
    task.prepare()
    return task


TEXTS = ["ab", "ba", "a b", "b", "aab", "ab", "ba", "b a", "a", "bb"]


def test_the_loss_is_minus_the_logarithm_of_all_paths():
    task = make(["ab", "ba"] * 6)
    items = task.dataset("train")
    batch = task.collate([items[0], items[1]])
    y = torch.randn(2, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([4, 3])
    total, count = task.loss(y, lengths, batch)
    logs = y.log_softmax(dim=-1)
    expected = 0.0
    for row, steps in enumerate(lengths.tolist()):
        said = tuple(batch.target[row].tolist())
        paths = itertools.product(range(3), repeat=steps)
        right = (p for p in paths if tuple(token for token, _ in itertools.groupby(p) if token) == said)
        expected -= math.log(sum(math.exp(sum(float(logs[row, t, k]) for t, k in enumerate(p))) for p in right))
    assert float(total) == pytest.approx(expected, rel=1e-9)
    assert int(count) == 4


def test_answers_are_the_tokens_of_each_row_and_scores_count_words():
    task = make(TEXTS)
    batch = task.collate([task.dataset("train")[i] for i in range(3)])
    steps = 2 * batch.target.shape[1]
    y = torch.zeros(3, steps, task.ends.d_out)
    for row, ids in enumerate(batch.target.tolist()):
        for place, token in enumerate(ids):
            y[row, 2 * place, max(token, 0)] = 5.0
            y[row, 2 * place + 1, 0] = 5.0
    answer = task.answer(y, 2 * batch.target_lengths, batch)
    assert [task.text(ids) for ids in answer] == [
        task.text(t[:n]) for t, n in zip(batch.target, batch.target_lengths, strict=True)
    ]
    scores = task.metrics()
    scores.update(answer, batch)
    assert scores.compute() == {"wer": 0.0, "cer": 0.0}
    scores.update([torch.tensor([], dtype=torch.int64)] * 3, batch)  # nothing is written: every word is missing
    assert scores.compute() == {"wer": 0.5, "cer": 0.5}


def test_a_text_that_needs_more_steps_than_the_model_gives_is_found_before_training():
    task = make(["aab"] * 10)  # a blank must come between the two a: four steps
    task.check_geometry(Geometry(width=4, ratio=Fraction(1, 10), block=10))
    with pytest.raises(
        DataError, match=r"rec\d\.wav .* has 4\d steps, of which the model makes 2, but its text needs 4"
    ):
        task.check_geometry(Geometry(width=4, ratio=Fraction(1, 20), block=20))


def test_test_recordings_by_name_and_the_rest_at_random():
    task = make(["ab", "ba"] * 10, data={"split": ItemSplit(valid=0.2, test=0.5, held_out=r"rec1\d\.wav")})
    names = {
        split: [task.dataset(split).name(i) for i in range(len(task.dataset(split)))] for split in ("train", "test")
    }
    assert names["test"] == [f"rec{i}.wav" for i in range(10, 20)]
    assert len(names["train"]) == 8
    with pytest.raises(DataError, match="none of them for test"):
        make(TEXTS, data={"split": ItemSplit(held_out="nothing")})


def test_strings_are_drawn_anew_for_each_epoch_and_the_same_again():
    task = make(["a", "b"] * 20, data={"join": 4})
    items = task.dataset("train")
    drawn = {}
    for epoch in (0, 1, 0):
        plan = task.batches("train", 4, epoch=epoch, seed=3)
        assert sorted(i for batch in plan for i in batch) == list(range(len(items)))
        names = [items.name(i) for i in range(len(items))]
        assert drawn.setdefault(epoch, names) == names
    assert drawn[0] != drawn[1]
    for index in range(len(items)):
        item, parts = items[index], items.name(index).split(" + ")
        assert 1 <= len(parts) <= 4
        assert len(item.x) == items.lengths()[index]
        texts = ["ab"[int(re.findall(r"\d+", part)[0]) % 2] for part in parts]
        assert task.text(item.target) == " ".join(texts)
    assert task.batches("test", 4, epoch=0, seed=3) is None


def test_half_of_training_begins_with_a_piece_of_another_recording_that_is_not_written_down():
    task = make(["ab", "ba"] * 30, cut=7)
    items = task.dataset("train")
    found = [task.recordings.items[member][:, 0] for member in items.members.tolist()]
    pieces = []
    for epoch in range(3):
        task.batches("train", 4, epoch=epoch, seed=3)
        for index, own in enumerate(found):
            item = items[index]
            assert task.text(item.target) == task.recordings.texts[int(items.members[index])]
            x = item.x.squeeze(1).numpy()
            np.testing.assert_array_equal(x[len(x) - len(own) :], own.astype(np.float32))
            pieces.append(x[: len(x) - len(own)])
    sizes = [len(piece) for piece in pieces]
    assert {*sizes} == {*range(8)}
    assert 0.35 < np.mean([size > 0 for size in sizes]) < 0.65
    runs = [np.lib.stride_tricks.sliding_window_view(whole.astype(np.float32), 7) for whole in found]
    for piece in (piece for piece in pieces if len(piece) == 7):
        assert any((run == piece).all(axis=1).any() for run in runs)
    assert all(len(task.dataset("valid")[i].x) == n for i, n in enumerate(task.dataset("valid").lengths()))


def test_speed_and_noise_spoil_training_alone():
    task = make(TEXTS, speed=0.2, noise=0.3)
    items = task.dataset("train")
    plain = items.lengths()
    task.batches("train", 4, epoch=1, seed=3)
    first = [items[i].x for i in range(len(items))]
    assert {0.8 * n - 1 <= len(x) * 1.0 <= n / 0.8 + 1 for x, n in zip(first, plain, strict=True)} == {True}
    assert any(len(x) != n for x, n in zip(first, plain, strict=True))
    assert all(torch.equal(items[i].x, x) for i, x in enumerate(first))
    valid, original = task.dataset("valid")[0].x, task.recordings.items[int(task.recordings.splits["valid"][0])]
    torch.testing.assert_close(valid, torch.from_numpy(original).float())


@pytest.mark.parametrize(
    ("texts", "what"),
    [(["ab", " ", *["ab"] * 9], r"rec1\.wav has no text"), ([*["ab"] * 10, "xyz"], r"rec10\.wav: .*'x'")],
)
def test_texts_that_cannot_be_learnt(texts: list[str], what: str):
    with pytest.raises(DataError, match=what):
        make(texts, data={"split": ItemSplit(held_out=r"rec10|rec9")})


def recording(path: Path, rate: int = 8000, steps: int = 30) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.arange(steps) * 100).astype("<i2").tobytes())


def test_a_folder_whose_names_say_what_is_said(tmp_path: Path):
    for name in ("1_0.wav", "0_0.wav"):
        recording(tmp_path / name)
    config = WavConfig(
        path=str(tmp_path), text=r"(?P<text>[01_]+)\.wav", spell=("0=no", "1=yes"), separator="_", rate_hz=8000
    )
    found = WavSource(config, Path()).read()
    assert (found.names, found.labels, found.rate_hz) == (("0_0.wav", "1_0.wav"), ["no no", "yes no"], 8000)
    np.testing.assert_allclose(found.items[0][:, 0], np.arange(30) * 100 / 2**15, atol=1e-7)


def test_a_list_of_recordings_and_what_is_wrong_with_it(tmp_path: Path):
    recording(tmp_path / "a.wav")
    recording(tmp_path / "slow.wav", rate=4000)
    table = tmp_path / "list.csv"
    cases = {
        "path,text\na.wav,hello there\n": None,
        "path,text\na.wav,hello\nb.wav,hi\n": "line 3, column 'path': there is no file 'b.wav'",
        "path,text\na.wav, \n": "line 2, column 'text': it is empty",
        "file,text\na.wav,hi\n": "no column 'path'",
        "path,text\nslow.wav,hi\n": "slow.wav has 4000 samples a second, expected 8000",
    }
    for content, what in cases.items():
        table.write_text(content)
        source = WavSource(WavConfig(path="list.csv", rate_hz=8000), tmp_path)
        if what is None:
            assert source.read().labels == ["hello there"]
            continue
        with pytest.raises(DataError, match=re.escape(what)):
            source.read()


def test_a_folder_that_cannot_be_read(tmp_path: Path):
    recording(tmp_path / "seven.wav")
    (tmp_path / "none").mkdir()
    for options, what in (
        ({"path": str(tmp_path)}, "nothing says what is said"),
        ({"path": str(tmp_path), "text": r"(?P<text>\d)"}, "finds nothing in the name 'seven.wav'"),
        ({"path": str(tmp_path), "text": r"(?P<text>\w+)\.wav", "spell": ("x=y",)}, "part 's'"),
        ({"path": str(tmp_path / "none")}, "holds no sound files"),
    ):
        with pytest.raises(DataError, match=what):
            WavSource(WavConfig(rate_hz=8000, **options), Path()).read()


def test_options_are_checked_before_anything_is_read():
    assert WavConfig(path="x", text="(").problems(0)[0][0] == "text"
    assert WavConfig(path="x", text="abc").problems(0)[0][0] == "text"
    assert WavConfig(path="x", spell=("ab",)).problems(0)[0][0] == "spell"
    assert ItemSplit(held_out="(").problems(0)[0][0] == "held_out"
    assert WavConfig(path="x", text="(?P<text>.)", spell=("a=b",)).problems(0) == []


def test_beeps_are_the_same_for_a_seed_and_hold_the_tones_of_their_words():
    found = BeepsSource(BeepsConfig(items=20, words=8, noise=0.0), Path()).read()
    again = BeepsSource(BeepsConfig(items=20, words=8, noise=0.0), Path()).read()
    assert found.labels == again.labels
    assert all(np.array_equal(a, b) for a, b in zip(found.items, again.items, strict=True))
    single = [i for i, label in enumerate(found.labels) if label in WORDS]
    assert single
    for i in single:
        power = np.abs(np.fft.rfft(found.items[i][:, 0])) ** 2
        peak = float(np.fft.rfftfreq(len(found.items[i]), 1 / 2000)[power.argmax()])
        assert 250 < peak < 680  # between the lowest and the highest tone


def test_the_fastest_that_a_recording_may_be_played_is_what_must_hold_its_text():
    geometry = Geometry(width=4, ratio=Fraction(1, 10), block=10)
    make(["aab"] * 10, speed=0.0).check_geometry(geometry)
    fast = make(["aab"] * 10, speed=0.2)  # 40 steps may become 33, which make 3
    assert fast.dataset("train").shortest() == [round(n / 1.2) for n in fast.dataset("train").lengths()]
    with pytest.raises(DataError, match="of which the model makes 3, but its text needs 4"):
        fast.check_geometry(geometry)

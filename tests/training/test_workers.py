"""Batches that other processes prepare: the same, in the same order, from any batch on; and what can go wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from seqhub.data.batch import Batch, Item, Items, collate
from seqhub.errors import DataError, RunError
from seqhub.plugins import load_registry
from seqhub.recipe import Recipe, load_recipe
from seqhub.training.loader import EpochLoader
from seqhub.training.parts import build_loaders, build_task

pytestmark = pytest.mark.heavy

SPOKEN = r"""
recipe: 1
name: spoken
seed: 3
task: {type: transcribe, tokens: chars, speed: 0.2, noise: 0.3}
data:
  source: {type: wav, path: sounds, text: '(?P<text>[a-z]+)', rate_hz: 1000}
  join: 2
  split: {valid: 0.1, test: 0.1}
model: {width: 1, embed: false, blocks: [{type: log-mel, rate_hz: 1000, mels: 8}, {type: gru, hidden: 4}]}
train: {batch: 4}
"""
WRITTEN = """
recipe: 1
name: written
seed: 3
task: {type: text-classify, tokens: words}
data: {source: {type: lines, path: texts.tsv}}
model: {width: 4, blocks: [{type: gru, hidden: 4}]}
train: {batch: 5}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("data")
    (made / "sounds").mkdir()
    draw = np.random.default_rng(0)
    for i in range(12):
        for word in ("yes", "no"):
            with wave.open(str(made / "sounds" / f"{word}_{i}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(1000)
                file.writeframes(draw.integers(-9000, 9000, 300 + 10 * i).astype("<i2").tobytes())
    kinds = ("good", "bad")
    (made / "texts.tsv").write_text(
        "".join(f"a {kinds[i % 2]} day{' of rain' * (i % 4)}\t{i % 2}\n" for i in range(60))
    )
    return made


def recipe(folder: Path, text: str, *overrides: str) -> Recipe:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return load_recipe(path, load_registry(), overrides)


def train_loader(folder: Path, text: str, workers: int) -> EpochLoader:
    found = recipe(folder, text, f"train.workers={workers}")
    task = build_task(found)
    task.prepare()
    return build_loaders(task, found).train


def epoch_of(loader: EpochLoader, epoch: int) -> Iterator[Batch]:
    loader.batch_sampler.sampler.set_epoch(epoch)
    return iter(loader)


def assert_same(one: Batch, other: Batch) -> None:
    for name in ("x", "lengths", "target", "index", "target_lengths"):
        assert torch.equal(getattr(one, name), getattr(other, name)), name


@pytest.mark.parametrize("text", [SPOKEN, WRITTEN], ids=["wav", "text"])
def test_the_same_batches_with_and_without_workers(folder: Path, text: str) -> None:
    """In two epochs that differ, and from the middle of a third one on; the generators stay where they were."""
    plain, helped = train_loader(folder, text, 0), train_loader(folder, text, 2)
    try:
        before = torch.get_rng_state()
        epochs = []
        for epoch in (0, 1):
            pairs = list(zip(epoch_of(plain, epoch), epoch_of(helped, epoch), strict=True))
            assert len(pairs) == len(plain) > 3
            for one, other in pairs:
                assert_same(one, other)
            epochs.append(pairs)
        if text is SPOKEN:  # another speed, other neighbours, in every epoch
            lengths = [torch.cat([one.lengths for one, _ in pairs]).sum() for pairs in epochs]
            assert lengths[0] != lengths[1]
        whole = list(epoch_of(plain, 2))
        taken = epoch_of(helped, 2)
        for one in whole[:2]:
            assert_same(one, next(taken))
        state = helped.state_dict()  # processes have prepared more than that by now
        assert state == {"batch": 2}
        helped.load_state_dict(state)
        rest = list(epoch_of(helped, 2))
        assert len(rest) == len(whole) - 2
        for one, other in zip(whole[2:], rest, strict=True):
            assert_same(one, other)
        assert torch.equal(torch.get_rng_state(), before)
    finally:
        helped.close()


class Failing(Items):
    """Items 4 and 7 cannot be made, and 16 ends its process."""

    def __len__(self) -> int:
        return 18

    def __getitem__(self, index: int) -> Item:
        if index == 4:
            raise DataError("song.wav is torn", code="E300", fix="write it again")
        if index == 7:
            raise ValueError("no such\nthing")
        if index == 16:
            os.kill(os.getpid(), signal.SIGKILL)
        return Item(torch.full((2, 1), float(index)), torch.tensor(0), torch.tensor(index))


def test_what_happens_in_a_worker_is_one_error() -> None:
    loader = EpochLoader(Failing(), collate, 3, workers=1)
    try:
        for batch, kind, code, said in (
            (1, DataError, "E300", "song.wav is torn"),
            (2, RunError, "E411", "items 6, 7, 8 cannot be prepared: ValueError: no such thing"),
            (5, RunError, "E411", "a process that prepares batches has ended"),
        ):
            loader.load_state_dict({"batch": 0 if batch == 1 else batch})
            found = []
            with pytest.raises(kind) as caught:
                found.extend(part.index.tolist() for part in loader)
            assert found == ([[0, 1, 2]] if batch == 1 else [])
            problem = caught.value.problems[0]
            assert problem.code == code
            assert said in problem.message
            assert problem.fix
            assert "Traceback" not in caught.value.render()
    finally:
        loader.close()


def test_items_that_cannot_go_to_another_process() -> None:
    class Local(Failing):
        pass

    for items, said in (
        (Local(), "cannot go to another process"),
        (type("Elsewhere", (Failing,), {"__module__": "one_file_of_mine"})(), "cannot import"),
    ):
        loader = EpochLoader(items, collate, 3, workers=1)
        with pytest.raises(RunError, match=said) as caught:
            next(iter(loader))
        assert caught.value.problems[0].code == "E411"
        assert "train.workers=0" in caught.value.problems[0].fix


def children_of(group: int) -> list[str]:
    """Command lines of the processes of a group."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] != "Z":
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (OSError, ValueError):
            continue
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are counted in /proc")
def test_ctrl_c_ends_them_all_and_the_run_goes_on_without_them(folder: Path) -> None:
    (folder / "slow.yaml").write_text(
        SPOKEN.replace("train: {batch: 4}", "train: {batch: 2, epochs: 2000, workers: 2}")
    )
    command = [sys.executable, "-m", "seqhub", "train", "slow.yaml", "--out", "run"]
    child = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert child.stdout is not None
    said = [child.stdout.readline()]
    while said[-1] and not said[-1].startswith("epoch"):
        said.append(child.stdout.readline())
    assert sum("spawn_main" in line for line in children_of(child.pid)) == 2
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does: to all of them
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130, (out, err)
    assert "Traceback" not in err
    deadline = time.monotonic() + 20
    while children_of(child.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert children_of(child.pid) == []
    again = ["train", "slow.yaml", "--out", "run", "--set", "train.workers=0"]
    resumed = subprocess.Popen(
        [sys.executable, "-m", "seqhub", *again], cwd=folder, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert resumed.stdout is not None
    lines = iter(resumed.stdout.readline, "")
    assert any(line.startswith("resuming run in epoch") or line.startswith("resuming run after") for line in lines)
    resumed.kill()
    resumed.communicate()

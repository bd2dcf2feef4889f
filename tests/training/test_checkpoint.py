"""Folders of safetensors and JSON hold what went in, and are replaced whole."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from seqhub.errors import RunError
from seqhub.training.checkpoint import FolderCheckpointIO, load_weights
from seqhub.training.files import commit_folder, draft_folder, read_rows, settle_folder, write_bytes


def checkpoint() -> dict[str, Any]:
    shared = torch.arange(6.0).reshape(2, 3)
    return {
        "state_dict": {"model.a": shared, "model.b": shared, "model.c": torch.tensor(3)},
        "optimizer_states": [
            {"state": {0: {"step": torch.tensor(4.0), "exp_avg": shared.T}}, "groups": [{"betas": (0.9, 0.99)}]}
        ],
        "odd": {"inf": math.inf, "nan": math.nan, "none": None, "flag": True, "big": 2**63, "nested": ((1, 2), [None])},
        "keys": {1: "one", (2, 3): "pair", "$tensor": "not a reference"},
        "double": torch.tensor([1.0 / 3.0], dtype=torch.float64),
    }


def test_round_trip(tmp_path: Path) -> None:
    io, before = FolderCheckpointIO(), checkpoint()
    io.save_checkpoint(before, tmp_path / "last")
    after = io.load_checkpoint(tmp_path / "last")
    assert sorted(p.name for p in (tmp_path / "last").iterdir()) == [
        "model.safetensors",
        "optimizer.safetensors",
        "state.json",
    ]
    assert torch.equal(after["state_dict"]["model.b"], before["state_dict"]["model.b"])
    moments = after["optimizer_states"][0]["state"][0]
    assert torch.equal(moments["exp_avg"], before["optimizer_states"][0]["state"][0]["exp_avg"])
    assert after["optimizer_states"][0]["groups"][0]["betas"] == (0.9, 0.99)
    assert after["double"].dtype == torch.float64
    assert math.isnan(after["odd"].pop("nan"))
    before["odd"].pop("nan")
    assert after["odd"] == before["odd"]
    assert after["keys"] == before["keys"]
    assert load_weights(tmp_path / "last").keys() == {"a", "b", "c"}


def test_state_is_strict_json(tmp_path: Path) -> None:
    FolderCheckpointIO().save_checkpoint(checkpoint(), tmp_path / "last")

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    json.loads((tmp_path / "last/state.json").read_text(), parse_constant=refuse)


def test_paths_follow_the_folder(tmp_path: Path) -> None:
    here = tmp_path / "here"
    state = {"state_dict": {}, "best": {str(here / "best"): 1.0}, "dirpath": str(here)}
    FolderCheckpointIO().save_checkpoint(state, here / "last")
    here.rename(tmp_path / "there")
    loaded = FolderCheckpointIO().load_checkpoint(tmp_path / "there/last")
    assert loaded["dirpath"] == str(tmp_path / "there")
    assert loaded["best"] == {str(tmp_path / "there/best"): 1.0}


def test_what_cannot_be_kept_is_refused_before_anything_is_replaced(tmp_path: Path) -> None:
    io = FolderCheckpointIO()
    io.save_checkpoint(checkpoint(), tmp_path / "last")
    with pytest.raises(TypeError, match=r"cannot keep a object in a checkpoint \(at /odd\)"):
        io.save_checkpoint({**checkpoint(), "odd": object()}, tmp_path / "last")
    assert io.load_checkpoint(tmp_path / "last")["odd"]["flag"] is True


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["missing", "cut short"])
def test_damage_is_an_error_with_a_fix(tmp_path: Path, file: str, damage: str) -> None:
    FolderCheckpointIO().save_checkpoint(checkpoint(), tmp_path / "last")
    path = tmp_path / "last" / file
    content = path.read_bytes()
    path.unlink()
    if damage == "cut short":
        path.write_bytes(content[: len(content) // 2])
    with pytest.raises(RunError, match="cannot be read") as caught:
        FolderCheckpointIO().load_checkpoint(tmp_path / "last")
    assert "--fresh" in caught.value.problems[0].fix


def test_another_format_is_refused(tmp_path: Path) -> None:
    FolderCheckpointIO().save_checkpoint(checkpoint(), tmp_path / "last")
    state = tmp_path / "last/state.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), "format": 99}))
    with pytest.raises(RunError, match="format 99, this seqhub reads format 1"):
        FolderCheckpointIO().load_checkpoint(tmp_path / "last")


def test_a_crash_between_the_renames_brings_the_old_folder_back(tmp_path: Path) -> None:
    path = tmp_path / "last"
    write_bytes(path / "x", b"old")
    draft = draft_folder(path)
    write_bytes(draft / "x", b"new")
    path.rename(tmp_path / ".last.old")  # the first rename happened, the second did not
    settle_folder(path)
    assert (path / "x").read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["last"]


def test_a_crash_after_the_renames_leaves_the_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "last"
    write_bytes(tmp_path / ".last.old" / "x", b"old")
    write_bytes(path / "x", b"new")
    settle_folder(path)
    assert (path / "x").read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["last"]


def test_commit_replaces(tmp_path: Path) -> None:
    path = tmp_path / "last"
    for content in (b"one", b"two"):
        draft = draft_folder(path)
        write_bytes(draft / "x", content)
        commit_folder(draft, path)
        assert (path / "x").read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["last"]


def test_rows_leave_out_a_line_that_was_not_finished(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}\n{"a": 3')
    assert read_rows(path) == [{"a": 1}, {"a": 2}]
    assert read_rows(tmp_path / "none.jsonl") == []

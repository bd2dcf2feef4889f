"""Checkpoints as folders of safetensors and JSON. Nothing is pickled, so opening one never runs code.

    model.safetensors       the model's parameters and buffers, under the model's own names
    optimizer.safetensors   every other tensor: moments, random number states
    state.json              the rest of the trainer's state; a tensor is a reference {"$tensor": name}

A checkpoint is written beside its place, flushed to disk, and renamed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import CheckpointIO
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from seqhub.errors import RunError
from seqhub.training.files import commit_folder, draft_folder, read_json, settle_folder, write_bytes

FORMAT = 1
_MODEL_PREFIX = "model."  # of the model inside the LightningModule
_TENSOR, _TUPLE, _MAP, _FLOAT, _PATH = "$tensor", "$tuple", "$map", "$float", "$checkpoints"


class FolderCheckpointIO(CheckpointIO):
    """Lightning's checkpoint dictionaries to folders and back."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        folder = Path(path)
        rest = {key: value for key, value in checkpoint.items() if key != "state_dict"}
        weights = {name.removeprefix(_MODEL_PREFIX): tensor for name, tensor in checkpoint["state_dict"].items()}
        tensors: dict[str, Tensor] = {}
        state = {"format": FORMAT, "state": _encode(rest, "", tensors, str(folder.parent.resolve()))}
        draft = draft_folder(folder)
        save_file(_detached(weights), draft / "model.safetensors")
        save_file(_detached(tensors), draft / "optimizer.safetensors")
        write_bytes(draft / "state.json", json.dumps(state, allow_nan=False).encode())
        commit_folder(draft, folder)

    def load_checkpoint(
        self, path: str | Path, map_location: Callable[..., Any] | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        folder = Path(path)
        settle_folder(folder)
        weights = load_weights(folder)
        try:
            tensors = load_file(folder / "optimizer.safetensors")
            state = read_json(folder / "state.json")
        except (OSError, ValueError, SafetensorError) as error:
            raise _unreadable(folder, str(error)) from error
        if state.get("format") != FORMAT:
            raise _unreadable(folder, f"it has format {state.get('format')}, this seqhub reads format {FORMAT}")
        checkpoint: dict[str, Any] = _decode(state["state"], tensors, str(folder.parent.resolve()))
        checkpoint["state_dict"] = {_MODEL_PREFIX + name: tensor for name, tensor in weights.items()}
        return checkpoint

    def remove_checkpoint(self, path: str | Path) -> None:
        """Nothing: `last` and `best` are only ever replaced."""


def load_weights(folder: Path) -> dict[str, Tensor]:
    """The model's parameters and buffers in a checkpoint folder. Raises RunError where they cannot be read."""
    settle_folder(folder)
    try:
        return load_file(folder / "model.safetensors")
    except (OSError, SafetensorError) as error:
        raise _unreadable(folder, str(error)) from error


def _unreadable(folder: Path, why: str) -> RunError:
    return RunError(f"the checkpoint {folder} cannot be read: {why}", code="E402", fix="start again with --fresh")


def _detached(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies that share no memory: safetensors refuses tied weights and views."""
    contiguous = torch.contiguous_format
    return {name: tensor.detach().cpu().clone(memory_format=contiguous) for name, tensor in tensors.items()}


def _encode(value: Any, name: str, tensors: dict[str, Tensor], root: str) -> Any:
    """Plain JSON; tensors move to `tensors` under the path of keys that leads to them."""
    if isinstance(value, Tensor):
        tensors[name] = value
        return {_TENSOR: name}
    if isinstance(value, dict):
        if all(isinstance(key, str) and not key.startswith(("$", root)) for key in value):
            return {key: _encode(item, f"{name}/{key}", tensors, root) for key, item in value.items()}
        keys, items = (list(part) for part in (value.keys(), value.values()))
        return {_MAP: [_encode(keys, name, tensors, root), _encode(items, name, tensors, root)]}
    if isinstance(value, tuple):
        return {_TUPLE: [_encode(item, f"{name}/{index}", tensors, root) for index, item in enumerate(value)]}
    if isinstance(value, list):
        return [_encode(item, f"{name}/{index}", tensors, root) for index, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        return {_FLOAT: repr(value)}
    if isinstance(value, str) and value.startswith(root):
        return {_PATH: value[len(root) :]}  # a run folder may be moved
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise TypeError(f"cannot keep a {type(value).__name__} in a checkpoint (at {name})")


def _decode(value: Any, tensors: Mapping[str, Tensor], root: str) -> Any:
    if isinstance(value, list):
        return [_decode(item, tensors, root) for item in value]
    if not isinstance(value, dict):
        return value
    if _TENSOR in value:
        return tensors[value[_TENSOR]]
    if _TUPLE in value:
        return tuple(_decode(item, tensors, root) for item in value[_TUPLE])
    if _MAP in value:
        keys, items = (_decode(part, tensors, root) for part in value[_MAP])
        return dict(zip(keys, items, strict=True))
    if _FLOAT in value:
        return float(value[_FLOAT])
    if _PATH in value:
        return root + value[_PATH]
    return {key: _decode(item, tensors, root) for key, item in value.items()}

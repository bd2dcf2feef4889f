"""Bad data: what every source has to say of it. A code, the file or item, its line, words that mend it, exit code 2,
and no traceback."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqhub.cli import main

PLAIN = "model: {width: 8, blocks: [{type: gru, hidden: 4}]}\n"
EMBEDDED = "model: {width: 8, causal: false, blocks: [{type: gru, hidden: 4}]}\n"
TRANSLATOR = EMBEDDED.replace("]}\n", "], decoder: {width: 8, blocks: [{type: luong, hidden: 8}]}}\n")
FORECAST = "{type: forecast, lookback: 6, horizon: 2}"
CLASSIFY = "{type: classify}"


def recipe(task: str, data: str, model: str = PLAIN) -> str:
    return f"recipe: 1\nname: bad\ntask: {task}\ndata: {data}\n{model}"


@dataclass(frozen=True)
class Bad:
    """files: path to content.  line: of the problem, None where a file or an item as a whole is meant."""

    kind: str
    files: Mapping[str, bytes | str]
    code: str
    line: int | None
    words: tuple[str, ...]


def bad(
    kind: str, name: str, content: bytes | str, code: str, line: int | None, *words: str, **more: bytes | str
) -> Bad:
    return Bad(kind, {name: content, **{f"{other}.txt": text for other, text in more.items()}}, code, line, words)


def changed(values: np.ndarray, at: int, value: float) -> np.ndarray:
    values = values.copy()
    values.reshape(-1)[at] = value
    return values


def latin(text: str) -> bytes:
    return text.encode("latin-1")


def check_one_clear_error(case: Bad, kinds: Mapping[str, str], folder: Path, capsys) -> None:
    """`seqhub data` on a recipe of the case's kind says what the case promises, and nothing else."""
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "recipe.yaml").write_text(kinds[case.kind])
    assert main(["data", str(folder / "recipe.yaml"), "--json"]) == 2
    shown = capsys.readouterr()
    first = json.loads(shown.out)["problems"][0]
    assert (first["code"], first["line"]) == (case.code, case.line), first
    assert first["fix"]
    said = f"{first['message']} {first['fix']}"
    assert all(word in said for word in case.words), said
    if case.line is not None:
        assert Path(first["file"]).name in case.files
    assert "Traceback" not in shown.out + shown.err

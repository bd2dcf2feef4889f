"""`seqhub predict BUNDLE INPUT`: a bundle's answers to a file of numbers or texts, by numpy and onnxruntime alone."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqhub.cli.options import add_json_argument, add_precision_argument
from seqhub.cli.output import print_json
from seqhub.errors import UsageError

if TYPE_CHECKING:
    from seqhub.runtime import Answer, Model
    from seqhub.runtime.files import Item


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder that `seqhub export` wrote")
    kinds = ".csv with the model's columns, .npz with arrays [T D], or texts: .txt, .jsonl"
    parser.add_argument("input", type=Path, metavar="INPUT", help=kinds)
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write to FILE: .csv, or .jsonl with one answer a line"
    )
    add_precision_argument(parser)
    parser.add_argument("--all", action="store_true", help="a forecast after every row from the lookback on")
    parser.add_argument("--stream", action="store_true", help="feed the rows chunk by chunk; an answer after every row")
    parser.add_argument("--chunk", type=int, default=1, metavar="N", help="rows a chunk, with --stream (default: 1)")
    add_json_argument(parser)


@dataclass(frozen=True)
class Row:
    """One answer. row: how many rows of the item had been read; None where the answer is to the whole item."""

    item: str
    row: int | None
    answer: Answer


def run(args: argparse.Namespace) -> int:
    if args.stream and args.all:
        raise UsageError("--stream and --all exclude each other", fix="--stream answers after every row already")
    if args.chunk < 1:
        raise UsageError(f"--chunk is {args.chunk}, expected 1 or more", fix="--chunk 1")
    if args.out is not None and args.out.suffix.lower() not in (".csv", ".jsonl"):
        raise UsageError(f"--out is '{args.out}', expected .csv or .jsonl", fix=f"--out {args.out.with_suffix('.csv')}")
    from seqhub.runtime import load

    model = load(args.bundle, precision=args.precision)
    items = model.read(args.input)
    rows = list(_streamed(model, items, args.chunk) if args.stream else _answered(model, items, args.all))
    if args.out is not None:
        text = _as_lines(rows) if args.out.suffix.lower() == ".jsonl" else _as_csv(rows)
        _write(args.out, text)
    if args.json:
        print_json({"bundle": args.bundle, "input": args.input, "answers": [_as_dict(row) for row in rows]})
    elif args.out is None:
        sys.stdout.write(_as_csv(rows))
    else:
        print(f"{len(rows)} answers: {args.out}")
    return 0


def _answered(model: Model, items: Sequence[Item], every: bool) -> Iterator[Row]:
    if every:
        for item in items:
            first = model.lookback or len(item.steps)
            for i, answer in enumerate(model.rolling(item.steps, name=item.name)):
                yield Row(item.name, first + i, answer)
    else:
        for item, answer in zip(items, model.answers(items), strict=True):
            yield Row(item.name, None, answer)


def _streamed(model: Model, items: Sequence[Item], size: int) -> Iterator[Row]:
    """An answer for every output step, numbered by the row that its input ends with."""
    stream, ratio = model.stream(), model.manifest.ratio
    for item in items:
        done = 0
        chunks = [item.steps[at : at + size] for at in range(0, len(item.steps), size)]
        for y in [*(stream.push(chunk) for chunk in chunks), stream.flush()]:
            for step in y:
                done += 1
                yield Row(item.name, int(done / ratio), model.answer(step))


def _as_csv(rows: Sequence[Row]) -> str:
    """A header, then the table of every answer; columns that tell nothing apart are left out."""
    several = len({row.item for row in rows}) > 1
    numbered = any(row.row is not None for row in rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for i, row in enumerate(rows):
        header, lines = row.answer.table()
        if i == 0:
            writer.writerow([*(["item"] if several else []), *(["row"] if numbered else []), *header])
        front: list[Any] = [*([row.item] if several else []), *([row.row] if numbered else [])]
        writer.writerows([*front, *line] for line in lines)
    return text.getvalue()


def _as_lines(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(_as_dict(row), ensure_ascii=False) + "\n" for row in rows)


def _as_dict(row: Row) -> dict[str, Any]:
    where = {"item": row.item} if row.row is None else {"item": row.item, "row": row.row}
    return {**where, **row.answer.as_dict()}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.parent / f".{path.name}.{secrets.token_hex(4)}.tmp"
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)

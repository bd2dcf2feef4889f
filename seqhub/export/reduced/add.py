"""Reduced precisions into a bundle's folder: made, judged, and written down, or gone without a trace."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import onnx
import onnxruntime as ort

from seqhub.errors import BundleError, ExportError, RunError, UsageError
from seqhub.export.reduced.attempts import Attempt, attempts
from seqhub.export.reduced.contract import broken_contract
from seqhub.export.reduced.drift import measure_drift
from seqhub.export.reduced.gate import PRECISIONS, Judge, Outcome, Refused, Wanted, drop
from seqhub.export.reduced.graphs import domains
from seqhub.export.speed import measure
from seqhub.runtime.manifest import FILE, FLOAT32, read_manifest, sha256_of
from seqhub.runtime.model import Model
from seqhub.runtime.opening import open_model
from seqhub.runtime.verify_reduced import gaps

Progress = Callable[[str], None]
_ROUNDS = 3  # of timing float32 and the reduced graphs in turn, so that a busy machine slows both


def add_reduced(
    folder: Path, wanted: Wanted, judge: Judge, *, chunk: int | None = None, on_progress: Progress | None = None
) -> list[Outcome]:
    """Write every wanted precision that passes its gate beside the graphs of a bundle, and into its manifest.

    chunk: steps at a time of the stream whose latency is measured, one block by default.
    Raises ExportError E507 where one is refused that is required; the folder may then hold what passed before it.
    """
    unknown = [precision for precision in wanted.precisions if precision not in PRECISIONS]
    if unknown:
        raise UsageError(f"precision '{unknown[0]}' is unknown", fix=f"known: {', '.join(PRECISIONS)}")
    before = judge.score(folder, FLOAT32)
    outcomes = []
    for precision in dict.fromkeys(wanted.precisions):
        if on_progress is not None:
            on_progress(f"{precision}: reducing, and scoring the validation data")
        outcome = _add_one(folder, precision, wanted, judge, before, chunk)
        if wanted.required and not outcome.written:
            fix = "raise export.reduced.max_drop, leave the precision out, or set export.reduced.required: false"
            raise ExportError(f"{precision} is required, but was refused: {outcome.reason}", fix=fix, code="E507")
        outcomes.append(outcome)
    return outcomes


def _add_one(
    folder: Path, precision: str, wanted: Wanted, judge: Judge, before: Mapping[str, float], chunk: int | None
) -> Outcome:
    """The first attempt that passes; the reasons of all where none does."""
    model, reasons = open_model(folder, read_manifest(folder)), []
    try:
        if judge.metric not in before:
            raise Refused("there is no validation data to judge it by")
        for attempt in attempts(model, precision, judge.batches):
            try:
                facts = _written(model, precision, attempt, wanted, judge, before, chunk)
            except Refused as refusal:
                _forget(folder, precision)
                reasons.append(f"{refusal}, with {attempt.how}" if attempt.how else str(refusal))
                continue
            _note(folder, precision, facts)
            return Outcome(precision, True, "", facts)
    except Refused as refusal:
        reasons.append(str(refusal))
    return Outcome(precision, False, "; ".join(reasons), {})


def _written(
    model: Model,
    precision: str,
    attempt: Attempt,
    wanted: Wanted,
    judge: Judge,
    before: Mapping[str, float],
    chunk: int | None,
) -> dict[str, Any]:
    """The graphs in the folder, and their facts. Raises Refused where they do not pass."""
    graphs, folder = attempt.graphs, model.folder
    files = {role: file_of(model, role, precision) for role in graphs}
    for role, proto in graphs.items():
        onnx.save(proto, folder / files[role])
    _note(folder, precision, {"files": files})
    try:
        reduced = open_model(folder, read_manifest(folder), precision=precision)
        for role in graphs:
            broken = broken_contract(model.manifest, model.graphs[role], reduced.graphs[role])
            if broken:
                raise Refused(f"{files[role]} breaks the contract of a graph: {broken}")
        gap = gaps(model, reduced)
        if not all(math.isfinite(one) for one in gap.values()):
            raise Refused("its answers are not finite, or not as many as those of float32")
        metric = _judged(folder, precision, wanted, judge, before)
    except (BundleError, RunError) as error:
        raise Refused(f"it does not run: {error.problems[0].message}") from error
    drift = measure_drift(model, reduced)
    if drift is not None and not drift.bounded:
        parts = ", ".join(f"{part:.1e}" for part in drift.parts)
        raise Refused(f"its error grows over {drift.steps} streamed steps: {parts} in each tenth, in standard units")
    sizes = {role: _sizes(folder, model.graphs[role].info.file, file) for role, file in files.items()}
    return {
        "files": files,
        "metric": metric,
        "drift": None if drift is None else asdict(drift),
        "gap": gap,
        "bytes": sizes,
        "latency_us": {role: took for role, took in _latency(model, reduced, chunk).items() if role in files},
        "float32": attempt.left,
        "scales": attempt.how,
        "requires": sorted({domain for proto in graphs.values() for domain in domains(proto)}),
        "onnxruntime": ort.__version__,
    }


def _judged(folder: Path, precision: str, wanted: Wanted, judge: Judge, before: Mapping[str, float]) -> dict[str, Any]:
    """The main metric before and after. Raises Refused where it drops too far."""
    name, better = judge.metric, judge.better
    one, other = before[name], judge.score(folder, precision)[name]
    lost = drop(better, one, other)
    if not lost <= wanted.max_drop:
        change = f"{name} goes from {one:.4g} to {other:.4g} on the validation data"
        raise Refused(f"{change}, {lost:.2%} worse, {wanted.max_drop:.2%} allowed")
    values = {"before": one, "after": other, "drop": lost, "max_drop": wanted.max_drop}
    return {"name": name, "better": better, "split": "valid", **values}


def file_of(model: Model, role: str, precision: str) -> str:
    """`full.int8.onnx` beside `full.onnx`."""
    return f"{Path(model.manifest.graphs[role].file).stem}.{precision}.onnx"


def _latency(model: Model, reduced: Model, chunk: int | None) -> dict[str, dict[str, float]]:
    """Microseconds of each graph, float32 and reduced in turn."""
    rounds = [(measure(model, chunk), measure(reduced, chunk)) for _ in range(_ROUNDS)]
    return {
        role: {
            "before": statistics.median(one[role] for one, _ in rounds),
            "after": statistics.median(other[role] for _, other in rounds),
        }
        for role in rounds[0][0]
    }


def _sizes(folder: Path, before: str, after: str) -> dict[str, int]:
    return {"before": (folder / before).stat().st_size, "after": (folder / after).stat().st_size}


def _note(folder: Path, precision: str, facts: Mapping[str, Any]) -> None:
    """Into the manifest beside the graphs, with the checksums of the files."""
    raw = json.loads((folder / FILE).read_text(encoding="utf-8"))
    raw.setdefault("reduced", {})[precision] = dict(facts)
    for file in facts["files"].values():
        raw["files"][file] = {"sha256": sha256_of(folder / file), "bytes": (folder / file).stat().st_size}
    _save(folder, raw)


def _forget(folder: Path, precision: str) -> None:
    """Out of the manifest and off the disk."""
    raw = json.loads((folder / FILE).read_text(encoding="utf-8"))
    facts = raw["reduced"].pop(precision)
    if not raw["reduced"]:
        del raw["reduced"]
    for file in facts["files"].values():
        raw["files"].pop(file)
        (folder / file).unlink()
    _save(folder, raw)


def _save(folder: Path, raw: Mapping[str, Any]) -> None:
    text = json.dumps(raw, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / FILE).write_text(text, encoding="utf-8")

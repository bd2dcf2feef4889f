"""Writing a bundle: every graph lowered and proven in memory first, then a folder that appears whole."""

from __future__ import annotations

import copy
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import onnx

from seqhub.errors import ExportError
from seqhub.export.blame import Culprit, find_culprit
from seqhub.export.card import write_card
from seqhub.export.fused import OPSETS, Fused, Profile, describe_fused, fuse
from seqhub.export.manifest import build_manifest, embed, tool_versions
from seqhub.export.parity import UNITS, coverage, prove
from seqhub.export.sides import Lowered, Side, lower_sides, sides_of
from seqhub.export.speed import measure
from seqhub.export.tokens import save_tokens
from seqhub.export.twin import Role, describe_states
from seqhub.nn import Ends, SequenceLayer
from seqhub.runtime.manifest import FILE, GraphInfo, sha256_of
from seqhub.runtime.opening import load
from seqhub.runtime.verify import verify

if TYPE_CHECKING:
    from seqhub.export.reduced import Outcome

Progress = Callable[[str], None]
Blame = Callable[..., Culprit | None]
Reduce = Callable[[Path], Sequence["Outcome"]]


@dataclass(frozen=True)
class BundleReport:
    """What was written. graphs: the parity statistics of each.  speed: microseconds, as in the card.  reduced: what
    became of every reduced precision that was asked for.
    """

    folder: Path
    graphs: Mapping[str, Mapping[str, Any]]
    speed: Mapping[str, float]
    seconds: float
    reduced: Sequence[Outcome] = ()


@dataclass(frozen=True, eq=False)
class _Proven:
    proto: onnx.ModelProto
    info: GraphInfo
    statistics: dict[str, Any]


def export_bundle(
    model: SequenceLayer,
    ends: Ends,
    manifest: Mapping[str, Any],
    providers: Mapping[str, str],
    out: Path,
    *,
    name: str,
    graphs: Sequence[str] = get_args(Role),
    tolerance: float = 1e-4,
    profile: Profile = "portable",
    opset: int | None = None,
    chunk: int | None = None,
    card: Mapping[str, Any] | None = None,
    reduce: Reduce | None = None,
    on_progress: Progress | None = None,
) -> BundleReport:
    """Write the bundle `out`, or nothing. A bundle that is there already is replaced when all is proven.

    model: from raw x to raw y, as `ends` says.  manifest: the task's part.
    providers: block name -> "dist/name==version", of every block that a plugin gave.
    profile: portable, modern, or ort, which adds files that need onnxruntime; opset: another than the profile's.
    tolerance: in standard output units, absolute plus relative.  chunk: steps at a time of the stream whose latency is
    measured, one block by default.  card: metrics and baselines for README.md.
    reduce: adds reduced precisions to the folder of float32 graphs, such as `seqhub.export.reduced.add_reduced`.
    Raises ExportError: E501 a graph cannot be made, E502 a dimension is frozen, E503 a graph is not equal to the model,
    E504 the model cannot stream, E505 `out` is something else than a bundle, E506 the finished bundle does not verify.
    """
    started, say = time.perf_counter(), on_progress or _silent
    opset = opset or OPSETS[profile]
    check_target(out)
    layer = copy.deepcopy(model).cpu().float().eval()
    blame = partial(find_culprit, providers=providers, tolerance=tolerance, opset=opset)
    sides = sides_of(layer, ends, graphs, manifest)
    lowered = _lower(sides, opset, blame, say)
    proven = {side.role: _prove(side, lowered[side.role], tolerance, blame, say) for side in sides}
    fused = _fuse(sides, lowered, tolerance, say) if profile == "ort" else {}
    infos = [one.info for one in proven.values()]
    states = describe_states(sides[-1].layer)
    raw = build_manifest(layer, ends, manifest, providers, infos, states, name=name, opset=opset)
    raw |= {"profile": profile, **describe_fused(fused)}
    statistics: dict[str, Mapping[str, Any]] = {role: one.statistics for role, one in proven.items()}
    with _folder(out) as folder:
        for role, one in proven.items():
            onnx.save(embed(one.proto, raw, role), folder / one.info.file)
        for role, extra in fused.items():
            onnx.save(embed(extra.proto, raw, role), folder / extra.file)
        parity = {"tolerance": tolerance, "units": UNITS, "graphs": statistics, "cases": coverage(sides[-1].layer)}
        parity["versions"] = tool_versions()
        if fused:
            parity["ort"] = {role: extra.statistics for role, extra in fused.items()}
        _write_json(folder / "parity.json", parity)
        written = [one.info.file for one in proven.values()] + [extra.file for extra in fused.values()]
        files = {file: _facts(folder / file) for file in (*written, *save_tokens(folder, raw["task"]), "parity.json")}
        _write_json(folder / FILE, {**raw, "files": files})
        reduced = tuple(reduce(folder)) if reduce is not None else ()
        _check_as_deployer(folder)
        loaded = load(folder)
        speed = measure(loaded, chunk)
        write_card(folder / "README.md", loaded.manifest, parity, speed, {**(card or {}), "chunk": chunk})
    return BundleReport(out, statistics, speed, time.perf_counter() - started, reduced)


def _prove(side: Side, graph: Lowered, tolerance: float, blame: Blame, say: Progress) -> _Proven:
    say(f"{side.role}.onnx: comparing with torch")
    statistics, failure = prove(side.layer, *graph, side.kind, side.units, tolerance, side.memories)
    if failure is not None:
        fix = "" if failure.mismatch.note else "if the difference is expected, raise export.verify.tolerance"
        raise _blamed(f"{side.role}.onnx does not equal the model: {failure}", fix, "E503", side, blame, say)
    say(f"{side.role}.onnx: {statistics['cases']} cases agree, largest difference {statistics['max']:.1e}")
    large = statistics.get("large", {})
    if large.get("excused"):
        say(
            f"{side.role}.onnx: of {large['cases']} cases with large values {large['excused']} differ by more than the "
            "tolerance, no further than torch itself leaves open"
        )
    return _Proven(*graph, statistics)


def _fuse(sides: Sequence[Side], lowered: Mapping[str, Lowered], tolerance: float, say: Progress) -> dict[str, Fused]:
    """The fused graphs that open faster; the others are not worth a file."""
    found: dict[str, Fused] = {}
    for side in sides:
        one = fuse(lowered[side.role], side, tolerance)
        before, after = one.opens_ms
        say(f"{one.file}: opens in {after:.1f} ms, {side.role}.onnx in {before:.1f}{'' if one.wins else ': left out'}")
        if one.wins:
            found[side.role] = one
    return found


def _lower(sides: Sequence[Side], opset: int, blame: Blame, say: Progress) -> dict[str, Lowered]:
    """The graphs by role; each layer is exported once."""
    found: dict[str, Lowered] = {}
    for layer in dict.fromkeys(side.layer for side in sides):
        own = [side for side in sides if side.layer is layer]
        say(f"{own[-1].role}.onnx: exporting")
        try:
            found |= lower_sides(own, opset)
        except ExportError as error:
            problem = error.problems[0]
            raise _blamed(problem.message, problem.fix, problem.code, own[-1], blame, say) from error
    return {side.role: found[side.role] for side in sides}


def _blamed(message: str, fix: str, code: str, side: Side, blame: Blame, say: Progress) -> ExportError:
    """The error with the block at fault."""
    say(f"{side.role}.onnx: failed, looking for the block at fault")
    culprit = blame(side.layer, side.kind, within=side.within)
    where = str(culprit) if culprit else "each block passes alone: the fault is in how they are joined"
    return ExportError(f"{message}\n       at fault: {where}", fix=fix, code=code)


def check_target(out: Path) -> None:
    """ExportError E505 where `out` is there and is not a bundle: it will not be replaced."""
    if out.is_dir() and (not any(out.iterdir()) or (out / FILE).is_file()):
        return
    if out.exists() or out.is_symlink():
        message = f"'{out}' is there already and is no bundle"
        raise ExportError(message, fix="give another folder with --out", code="E505")


def _check_as_deployer(folder: Path) -> None:
    """The finished bundle through the runtime alone: its own streams against its own full graph."""
    failed = [check for check in verify(folder) if check.ok is False]
    if failed:
        message = "; ".join(f"{check.name}: {check.detail}" for check in failed)
        raise ExportError(f"the finished bundle does not verify: {message}", code="E506")


@contextmanager
def _folder(out: Path) -> Iterator[Path]:
    """A temporary folder beside `out` that takes its place at the end, or vanishes."""
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.parent / f".{out.name}.{secrets.token_hex(4)}.tmp"
    draft.mkdir()
    try:
        yield draft
        if out.exists():
            old = draft.with_suffix(".old")
            os.replace(out, old)
            try:
                os.replace(draft, out)
            except OSError:
                os.replace(old, out)
                raise
            shutil.rmtree(old)
        else:
            os.replace(draft, out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _facts(path: Path) -> dict[str, Any]:
    return {"sha256": sha256_of(path), "bytes": path.stat().st_size}


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _silent(line: str) -> None:
    return None

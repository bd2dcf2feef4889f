"""Verifying a bundle with all that is at hand: the runtime's checks, onnx's checker, and torch, given the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx

from seqhub.errors import ExportError, UsageError
from seqhub.export.lower import check_graph
from seqhub.export.parity import prove
from seqhub.export.sides import sides_of
from seqhub.export.twin import describe_states
from seqhub.nn import Ends, SequenceLayer
from seqhub.runtime.checks import Check
from seqhub.runtime.manifest import Manifest, read_manifest
from seqhub.runtime.verify import tolerance_of, verify

__all__ = ["Check", "verify_bundle", "verify_onnx", "verify_parity"]


def verify_bundle(folder: Path, model: SequenceLayer | None = None) -> list[Check]:
    """Every check, in order. BundleError where the bundle cannot be loaded.

    model: the one that the bundle was exported from; with it the graphs are proven against torch again.
    """
    checks = [*verify(folder), *verify_onnx(folder)]
    if model is None:
        return [*checks, Check("parity with torch", None, "give --run RUN to compare with the model itself")]
    return [*checks, *verify_parity(folder, model)]


def verify_onnx(folder: Path) -> list[Check]:
    """onnx's full check of each graph."""
    checks: list[Check] = []
    manifest = read_manifest(folder)
    files = {graph.file: role for role, graph in manifest.graphs.items()}
    files |= {file: role for info in manifest.reduced.values() for role, file in info.files.items()}
    for file, role in files.items():
        try:
            check_graph(onnx.load(folder / file), role)
        except ExportError as error:
            checks.append(Check(f"onnx checker on {file}", False, error.problems[0].message))
        else:
            checks.append(Check(f"onnx checker on {file}", True, "full check"))
    return checks


def verify_parity(folder: Path, model: SequenceLayer) -> list[Check]:
    """Gate B on the files as they lie in the folder."""
    manifest, tolerance = read_manifest(folder), tolerance_of(folder)
    layer = model.cpu().float().eval()
    sides = sides_of(layer, Ends.from_dict(_ends(manifest)), list(manifest.graphs), manifest.task)
    expected = {state.input: state.shape for state in describe_states(sides[-1].layer)}
    found = {state.input: state.shape for state in manifest.states}
    if expected != found:
        message = f"the run's model carries {sorted(expected)}, the bundle {sorted(found)}: they are not the same model"
        raise UsageError(message, fix="give the run that the bundle was exported from")
    checks: list[Check] = []
    for side in sides:
        graph = manifest.graphs[side.role]
        proto = onnx.load(folder / graph.file)
        statistics, failure = prove(side.layer, proto, graph, side.kind, side.units, tolerance, side.memories)
        detail = str(failure) if failure else f"{statistics['cases']} cases, largest difference {statistics['max']:.1e}"
        checks.append(Check(f"parity of {graph.file} with torch", failure is None, detail))
    return checks


def _ends(manifest: Manifest) -> dict[str, Any]:
    """What the manifest keeps of a model's ends, as `Ends.from_dict` takes them."""
    names = {"outputs": list(manifest.outputs), "output_names": list(manifest.output_names)}
    return {"features": list(manifest.features), **names, **manifest.raw["scaling"]}

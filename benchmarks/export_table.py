"""Both graphs of every shipped component and recipe, with what was proven of each, or the stated reason why there is
none: `docs/export-table.md` is what this writes.

.venv/bin/python benchmarks/export_table.py --bundles runs      # components: about forty minutes on one core
.venv/bin/python benchmarks/export_table.py gru local-attention --out table.md
.venv/bin/python benchmarks/export_table.py --rows rows.jsonl   # goes on where it was stopped

Components are exported and proven here, every example of each. A recipe's row is what its bundle's parity.json says:
give the folders in which bundles lie. Exits 1 where a proof failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from seqhub.errors import ExportError
from seqhub.export.compare import Units
from seqhub.export.lower import lower
from seqhub.export.parity import prove
from seqhub.export.twin import DeploymentTwin, Role
from seqhub.plugins import Component, load_registry
from seqhub.runtime.manifest import GraphInfo
from seqhub.testing.subject import Subject
from seqhub.testing.suite import subjects

KINDS = ("cell", "attention", "encoder", "block")
TRIALS = ("ordinary", "chunked", "large", "permuted", "evaluated")
ROOT = Path(__file__).resolve().parents[1]
HEAD = """\
# What is exported, and what was proven of it

Made by `benchmarks/export_table.py`, of every example of a component or (`--examples 1`) of its first; the tests
prove all of them. Each cell of the table is passed cases; where a graph is missing, the reason
stands below the table. A case is one comparison of torch with a runner of the graph: onnxruntime with its optimizations
on, the same with them off, or onnx's reference evaluator. What the trials are: [export.md](export.md). Of cases with
large values, those excused differ by more than the tolerance, but no further than torch's own answer is open: they show
that nothing overflows, not that the numbers are alike. The largest difference is that of inputs of ordinary size.
"""
COLUMNS = (
    "| {} | graphs | ordinary | in chunks | large values | rows permuted | onnx's evaluator | largest difference |"
)


@dataclass
class Row:
    """A component over its examples, or a recipe. cases: by trial.  excused: of those with large values.
    notes: reasons and failures.
    """

    name: str
    wanted: int = 0
    proven: int = 0
    failed: int = 0
    largest: float = 0.0
    excused: int = 0
    cases: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TRIALS, 0))
    notes: list[str] = field(default_factory=list)

    def add(self, report: dict[str, Any]) -> None:
        """A proven graph's statistics."""
        self.proven += 1
        parts = {"ordinary": report, **{trial: report[trial] for trial in TRIALS[1:] if trial in report}}
        for trial, found in parts.items():
            self.cases[trial] += found["cases"]
            if trial not in ("large", "permuted"):
                self.largest = max(self.largest, found.get("max", 0.0))
        large = report.get("large", {})
        self.excused += large.get("excused", 0)
        reason = report.get("evaluated", {}).get("reason")
        if reason:
            self.note(f"onnx's evaluator: {reason}")

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def __str__(self) -> str:
        shown = {trial: str(count) for trial, count in self.cases.items()}
        if self.excused:
            shown["large"] += f", {self.excused} excused"
        counts = " | ".join(shown[trial] for trial in TRIALS)
        return f"| {self.name} | {self.proven} of {self.wanted} | {counts} | {self.largest:.1e} |"


def component_row(component: Component, examples: int | None) -> Row:
    """Both graphs of every example, or of the first few, proven at the tolerance of the conformance kit."""
    row = Row(component.ref)
    for subject in subjects(component)[:examples]:
        for role, report in _graphs(subject, row):
            if isinstance(report, str):
                row.failed += 1
                row.note(f"{role} of {subject.name} FAILED: {report}")
            else:
                row.add(report)
    return row


def component_rows(chosen: list[Component], kept: Path | None, examples: int | None) -> list[Row]:
    """Each component's row; those without a failure that `kept` holds are not made again, new ones are added to it."""
    lines = kept.read_text(encoding="utf-8").splitlines() if kept and kept.is_file() else []
    known = {row.name: row for row in (Row(**json.loads(line)) for line in lines) if not row.failed}
    rows = []
    for component in chosen:
        if component.ref not in known:
            started = time.perf_counter()
            row = known[component.ref] = component_row(component, examples)
            seconds = time.perf_counter() - started
            print(f"{row}  {seconds:.0f} s", *row.notes, sep="\n  ", file=sys.stderr, flush=True)
            if kept:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(row)) + "\n")
        rows.append(known[component.ref])
    return rows


def _graphs(subject: Subject, row: Row) -> Iterator[tuple[Role, dict[str, Any] | str]]:
    """Each graph's statistics, or why its proof failed; reasons for graphs that are not to be made go to the row."""
    row.wanted += 2
    if subject.spec.flags.get("onnx") is False:
        row.note("no graph: its spec says onnx: False")
        return
    layer = subject.layer()
    if not layer.geometry.streamable:
        options = ", ".join(f"{key}: {value}" for key, value in subject.options.items())
        row.note(f"no stream ({options or 'by default'}): {layer.geometry.obstacle or 'it looks ahead without bound'}")
    roles: tuple[Role, ...] = ("full", "stream") if layer.geometry.streamable else ("full",)
    made: dict[Role, Any] = {}
    for role in roles:
        kind: Role = role if layer.geometry.future > 0 else "full"  # without look-ahead both graphs are one
        try:
            if kind not in made:
                made[kind] = lower(DeploymentTwin(layer, kind).eval(), kind, opset=20)
        except ExportError as error:
            yield role, error.problems[0].message
            continue
        proto, info = made[kind]
        info = GraphInfo(role, f"{role}.onnx", info.inputs, info.outputs)
        report, failure = prove(layer, proto, info, role, Units.plain(layer.d_in, layer.d_out), 1e-4)
        yield role, str(failure) if failure else report


def recipe_rows(folders: list[Path]) -> list[Row]:
    """One for each recipe that ships, as far as its bundle is given."""
    found: dict[str, Path] = {}
    for manifest in sorted(path for folder in folders for path in folder.rglob("seqhub.json")):
        if manifest.with_name("parity.json").is_file():
            found[json.loads(manifest.read_text(encoding="utf-8"))["name"]] = manifest
    rows = []
    for recipe in sorted((ROOT / "recipes").glob("*/*.yaml")):
        row = Row(f"{recipe.parent.name}/{recipe.stem}", wanted=2)
        if recipe.stem in found:
            manifest = json.loads(found[recipe.stem].read_text(encoding="utf-8"))
            graphs = json.loads(found[recipe.stem].with_name("parity.json").read_text(encoding="utf-8"))["graphs"]
            for report in graphs.values():
                row.add(report)
            if len(graphs) < 2:
                row.note(f"no stream: {manifest['geometry']['obstacle'] or 'it looks ahead without bound'}")
            rows.append(row)
    return rows


def table(title: str, rows: list[Row]) -> str:
    """The table, its totals, and the notes."""
    total = Row("all")
    for row in rows:
        total.wanted, total.proven = total.wanted + row.wanted, total.proven + row.proven
        total.excused += row.excused
        total.largest = max(total.largest, row.largest)
        total.cases = {trial: total.cases[trial] + row.cases[trial] for trial in TRIALS}
    lines = [COLUMNS.format(title), "|" + "---|" * 8, *map(str, [*rows, total])]
    notes = [f"- {row.name}: {note}" for row in rows for note in row.notes]
    return "\n".join([*lines, "", *notes])


def main() -> int:
    """Write the page; 1 where a proof failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="components; all of ours by default")
    parser.add_argument("--bundles", nargs="*", type=Path, default=[], help="folders in which bundles of recipes lie")
    parser.add_argument("--examples", type=int, help="of each component (default: all)")
    parser.add_argument("--rows", type=Path, help="a file in which finished rows are kept from run to run")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "export-table.md")
    args = parser.parse_args()
    torch.set_num_threads(1)
    registry = load_registry()
    ours = [c for kind in KINDS for c in registry.components(kind) if c.dist.startswith("seqhub")]
    chosen = [registry.resolve(name) for name in args.names] or ours
    rows = component_rows(chosen, args.rows, args.examples)
    parts = [HEAD, table("component", rows)]
    recipes = recipe_rows(args.bundles) if args.bundles else []
    if recipes:
        parts.append("\n" + table("recipe", recipes))
    args.out.write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")
    return int(any(row.failed for row in rows))


if __name__ == "__main__":
    sys.exit(main())

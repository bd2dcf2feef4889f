"""`seqhub bench memory`: which cell can hold what, for how long.

Every cell stands in the same model, two residual blocks of the cell and an mlp, and learns every puzzle at every rate;
the rate whose last check is best is kept, and scored on sequences that chose nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from seqhub.bench.budget import SOLVED, Budget
from seqhub.bench.case import Case
from seqhub.bench.entry import KINDS, Entry, Mixer
from seqhub.bench.puzzles import PUZZLES, make_puzzle
from seqhub.bench.tables import markdown_table, score_text, time_text
from seqhub.errors import UsageError
from seqhub.plugins import Registry
from seqhub.recipe.suggest import choice, nearest

if TYPE_CHECKING:
    from seqhub.bench.trial import Outcome

_LAYERS = 2
_LONGER = (1, 2, 4)  # lengths that are scored, in units of the one that is trained


# Name -> mixer at a width, for sequences of a length. One head: several narrow ones find recall later, or not at all.
CELLS: Mapping[str, Callable[[int, int], Mixer]] = {
    "rnn": lambda width, length: Mixer("rnn", {"hidden": width}),
    "irnn": lambda width, length: Mixer("irnn", {"hidden": width}),
    "lstm": lambda width, length: Mixer("lstm", {"hidden": width}),
    "lstm-chrono": lambda width, length: Mixer("lstm", {"hidden": width}, {"forget": "chrono", "steps": length}),
    "gru": lambda width, length: Mixer("gru", {"hidden": width}),
    "slstm": lambda width, length: Mixer("slstm", {"hidden": width}),
    "min-gru": lambda width, length: Mixer("min-gru", {"hidden": width}),
    "lru": lambda width, length: Mixer("lru", {"hidden": width, "states": width, "r_min": 0.9, "r_max": 0.999}),
    "linear-attention": lambda width, length: Mixer("linear-attention", {"hidden": width, "heads": 1}),
    "delta-net": lambda width, length: Mixer("delta-net", {"hidden": width, "heads": 1}),
    "delta-net-negative": lambda width, length: Mixer(
        "delta-net", {"hidden": width, "heads": 1, "negative_eigenvalues": True}
    ),
    "gated-delta-net": lambda width, length: Mixer("gated-delta-net", {"hidden": width, "heads": 1}),
    "mlstm": lambda width, length: Mixer("mlstm", {"hidden": width, "heads": 1}),
    "mamba2": lambda width, length: Mixer("mamba2", {"hidden": width, "heads": 1, "state": width, "expand": 1}),
    "local-attention": lambda width, length: Mixer("local-attention", {"heads": 1, "window": max(1, length // 4)}),
    "attention": lambda width, length: Mixer("attention", {"heads": 1, "causal": True}),
}


@dataclass(frozen=True)
class MemoryOptions:
    """length: steps of the sequences that are trained on.  pairs: of mqar."""

    tasks: tuple[str, ...] = PUZZLES
    cells: tuple[str, ...] = tuple(CELLS)
    rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2)
    steps: int = 600
    length: int = 32
    pairs: int = 8
    width: int = 32
    batch: int = 32
    checked: int = 128
    items: int = 512
    seed: int = 7

    def smoke(self) -> MemoryOptions:
        """The same cells and puzzles on a tiny budget, to see that they run."""
        tiny: dict[str, Any] = {"rates": self.rates[:1], "steps": 2, "length": 24, "pairs": 4, "width": 8}
        return MemoryOptions(**{**asdict(self), **tiny, "batch": 4, "checked": 4, "items": 4})


def memory_cases(options: MemoryOptions, registry: Registry) -> list[Case]:
    """Cell by cell, puzzle by puzzle. UsageError E001 for a name or a length that does not suit."""
    entries = [_entry(name, options, registry) for name in options.cells]
    budget = Budget(options.steps, options.batch, checked=options.checked, items=options.items)
    cases = []
    for entry in entries:
        for name in options.tasks:
            if name not in PUZZLES:
                near = nearest(name, PUZZLES)
                fix = f"did you mean '{near}'?" if near else f"one of: {', '.join(PUZZLES)}"
                raise UsageError(f"there is no task '{name}'", fix=fix)
            puzzle = make_puzzle(name, options.pairs)
            if options.length < puzzle.least_length():
                of_pairs = f" with {options.pairs} pairs" if name == "mqar" else ""
                fewer = ", or fewer --pairs" if name == "mqar" else f", or leave {name} out of --tasks"
                raise UsageError(
                    f"{name}{of_pairs} needs {puzzle.least_length()} steps, and --length is {options.length}",
                    fix=f"--length {puzzle.least_length()} or more{fewer}",
                )
            lengths = tuple(options.length * times for times in (_LONGER if puzzle.longer else (1,)))
            cases.append(Case(entry, puzzle, lengths, options.rates, budget, options.seed))
    return cases


def memory_document(
    options: MemoryOptions, cases: Sequence[Case], results: Sequence[Sequence[Outcome]], where: Mapping[str, Any]
) -> dict[str, Any]:
    """All that was measured, as plain JSON values."""
    from seqhub.bench.trial import best_of

    tasks, cells = dict[str, Any](), dict[str, Any]()
    for case, outcomes in zip(cases, results, strict=True):
        puzzle, best = case.puzzle, best_of(list(outcomes), case.puzzle)
        tasks[puzzle.name] = {
            "source": puzzle.source,
            "metric": puzzle.metric,
            "lengths": list(case.lengths),
            "naive": {str(length): puzzle.naive(length) for length in case.lengths},
        }
        cell = cells.setdefault(case.entry.name, {**case.entry.as_dict(), "seconds": 0.0, "tasks": {}})
        cell["seconds"] += sum(outcome.seconds for outcome in outcomes)
        shares = {str(length): puzzle.share(found, length) for length, found in best.scores.items()}
        cell["tasks"][puzzle.name] = {
            "rate": best.rate,
            "parameters": best.parameters,
            "scores": {str(length): found for length, found in best.scores.items()},
            "shares": shares,
            "solved": shares[str(case.lengths[0])] >= SOLVED,
            "trials": [outcome.as_dict() for outcome in outcomes],
        }
    return {"bench": "memory", "options": asdict(options), "machine": dict(where), "tasks": tasks, "cells": cells}


def memory_markdown(document: Mapping[str, Any]) -> str:
    """Two tables: the scores at the best rate, and every rate."""
    tasks, cells = document["tasks"], document["cells"]
    columns = [(name, str(length)) for name, task in tasks.items() for length in task["lengths"]]
    headers = ["cell", "parameters", *(_heading(tasks, name, length) for name, length in columns), "time"]
    naive = [score_text(tasks[name]["naive"][length], tasks[name]["metric"]) for name, length in columns]
    rows = [["*no memory*", "", *naive, ""]]
    for name, cell in cells.items():
        most = max(task["parameters"] for task in cell["tasks"].values())
        found = [_score(tasks[task]["metric"], cell["tasks"][task], length) for task, length in columns]
        rows.append([name, f"{most:,}", *found, time_text(cell["seconds"])])
    return markdown_table(headers, rows) + "\n" + _rates_table(document)


def _rates_table(document: Mapping[str, Any]) -> str:
    tasks, cells = document["tasks"], document["cells"]
    rates = " / ".join(f"{rate:g}" for rate in document["options"]["rates"])
    rows = [
        [name, *(_sweep(cell["tasks"][task]["trials"], tasks[task]["metric"]) for task in tasks)]
        for name, cell in cells.items()
    ]
    return markdown_table([f"rates {rates}", *tasks], rows)


def _heading(tasks: Mapping[str, Any], name: str, length: str) -> str:
    task = tasks[name]
    unit = "MSE" if task["metric"] == "mse" else "%"
    return f"{name} {length}, {unit}" if len(task["lengths"]) > 1 else f"{name}, {unit}"


def _score(metric: str, result: Mapping[str, Any], length: str) -> str:
    text = score_text(result["scores"][length], metric)
    return f"**{text}**" if result["shares"][length] >= SOLVED else text


def _sweep(trials: Sequence[Mapping[str, Any]], metric: str) -> str:
    return " / ".join("diverged" if trial["diverged"] else score_text(trial["checked"], metric) for trial in trials)


def _entry(name: str, options: MemoryOptions, registry: Registry) -> Entry:
    """A cell of the table, or any installed one that needs no more than `hidden` (an attention: `heads`)."""
    made = CELLS.get(name)
    if made is None:
        specs = {component.spec.name: component.spec for kind in KINDS for component in registry.components(kind)}
        short = name.rpartition("/")[2]
        spec = specs.get(short)
        if spec is None:
            near = nearest(short, (*CELLS, *specs))
            fix = f"did you mean '{near}'?" if near else f"the bench has {choice(CELLS, 20)}; and every installed cell"
            raise UsageError(f"there is no cell '{name}'", fix=fix)
        given = {"hidden": options.width, "heads": 1, "causal": True}
        wanted = {"cell": ("hidden",), "attention": ("heads", "causal")}.get(spec.kind, ("causal",))
        own = {field.name for field in dataclasses.fields(spec.config)}
        mixer = Mixer(name, {key: given[key] for key in wanted if key in own})
    else:
        mixer = made(options.width, options.length)
    entry = Entry(name, options.width, (mixer,) * _LAYERS)
    entry.check(registry)
    return entry

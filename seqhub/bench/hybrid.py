"""`seqhub bench hybrid`: what recurrence and attention do together that neither does alone, at equal size.

Parity needs a state that each step rewrites; recall of many pairs needs a memory that grows, or a large one (Beck et
al. 2024, arXiv:2405.04517, section 4.1, where two kinds of recurrence share the work). Three contestants of three
blocks:

    rnn        LSTM -> LSTM -> LSTM
    attention  attention -> attention -> attention      each with an mlp of twice the width
    hybrid     LSTM -> attention -> LSTM                the attention with an mlp of twice the width

An LSTM has 8 D^2 weights at width D, an attention 4 D^2, and the mlp the other 4 D^2. The hybrid's attention has no
positions of its own: the LSTM before it counts, as in Jamba (arXiv:2403.19887). Two more can be asked for: `xlstm`
(sLSTM -> mLSTM -> sLSTM, no attention at all) and `delta` (three delta-nets whose states may flip their sign,
arXiv:2411.12537).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from seqhub.bench.budget import Budget
from seqhub.bench.case import Case
from seqhub.bench.entry import Entry, Mixer
from seqhub.bench.puzzles import Puzzle, make_puzzle
from seqhub.bench.tables import markdown_table, score_text, time_text
from seqhub.errors import UsageError
from seqhub.plugins import Registry
from seqhub.recipe.suggest import nearest

if TYPE_CHECKING:
    from seqhub.bench.trial import Outcome

TASKS = ("parity", "mqar")
THE_THREE = ("rnn", "attention", "hybrid")
WANTED = 0.99  # accuracy with every seed


def _lstm(width: int) -> Mixer:
    return Mixer("lstm", {"hidden": width}, mlp=0)


def _slstm(width: int) -> Mixer:
    return Mixer("slstm", {"hidden": width}, mlp=0)


def _attention(positions: str) -> Mixer:
    return Mixer("attention", {"heads": 1, "causal": True, "positions": positions})


def _mlstm(width: int) -> Mixer:
    return Mixer("mlstm", {"hidden": width, "heads": 1}, mlp=1.5)


def _delta(width: int) -> Mixer:
    return Mixer("delta-net", {"hidden": width, "heads": 1, "negative_eigenvalues": True}, mlp=1.75)


CONTESTANTS: Mapping[str, Callable[[int], tuple[Mixer, ...]]] = {
    "rnn": lambda width: (_lstm(width), _lstm(width), _lstm(width)),
    "attention": lambda width: (_attention("rope"),) * 3,
    "hybrid": lambda width: (_lstm(width), _attention("none"), _lstm(width)),
    "xlstm": lambda width: (_slstm(width), _mlstm(width), _slstm(width)),
    "delta": lambda width: (_delta(width),) * 3,
}


@dataclass(frozen=True)
class HybridOptions:
    """parity_length, recall_length: steps that are trained on; parity is also scored at twice and four times that."""

    contestants: tuple[str, ...] = THE_THREE
    rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2)
    seeds: tuple[int, ...] = (7, 8, 9)
    steps: int = 600
    width: int = 32
    parity_length: int = 32
    recall_length: int = 64
    pairs: int = 16
    batch: int = 32
    checked: int = 256
    items: int = 1024

    def smoke(self) -> HybridOptions:
        """The same on a tiny budget, to see that it runs."""
        tiny: dict[str, Any] = {"rates": self.rates[:1], "seeds": self.seeds[:1], "steps": 3, "width": 8, "pairs": 4}
        short = {"parity_length": 8, "recall_length": 16, "batch": 4, "checked": 8, "items": 8}
        return HybridOptions(**{**asdict(self), **tiny, **short})


def hybrid_cases(options: HybridOptions, registry: Registry) -> list[Case]:
    """Task by task, contestant by contestant, seed by seed. UsageError E001 for a name or length that does not suit."""
    entries = [_entry(name, options, registry) for name in options.contestants]
    budget = Budget(options.steps, options.batch, checked=options.checked, items=options.items)
    cases = []
    for name in TASKS:
        puzzle, lengths = _puzzle(name, options)
        if lengths[0] < puzzle.least_length():
            raise UsageError(
                f"{options.pairs} pairs need {puzzle.least_length()} steps, and --length is {lengths[0]}",
                fix=f"--length {puzzle.least_length()} or more, or fewer --pairs",
            )
        for entry in entries:
            cases += [Case(entry, puzzle, lengths, options.rates, budget, seed) for seed in options.seeds]
    return cases


def hybrid_document(
    options: HybridOptions, cases: Sequence[Case], results: Sequence[Sequence[Outcome]], where: Mapping[str, Any]
) -> dict[str, Any]:
    """All that was measured, as plain JSON values; `solves` where every seed reaches `WANTED` at the trained length."""
    from seqhub.bench.trial import best_of

    contestants, tasks = dict[str, Any](), dict[str, Any]()
    for case, outcomes in zip(cases, results, strict=True):
        best, name = best_of(list(outcomes), case.puzzle), case.puzzle.name
        lengths = [str(length) for length in case.lengths]
        tasks[name] = {"lengths": lengths, "naive": case.puzzle.naive(case.lengths[0]), "source": case.puzzle.source}
        contestant = contestants.setdefault(case.entry.name, {**case.entry.as_dict(), "tasks": {}})
        task = contestant["tasks"].setdefault(name, {"parameters": best.parameters, "seconds": 0.0, "seeds": []})
        task["seconds"] += sum(outcome.seconds for outcome in outcomes)
        scores = {str(length): found for length, found in best.scores.items()}
        trials = [outcome.as_dict() for outcome in outcomes]
        task["seeds"].append({"seed": case.seed, "rate": best.rate, "steps": best.steps, "scores": scores})
        task["seeds"][-1]["trials"] = trials
        worst = [min(seed["scores"][length] for seed in task["seeds"]) for length in lengths]
        task.update(worst=dict(zip(lengths, worst, strict=True)), solves=worst[0] >= WANTED)
    for contestant in contestants.values():
        contestant["solves_both"] = all(task["solves"] for task in contestant["tasks"].values())
    spreads = {name: _spread([c["tasks"][name]["parameters"] for c in contestants.values()]) for name in tasks}
    return {
        "bench": "hybrid",
        "options": asdict(options),
        "machine": dict(where),
        "tasks": tasks,
        "contestants": contestants,
        "spread": spreads,
    }


def verdict(document: Mapping[str, Any]) -> str:
    """One sentence: who solves both, and how far apart the sizes are."""
    both = [name for name, contestant in document["contestants"].items() if contestant["solves_both"]]
    who = f"{' and '.join(both)} alone" if both else "no contestant"
    seeds = len(document["options"]["seeds"])
    spread = max(document["spread"].values())
    every = "its one seed" if seeds == 1 else f"each of {seeds} seeds"
    return f"{who} solves both (at least {WANTED:.0%} with {every}); sizes differ by {spread:.1%} at most"


def hybrid_markdown(document: Mapping[str, Any]) -> str:
    """Two tables: the worst seed of each contestant, and every seed."""
    tasks = document["tasks"]
    columns = [(name, length) for name, task in tasks.items() for length in task["lengths"]]
    heads = [f"{name} {length}, %" for name, length in columns]
    rows, seeds = [], []
    for name, contestant in document["contestants"].items():
        worst = [_bold(contestant["tasks"][task]["worst"][length]) for task, length in columns]
        sizes = " / ".join(f"{contestant['tasks'][task]['parameters']:,}" for task in tasks)
        took = time_text(sum(task["seconds"] for task in contestant["tasks"].values()))
        rows.append([name, sizes, *worst, "yes" if contestant["solves_both"] else "no", took])
        seeds += [[name, task, *_seed_cells(seed)] for task in tasks for seed in contestant["tasks"][task]["seeds"]]
    first = markdown_table(["worst seed", f"parameters ({' / '.join(tasks)})", *heads, "both", "time"], rows)
    rates = " / ".join(f"{rate:g}" for rate in document["options"]["rates"])
    headers = ["contestant", "task", "seed", "best rate", "steps", "%", f"last check at {rates}, %"]
    return first + "\n" + markdown_table(headers, seeds)


def _seed_cells(seed: Mapping[str, Any]) -> list[str]:
    scores = " / ".join(score_text(score, "accuracy") for score in seed["scores"].values())
    sweep = " / ".join(score_text(trial["checked"], "accuracy") for trial in seed["trials"])
    return [str(seed["seed"]), f"{seed['rate']:g}", str(seed["steps"]), scores, sweep]


def _bold(score: float) -> str:
    text = score_text(score, "accuracy")
    return f"**{text}**" if score >= WANTED else text


def _spread(sizes: Sequence[int]) -> float:
    """How much larger the largest is than the smallest."""
    return max(sizes) / min(sizes) - 1


def _puzzle(name: str, options: HybridOptions) -> tuple[Puzzle, tuple[int, ...]]:
    puzzle = make_puzzle(name, options.pairs)
    if name == "mqar":
        return puzzle, (options.recall_length,)
    return puzzle, tuple(options.parity_length * times for times in (1, 2, 4))


def _entry(name: str, options: HybridOptions, registry: Registry) -> Entry:
    made = CONTESTANTS.get(name)
    if made is None:
        near = nearest(name, CONTESTANTS)
        fix = f"did you mean '{near}'?" if near else f"one of: {', '.join(CONTESTANTS)}"
        raise UsageError(f"there is no contestant '{name}'", fix=fix)
    entry = Entry(name, options.width, made(options.width))
    entry.check(registry)
    return entry

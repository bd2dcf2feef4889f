"""One entry on one puzzle at every learning rate, kept on disk once done, so that a bench that stopped goes on."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqhub.bench.budget import Budget
from seqhub.bench.entry import Entry
from seqhub.bench.progress import Progress
from seqhub.bench.puzzles import Puzzle

if TYPE_CHECKING:
    from seqhub.bench.trial import Outcome
    from seqhub.plugins import Registry

_FORMAT = 1  # of the files; one more whenever the same settings would train differently


@dataclass(frozen=True)
class Case:
    """lengths: the first is trained, all are scored."""

    entry: Entry
    puzzle: Puzzle
    lengths: tuple[int, ...]
    rates: tuple[float, ...]
    budget: Budget
    seed: int

    @property
    def name(self) -> str:
        return f"{self.puzzle.name} {self.entry.name} seed {self.seed}"

    @property
    def file(self) -> str:
        """Of its name and its settings: the same case with other settings is another file."""
        key = hashlib.sha256(json.dumps(self.settings(), sort_keys=True).encode()).hexdigest()[:10]
        return f"{self.name.replace(' ', '-').replace('/', '-')}-{key}.json"

    def settings(self) -> dict[str, Any]:
        """All that the outcomes depend on, as plain JSON values."""
        return {
            "format": _FORMAT,
            "puzzle": {"name": self.puzzle.name, "tokens": self.puzzle.tokens, "classes": self.puzzle.classes},
            "entry": self.entry.as_dict(),
            "lengths": list(self.lengths),
            "rates": list(self.rates),
            "budget": dataclasses.asdict(self.budget),
            "seed": self.seed,
        }


def run_cases(cases: Sequence[Case], registry: Registry, folder: Path, *, fresh: bool = False) -> list[list[Outcome]]:
    """The outcomes of each case, one a rate; those in `folder` with the same settings are taken from there.

    Progress goes to stderr: a bar on a terminal, a line a case elsewhere.
    """
    from seqhub.bench.trial import best_of, run_trial

    done: list[list[Outcome]] = []
    with Progress(sum(case.budget.steps * len(case.rates) for case in cases)) as progress:
        for number, case in enumerate(cases, 1):
            found = None if fresh else _load(case, folder)
            outcomes = found or []
            for rate in () if found else case.rates:
                tick = _ticker(progress, f"{case.puzzle.name} {case.entry.name} {rate:g}")
                outcome = run_trial(
                    case.entry,
                    case.puzzle,
                    registry,
                    case.budget,
                    rate=rate,
                    seed=case.seed,
                    lengths=case.lengths,
                    tick=tick,
                )
                progress.skip(case.budget.steps - outcome.steps)
                outcomes.append(outcome)
            if found:
                progress.skip(case.budget.steps * len(case.rates))
            else:
                _save(case, outcomes, folder)
            best = best_of(outcomes, case.puzzle)
            seconds = sum(outcome.seconds for outcome in outcomes)
            took = "done before" if found else f"{seconds:.0f} s"
            score = best.scores[case.lengths[0]]
            progress.say(
                f"[{number}/{len(cases)}] {case.name}: {case.puzzle.metric} {score:.3g} at rate {best.rate:g}, {took}"
            )
            done.append(outcomes)
    return done


def _ticker(progress: Progress, text: str) -> Callable[[int], None]:
    return lambda step: progress.tick(text)


def _load(case: Case, folder: Path) -> list[Outcome] | None:
    """What was written for these very settings; None where nothing was, or something else."""
    from seqhub.bench.trial import Outcome

    try:
        content = json.loads((folder / case.file).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(content, dict) or content.get("settings") != case.settings():
        return None
    return [Outcome.from_dict(values) for values in content["outcomes"]]


def _save(case: Case, outcomes: Sequence[Outcome], folder: Path) -> None:
    from seqhub.training.files import write_json

    values = [outcome.as_dict() for outcome in outcomes]
    write_json(folder / case.file, {"settings": case.settings(), "outcomes": values})

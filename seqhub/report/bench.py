"""Pictures of `seqhub bench`, drawn from its JSON documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqhub.report.canvas import FAINT, MODEL, OTHERS, drawing

_COLOURS = (MODEL, *OTHERS, "#56B4E9", "#F0E442")
_SIGNS = ("o", "s", "^", "D", "v", "P", "X")


def memory_plot(document: Mapping[str, Any], path: Path) -> Path:
    """Cells by puzzles: the share of the way from the answer without memory (0) to the perfect one (100)."""
    tasks, cells = document["tasks"], document["cells"]
    columns = [(name, str(length)) for name, task in tasks.items() for length in task["lengths"]]
    shares = [[100 * cell["tasks"][task]["shares"][length] for task, length in columns] for cell in cells.values()]
    with drawing(path, max(4.5, 2.2 + 0.72 * len(columns)), 1.5 + 0.3 * len(cells)) as (axes,):
        axes.imshow(shares, cmap="cividis", vmin=0, vmax=100, aspect="auto")
        for row, line in enumerate(shares):
            for column, share in enumerate(line):
                colour = "black" if share > 55 else "white"
                axes.text(column, row, f"{int(share)}", ha="center", va="center", color=colour, fontsize=8)
        axes.set_xticks(range(len(columns)), [f"{task}\n{length}" for task, length in columns], fontsize=8)
        axes.set_yticks(range(len(cells)), list(cells), fontsize=9)
        axes.xaxis.tick_top()
        axes.grid(False)
        axes.tick_params(length=0)
        for start in _first_columns(columns)[1:]:
            axes.axvline(start - 0.5, color="white", linewidth=3)
        axes.set_title("0: as without memory, 100: perfect", fontsize=9)
    return path


def hybrid_plot(document: Mapping[str, Any], path: Path) -> Path:
    """How the accuracy of each contestant grew at its best rate, seed by seed: one panel a task."""
    tasks, contestants = document["tasks"], document["contestants"]
    most = document["options"]["steps"]
    with drawing(path, 7.0, 2.6 * len(tasks) + 0.6, (1.0,) * len(tasks)) as panels:
        for axes, (name, task) in zip(panels, tasks.items(), strict=True):
            for index, (who, contestant) in enumerate(contestants.items()):
                for seed in contestant["tasks"][name]["seeds"]:
                    curve = next(trial["curve"] for trial in seed["trials"] if trial["rate"] == seed["rate"])
                    label = who if seed is contestant["tasks"][name]["seeds"][0] else None
                    _curve(axes, curve, most, index, label)
            axes.axhline(100 * task["naive"], color=FAINT, linestyle=":", linewidth=1.6, label="no memory")
            axes.set_title(f"{name}, {task['lengths'][0]} steps")
            axes.set_ylabel("correct, %")
            axes.set_xlim(0, most * 1.02)
            axes.set_ylim(0, 104)
        panels[-1].set_xlabel("training steps; a curve that stops was solved there")
        panels[0].legend(loc="lower right", ncols=len(contestants) + 1)
    return path


def _curve(axes: Any, curve: Sequence[Sequence[float]], most: int, index: int, label: str | None) -> None:
    colour, sign = _COLOURS[index % len(_COLOURS)], _SIGNS[index % len(_SIGNS)]
    steps, scores = [point[0] for point in curve], [100 * point[1] for point in curve]
    axes.plot(steps, scores, color=colour, linewidth=1.3, marker=sign, markersize=3.5, markevery=[-1], label=label)


def _first_columns(columns: Sequence[tuple[str, str]]) -> list[int]:
    """Where each task's columns begin."""
    return [index for index, (task, _) in enumerate(columns) if index == 0 or columns[index - 1][0] != task]

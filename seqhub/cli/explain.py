"""`seqhub explain RECIPE`: every value and where it came from, then the model block by block."""

from __future__ import annotations

import argparse
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from seqhub.cli.loading import load_checked
from seqhub.cli.options import add_json_argument, add_recipe_arguments
from seqhub.cli.output import print_json, print_table
from seqhub.geometry import INF, Geometry
from seqhub.plugins import load_target
from seqhub.recipe import Recipe
from seqhub.recipe.dump import flow
from seqhub.recipe.reader import dotted
from seqhub.recipe.resolve import resolved, settings

if TYPE_CHECKING:
    from seqhub.assembly.cost import Cost
    from seqhub.nn import Ends

_HEADERS = ["block", "type", "provider", "in", "out", "ratio", "chunk", "past", "future", "parameters", "state"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_recipe_arguments(parser)
    add_json_argument(parser)


def run(args: argparse.Namespace) -> int:
    _, recipe, plan = load_checked(args)
    ends = task_ends(recipe)
    from seqhub.assembly.cost import model_costs  # torch, once the recipe is known to be sound

    model, costs = model_costs(plan, ends)
    if args.json:
        print_json(_document(recipe, ends, costs, model.geometry))
    else:
        _print(recipe, ends, costs, model.geometry)
    return 0


def task_ends(recipe: Recipe) -> Ends:
    """What the task makes of its data: columns in, numbers out. Reads the data; DataError where it cannot."""
    source = load_target(recipe.source.component)(recipe.source.options, recipe.base_dir)
    task = load_target(recipe.task.component)(recipe.task.options, recipe.data.options, source, recipe.seed)
    task.prepare()
    ends: Ends = task.ends
    return ends


def _print(recipe: Recipe, ends: Ends, costs: tuple[Cost, ...], total: Geometry) -> None:
    print(f"{recipe.name} ({recipe.path})\n")
    rows = [[dotted(s.path), flow(s.value), s.origin] for s in settings(recipe)]
    print_table(["value", "", "from"], rows)
    print(f"\ncolumns in: {', '.join(ends.features)}; numbers out, each step: {' x '.join(map(str, ends.outputs))}")
    print("chunk: a stream brings multiples of so many steps; past and future in steps of the block's own input;")
    print("state in numbers for each sequence\n")
    print_table(_HEADERS, [_row(cost) for cost in costs])
    print()
    for name, value in _totals(costs, total).items():
        print(f"{name:16} {value}")


def _row(cost: Cost) -> list[Any]:
    geometry = cost.geometry
    return [
        "  " * cost.depth + cost.name,
        cost.type,
        cost.provider,
        cost.d_in,
        geometry.width,
        str(geometry.ratio),
        geometry.block,
        steps(geometry.past),
        steps(geometry.future),
        cost.parameters,
        cost.state,
    ]


def _totals(costs: tuple[Cost, ...], total: Geometry) -> dict[str, str]:
    why = total.obstacle or "unbounded look-ahead"
    fix = f": {total.remedy}" if total.remedy else ""
    return {
        "parameters": f"{sum(cost.parameters for cost in costs):,}",
        "state": f"{sum(cost.state for cost in costs):,} numbers a sequence",
        "output steps": "one a step" if total.ratio == 1 else f"{total.ratio} of the input steps",
        "receptive field": _field(total),
        "latency": f"{steps(total.latency)} steps" if total.latency != INF else "the whole sequence",
        "streams": "yes" if total.streamable else f"no, {why}{fix}",
    }


def _document(recipe: Recipe, ends: Ends, costs: tuple[Cost, ...], total: Geometry) -> dict[str, Any]:
    return {
        "ok": True,
        "recipe": str(recipe.path),
        "name": recipe.name,
        "resolved": resolved(recipe),
        "values": [{"key": dotted(s.path), "value": s.value, "from": s.origin} for s in settings(recipe)],
        "features": ends.features,
        "outputs": ends.outputs,
        "blocks": [
            {
                "name": cost.name,
                "type": cost.type,
                "provider": cost.provider,
                "depth": cost.depth,
                "d_in": cost.d_in,
                "width": cost.geometry.width,
                "ratio": str(cost.geometry.ratio),
                "block": cost.geometry.block,
                "past": finite(cost.geometry.past),
                "future": finite(cost.geometry.future),
                "parameters": cost.parameters,
                "state": cost.state,
            }
            for cost in costs
        ],
        "parameters": sum(cost.parameters for cost in costs),
        "state": sum(cost.state for cost in costs),
        "ratio": str(total.ratio),
        "receptive_field_steps": finite(receptive_field(total)),
        "latency_steps": finite(total.latency),
        "streamable": total.streamable,
        "obstacle": total.obstacle,
        "remedy": total.remedy,
        "warnings": [warning.as_dict() for warning in recipe.warnings],
    }


def _field(total: Geometry) -> str:
    if total.future == INF:
        return "the whole sequence"
    ahead = f", {total.future:g} steps ahead" if total.future else ""
    return f"the whole past{ahead}" if total.past == INF else f"{steps(receptive_field(total))} steps{ahead}"


def receptive_field(total: Geometry) -> float:
    """Input steps that one output step can depend on."""
    return total.past + float(Fraction(1) / total.ratio) + total.future


def steps(number: float) -> str:
    """A count for people."""
    return "all" if number == INF else f"{number:g}"


def finite(number: float) -> int | float | None:
    """A count for JSON: null where it is unbounded."""
    return None if number == INF else int(number) if float(number).is_integer() else number

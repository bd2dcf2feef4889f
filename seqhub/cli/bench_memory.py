"""`seqhub bench memory`: puzzles with a known answer, one small model a cell, every learning rate."""

from __future__ import annotations

import argparse
from dataclasses import replace

from seqhub.bench.memory import CELLS, MemoryOptions, memory_cases, memory_document, memory_markdown
from seqhub.bench.puzzles import PUZZLES
from seqhub.cli.bench_options import (
    add_training_arguments,
    at_least,
    name_list,
    results_folder,
    train_cases,
    write_results,
)
from seqhub.cli.options import add_plugin_arguments
from seqhub.cli.output import print_json
from seqhub.plugins import load_registry

_OUT = "runs/bench-memory"
_DEFAULT = MemoryOptions()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tasks, cells = ", ".join(PUZZLES), ", ".join(CELLS)
    parser.add_argument("--tasks", type=name_list, default=_DEFAULT.tasks, help=f"some of {tasks} (default: all)")
    parser.add_argument("--cells", type=name_list, default=_DEFAULT.cells, help=f"default: {cells}; any installed one")
    parser.add_argument("--length", type=at_least(2), default=_DEFAULT.length, help="steps of a sequence (default: 32)")
    parser.add_argument("--pairs", type=at_least(2), default=_DEFAULT.pairs, help="of mqar (default: 8)")
    parser.add_argument("--width", type=at_least(1), default=_DEFAULT.width, help="of the models (default: 32)")
    parser.add_argument("--seed", type=at_least(0), default=_DEFAULT.seed, help="of weights and sequences (default: 7)")
    add_plugin_arguments(parser)
    add_training_arguments(parser, out=_OUT, rates=_DEFAULT.rates, steps=_DEFAULT.steps)


def run(args: argparse.Namespace) -> int:
    chosen = ("tasks", "cells", "length", "pairs", "width", "seed", "rates", "steps")
    options = replace(_DEFAULT, **{name: getattr(args, name) for name in chosen})
    options = options.smoke() if args.smoke else options
    registry = load_registry()
    cases = memory_cases(options, registry)
    folder = results_folder(args, _OUT)
    results = train_cases(args, cases, registry, folder)
    from seqhub.bench.machine import machine
    from seqhub.report.bench import memory_plot

    document = memory_document(options, cases, results, machine(args.threads))
    markdown = memory_markdown(document)
    paths = write_results(folder, "memory", document, markdown)
    paths["plot"] = memory_plot(document, folder / "memory.png")
    if args.json:
        print_json(document)
    else:
        print(markdown)
        for kind, path in paths.items():
            print(f"  {kind:<6} {path}")
    return 0

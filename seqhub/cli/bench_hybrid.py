"""`seqhub bench hybrid`: RNN, attention and a hybrid of equal size on parity and recall."""

from __future__ import annotations

import argparse
from dataclasses import replace

from seqhub.bench.hybrid import (
    CONTESTANTS,
    THE_THREE,
    HybridOptions,
    hybrid_cases,
    hybrid_document,
    hybrid_markdown,
    verdict,
)
from seqhub.cli.bench_options import (
    add_training_arguments,
    at_least,
    name_list,
    results_folder,
    seed_list,
    train_cases,
    write_results,
)
from seqhub.cli.output import print_json
from seqhub.plugins import load_registry

_OUT = "runs/bench-hybrid"
_DEFAULT = HybridOptions()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    names, three = ", ".join(CONTESTANTS), ",".join(THE_THREE)
    parser.add_argument("--contestants", type=name_list, default=THE_THREE, help=f"some of {names} (default: {three})")
    parser.add_argument("--length", type=at_least(2), default=_DEFAULT.recall_length, help="of mqar (default: 64)")
    parser.add_argument("--pairs", type=at_least(2), default=_DEFAULT.pairs, help="of mqar (default: 16)")
    parser.add_argument("--seeds", type=seed_list, default=_DEFAULT.seeds, help="all are shown (default: 7,8,9)")
    add_training_arguments(parser, out=_OUT, rates=_DEFAULT.rates, steps=_DEFAULT.steps)


def run(args: argparse.Namespace) -> int:
    chosen = {name: getattr(args, name) for name in ("contestants", "pairs", "seeds", "rates", "steps")}
    options = replace(_DEFAULT, recall_length=args.length, **chosen)
    options = options.smoke() if args.smoke else options
    registry = load_registry()
    cases = hybrid_cases(options, registry)
    folder = results_folder(args, _OUT)
    results = train_cases(args, cases, registry, folder)
    from seqhub.bench.machine import machine
    from seqhub.report.bench import hybrid_plot

    document = hybrid_document(options, cases, results, machine(args.threads))
    markdown = hybrid_markdown(document)
    paths = write_results(folder, "hybrid", document, markdown)
    paths["plot"] = hybrid_plot(document, folder / "hybrid.png")
    if args.json:
        print_json(document)
    else:
        print(f"{markdown}\n{verdict(document)}")
        for kind, path in paths.items():
            print(f"  {kind:<6} {path}")
    return 0

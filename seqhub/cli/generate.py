"""`seqhub generate BUNDLE`: a language model goes on writing, by numpy and onnxruntime alone."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from seqhub.cli.options import add_json_argument, add_precision_argument
from seqhub.cli.output import print_json
from seqhub.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder that `seqhub export` wrote")
    parser.add_argument("--prompt", default="", metavar="TEXT", help="what is gone on from (default: a new line)")
    parser.add_argument("--tokens", type=int, default=200, metavar="N", help="tokens to write at most (default: 200)")
    parser.add_argument(
        "--temperature", type=float, metavar="T", help="below 1 the likely become likelier (default: 1)"
    )
    parser.add_argument("--top-k", type=int, metavar="K", help="draw from the K likeliest tokens only")
    parser.add_argument("--top-p", type=float, metavar="P", help="draw from the likeliest tokens that hold the share P")
    parser.add_argument("--greedy", action="store_true", help="always the likeliest token; nothing is drawn")
    parser.add_argument("--seed", type=int, metavar="N", help="draw the same text again")
    parser.add_argument(
        "--stop", action="append", default=[], metavar="TEXT", help="end before this text; may be repeated"
    )
    add_precision_argument(parser)
    add_json_argument(parser)


def run(args: argparse.Namespace) -> int:
    drawn = {"--temperature": args.temperature, "--top-k": args.top_k, "--top-p": args.top_p, "--seed": args.seed}
    clash = next((name for name, value in drawn.items() if value is not None), None)
    if args.greedy and clash is not None:
        raise UsageError(f"--greedy draws nothing, so {clash} has no effect", fix=f"leave out {clash}, or --greedy")
    if args.seed is not None and args.seed < 0:
        raise UsageError(f"--seed is {args.seed}, expected 0 or more", fix="--seed 0")
    from seqhub.runtime import load
    from seqhub.runtime.sampling import Sampling

    temperature = 1.0 if args.temperature is None else args.temperature
    sampling = Sampling(0.0 if args.greedy else temperature, args.top_k, args.top_p)
    pieces = load(args.bundle, precision=args.precision).generate(
        args.prompt, tokens=args.tokens, sampling=sampling, seed=args.seed, stop=args.stop
    )
    start = time.perf_counter()
    if args.json:
        text = "".join(pieces)
        seconds = time.perf_counter() - start
        print_json({"bundle": args.bundle, "prompt": args.prompt, "text": text, "seconds": round(seconds, 4)})
        return 0
    sys.stdout.write(args.prompt)
    for piece in pieces:
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")
    return 0

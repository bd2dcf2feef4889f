"""What the benches that train have in common: their options, and what they leave on disk."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from seqhub.cli.options import add_json_argument
from seqhub.errors import UsageError

if TYPE_CHECKING:
    from seqhub.bench.case import Case
    from seqhub.bench.trial import Outcome
    from seqhub.plugins import Registry

_T = TypeVar("_T")


def add_training_arguments(parser: argparse.ArgumentParser, *, out: str, rates: Sequence[float], steps: int) -> None:
    """`--rates --steps --threads --out --fresh --smoke --json`."""
    told = ",".join(f"{rate:g}" for rate in rates)
    parser.add_argument("--rates", type=rate_list, default=tuple(rates), help=f"learning rates (default: {told})")
    parser.add_argument("--steps", type=at_least(1), default=steps, help=f"steps of each training (default: {steps})")
    parser.add_argument(
        "--threads", type=at_least(1), default=1, help="of torch; the seeds hold for one number of them"
    )
    told = f"for the results (default: {out}, with --smoke {out}-smoke)"
    parser.add_argument("--out", type=Path, metavar="DIR", help=told)
    parser.add_argument("--fresh", action="store_true", help="train anew what DIR holds already")
    parser.add_argument("--smoke", action="store_true", help="the same on a tiny budget, to see that it runs")
    add_json_argument(parser)


def name_list(text: str) -> tuple[str, ...]:
    """`a,b,c`; an empty or repeated name is refused."""
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"expected different names with commas between them, got '{text}'")
    return names


def rate_list(text: str) -> tuple[float, ...]:
    """`1e-3,1e-2`."""
    rates = _numbers(text, float, "learning rates such as 1e-3,1e-2")
    if not all(math.isfinite(rate) and rate > 0 for rate in rates):
        raise argparse.ArgumentTypeError(f"learning rates are above 0, got '{text}'")
    return rates


def seed_list(text: str) -> tuple[int, ...]:
    """`7,8,9`."""
    seeds = _numbers(text, int, "seeds such as 7,8,9")
    if min(seeds) < 0:
        raise argparse.ArgumentTypeError(f"seeds are 0 or more, got '{text}'")
    return seeds


def at_least(least: int) -> Callable[[str], int]:
    """The type of an option that counts."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"expected a whole number, {least} or more, got '{text}'")
        return int(text)

    return number


def _numbers(text: str, kind: Callable[[str], _T], example: str) -> tuple[_T, ...]:
    try:
        numbers = tuple(kind(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected {example}, got '{text}'") from None
    if len(set(numbers)) < len(numbers):
        raise argparse.ArgumentTypeError(f"expected each once, got '{text}'")
    return numbers


def results_folder(args: argparse.Namespace, out: str) -> Path:
    """Where the results go; there from now on. UsageError E001 where it is a file."""
    folder: Path = args.out or Path(f"{out}-smoke" if args.smoke else out)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {folder} is a file", fix="name a folder")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def train_cases(
    args: argparse.Namespace, cases: Sequence[Case], registry: Registry, folder: Path
) -> list[list[Outcome]]:
    """Run them with the threads that were asked for; what is done stays in the folder where this is stopped."""
    from seqhub.bench.case import run_cases

    with _threads(args.threads):
        return run_cases(cases, registry, folder / "cases", fresh=args.fresh)


def write_results(folder: Path, name: str, document: dict[str, Any], markdown: str) -> dict[str, Path]:
    """The document and the tables; gives what was written by its kind."""
    from seqhub.training.files import write_bytes, write_json

    paths = {"json": folder / f"{name}.json", "table": folder / f"{name}.md"}
    write_json(paths["json"], document)
    write_bytes(paths["table"], markdown.encode())
    return paths


@contextmanager
def _threads(count: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

"""Does a cloned controller swing the pendulum up? Closed loop, from random starts, beside the expert.

    python examples/pendulum_control.py RUN [--starts 200] [--seconds 12]

RUN is a run of `recipes/regress/pendulum-clone.yaml`, or of any recipe with that source whose target is the torque. Its
bundle is fed step by step, as a controller would be: it sees what was measured of the columns that it reads, and its
answer is the torque of the next step. The expert sees the true state. A start counts as won where the pendulum stays
within 0.2 rad of upright for the last second.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

import numpy as np

from seqhub.data.configs_motion import PendulumConfig
from seqhub.data.pendulum import COLUMNS, closed_loop, random_starts, upright
from seqhub.runtime import load
from seqhub.training.folder import RunFolder


class Cloned:
    """A bundle as a controller of N pendulums, a stream each."""

    def __init__(self, bundle: Path, rows: int) -> None:
        model = load(bundle)
        self.columns = [COLUMNS.index(name) for name in model.features]
        self.stream, self.seconds, self.steps = model.stream(batch=rows), 0.0, 0

    def __call__(self, measured: np.ndarray) -> np.ndarray:
        """What was measured [N 3] -> torque [N]."""
        start = time.perf_counter()
        answers = self.stream.push(measured[:, None, self.columns].astype(np.float32))
        self.seconds, self.steps = self.seconds + time.perf_counter() - start, self.steps + 1
        return np.array([np.asarray(answer)[-1, 0] for answer in answers], dtype=np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--starts", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--disturbance", type=float, default=0.5, help="N m")
    args = parser.parse_args()
    trained = RunFolder.open(args.run).load_recipe().source.options
    if not isinstance(trained, PendulumConfig):
        raise SystemExit(f"{args.run} was not trained on source: pendulum")
    steps = round(args.seconds / trained.step_s)
    config = dataclasses.replace(trained, steps=steps, disturbance=args.disturbance)
    starts = random_starts(args.starts, np.random.default_rng(12345))
    cloned = Cloned(args.run / "bundle", args.starts)
    controllers = {"expert": None, "cloned": cloned, "idle": lambda measured: np.zeros(len(measured))}
    print(f"{args.starts} starts, {args.seconds:g} s, disturbance {args.disturbance:g} N m")
    for name, controller in controllers.items():
        won = upright(config, closed_loop(config, controller, starts, seed=7))
        print(f"  {name:<8} upright at the end from {won.mean():.1%} of the starts")
    print(f"  {cloned.seconds / cloned.steps * 1e6:.0f} us for a step of {args.starts} streams")


if __name__ == "__main__":
    main()

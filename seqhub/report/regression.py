"""Answers of every step against what was measured: one recording, a row of the picture for each target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqhub.report.canvas import MODEL, TRUTH, drawing

Numbers = NDArray[np.float64]
_SHOWN = 2000  # more steps than this hide each other


@dataclass(frozen=True, eq=False)
class RegressionPicture:
    """truth, prediction: [T] of each target; truth is NaN in steps that are not scored.  first: the step of [0]."""

    truth: Mapping[str, Numbers]
    prediction: Mapping[str, Numbers]
    first: int = 0
    title: str = ""


def regression_plot(picture: RegressionPicture, path: Path) -> Path:
    """Write the picture; gives its path."""
    names = list(picture.truth)
    steps = len(picture.truth[names[0]])
    shown = slice(0, min(steps, _SHOWN))
    at = picture.first + np.arange(steps)[shown]
    with drawing(path, 9.0, 1.4 + 1.9 * len(names), (1.0,) * len(names)) as axes:
        for axis, name in zip(axes, names, strict=True):
            truth, guess = picture.truth[name], picture.prediction[name]
            error = guess - truth
            known = error[np.isfinite(error)]
            rmse = float(np.sqrt(np.mean(known**2))) if len(known) else float("nan")
            axis.plot(at, truth[shown], color=TRUTH, label="measured")
            axis.plot(at, guess[shown], color=MODEL, linewidth=1.2, label=f"model, rmse {rmse:.3g}")
            axis.set_ylabel(name)
            axis.margins(x=0.01, y=0.1)
            axis.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=2)
        part = f"first {_SHOWN} of {steps} steps" if steps > _SHOWN else f"{steps} steps"
        axes[0].set_title("\n".join(line for line in (picture.title, f"test data, {part}") if line))
        axes[-1].set_xlabel("step")
    return path

"""What a reduced precision is judged by: the run's own task on its validation data, answered by the bundle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seqhub.recipe import Recipe
from seqhub.recipe.uses import metrics_of

if TYPE_CHECKING:
    import numpy as np

    from seqhub.export.reduced import Judge

_BATCH = 16  # items of one run of calibration


def judge_of(recipe: Recipe) -> Judge:
    """The recipe's task, prepared, as a judge. The main metric is `train.monitor`, or the first that the task names."""
    from seqhub.export.reduced import Judge
    from seqhub.training.evaluate import evaluate_bundle, split_loader
    from seqhub.training.parts import build_task

    task = build_task(recipe)
    task.prepare()
    metrics = metrics_of(recipe.task.component.spec, recipe.task.options)
    name = recipe.train.monitor or next(iter(metrics))
    at_most = recipe.export.reduced.calibration

    def score(bundle: Path, precision: str) -> Mapping[str, float]:
        if not len(task.dataset("valid")):
            return {}
        return evaluate_bundle(bundle, task, "valid", precision=precision).metrics

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        rows = 0
        for part in split_loader(task, "train", min(_BATCH, at_most)):
            if rows >= at_most:
                return
            rows += len(part.lengths)
            yield part.x.numpy(), part.lengths.numpy()

    return Judge(name, "max" if metrics[name] == "max" else "min", score, batches)

"""The tasks that arrive with seqhub. No numpy, no torch: targets are imported on first use."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import TaskSpec, hookimpl
from seqhub.tasks.configs import ClassifyConfig, ClassifyData, ForecastConfig, ForecastData


@hookimpl
def seqhub_register_tasks() -> Iterator[TaskSpec]:
    yield TaskSpec(
        name="forecast",
        target="seqhub.tasks.forecast:Forecast",
        config=ForecastConfig,
        data=ForecastData,
        summary="Predict the next steps of a series from the last ones.",
        metrics={"mae": "min", "mse": "min", "rmse": "min", "mase": "min", "skill": "max"},
    )
    yield TaskSpec(
        name="classify",
        target="seqhub.tasks.classify:Classify",
        config=ClassifyConfig,
        data=ClassifyData,
        summary="Give a whole sequence one label.",
        metrics={"accuracy": "max", "macro_f1": "max"},
    )

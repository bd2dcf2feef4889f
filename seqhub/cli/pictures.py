"""Which pictures a run gets: the loss, and what suits its task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqhub.data.windows import WindowDataset
    from seqhub.report.forecast import ForecastPicture
    from seqhub.training.run import Trained

Records = Sequence[dict[str, Any]]
_MOST_MAPS = 3
_MOST_TARGETS = 6  # pictures of more targets than these are not looked at


def draw_run(trained: Trained, records: Records) -> dict[str, Path]:
    """Draw them into plots/; gives each picture's name and path."""
    import numpy as np

    from seqhub.data.windows import WindowDataset
    from seqhub.report.confusion import confusion_matrix, confusion_plot
    from seqhub.report.forecast import forecast_plot
    from seqhub.report.reliability import reliability, reliability_plot
    from seqhub.report.training import loss_plot

    plots, name = trained.folder.plots, trained.recipe.name
    drawn = {}
    kind = trained.task.manifest().get("type")
    dataset = trained.task.dataset("test")
    if kind == "forecast" and isinstance(dataset, WindowDataset):
        season, targets = trained.task.manifest()["season"], trained.task.ends.output_names[:_MOST_TARGETS]
        for picture in forecast_pictures(dataset, records, season, targets, name):
            drawn[f"plot {picture.target}"] = forecast_plot(picture, plots / f"forecast-{_safe(picture.target)}.png")
    elif kind == "classify":
        labels = trained.task.ends.output_names
        counts = confusion_matrix([r["truth"] for r in records], [r["prediction"] for r in records], labels)
        drawn["plot"] = confusion_plot(counts, labels, plots / "confusion.png", f"{name}: test data")
        sure = np.array([max(r["probabilities"].values()) for r in records])
        right = np.array([r["truth"] == r["prediction"] for r in records])
        bins = reliability(sure, right)
        drawn["plot calibration"] = reliability_plot(bins, plots / "reliability.png", f"{name}: test data")
    elif kind == "regress":
        drawn |= _draw_regression(records, trained.task.ends.output_names[:_MOST_TARGETS], plots / "answers.png", name)
    elif kind == "translate":
        drawn |= _draw_alignments(trained, plots / "alignment.png", name)
    drawn["plot loss"] = loss_plot(trained.history, plots / "loss.png", name)
    return drawn


def forecast_pictures(
    dataset: WindowDataset, records: Records, season: int | None, targets: Sequence[str], title: str
) -> list[ForecastPicture]:
    """One for each target, with the same naive forecasts that are scored beside the model."""
    import numpy as np
    import torch

    from seqhub.report.forecast import ForecastPicture
    from seqhub.tasks.forecast_baselines import naive_forecasts

    begins = torch.tensor([begin for begin in dataset.begins if begin == dataset.begins[0]])
    ends = torch.tensor(dataset.ends[: len(begins)])
    records = records[: len(begins)]  # of several series the first is drawn
    title = f"{title}: {records[0]['series']}" if records and "series" in records[0] else title
    levels = dataset.series[:, : dataset.targets]
    naive = naive_forecasts(levels, ends, dataset.horizon, season, dataset.lookback, begins)
    return [
        ForecastPicture(
            target=target,
            times=[record["times"][-1] for record in records],
            truth=np.array([record["truth"][target] for record in records]),
            prediction=np.array([record["prediction"][target] for record in records]),
            naive={name: values[..., column].double().numpy() for name, values in naive.items()},
            title=title,
            **_band(records, target),
        )
        for column, target in enumerate(targets)
    ]


def _band(records: Records, target: str) -> dict[str, Any]:
    """The ends of a target's interval [N H] and its share, where the records have one."""
    import numpy as np

    if not records or "interval" not in records[0]:
        return {}
    ends = {end: np.array([record["interval"][target][end] for record in records]) for end in ("low", "high")}
    return {**ends, "share": records[0]["interval"]["share"]}


def _draw_regression(records: Records, targets: Sequence[str], path: Path, name: str) -> dict[str, Path]:
    """The first test recording, target by target."""
    import numpy as np

    from seqhub.report.regression import RegressionPicture, regression_plot

    first = records[0]
    picture = RegressionPicture(
        truth={target: np.array(first["truth"][target], dtype=np.float64) for target in targets},
        prediction={target: np.array(first["prediction"][target], dtype=np.float64) for target in targets},
        first=first["step"],
        title=f"{name}: {first['item']}",
    )
    return {"plot answers": regression_plot(picture, path)}


def _draw_alignments(trained: Trained, path: Path, name: str) -> dict[str, Path]:
    """What the first test translations looked at; nothing where the model keeps no alignment."""
    from seqhub.nn.seq2seq import EncoderDecoder
    from seqhub.report.alignment import AlignmentPicture, alignment_plot
    from seqhub.tasks.translate import Translate
    from seqhub.tasks.translate_maps import heat_maps

    model, task = trained.model, trained.task
    if not isinstance(model, EncoderDecoder) or not isinstance(task, Translate):
        return {}
    members = range(min(_MOST_MAPS, len(task.dataset("test"))))
    found = heat_maps(model, task, members)
    maps = [AlignmentPicture(source, written, weights.double().numpy()) for source, written, weights in found]
    return {"plot alignment": alignment_plot(maps, path, f"{name}: test data")} if maps else {}


def _safe(name: str) -> str:
    """A column's name as part of a file's."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)

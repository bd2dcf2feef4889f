"""Pictures are drawn from the right numbers, and reading them needs no guessing."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqhub.report.canvas as canvas
from seqhub.report.confusion import confusion_matrix, confusion_plot
from seqhub.report.forecast import ForecastPicture, forecast_plot, mean_absolute_errors
from seqhub.report.reliability import reliability, reliability_plot
from seqhub.report.training import loss_plot

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The axes of every picture, kept."""
    kept: list[Any] = []
    plain = canvas.drawing

    @contextmanager
    def drawing(*args: Any, **options: Any) -> Iterator[list[Any]]:
        with plain(*args, **options) as axes:
            kept.extend(axes)
            yield axes

    for module in ("forecast", "training", "confusion", "reliability"):
        monkeypatch.setattr(f"seqhub.report.{module}.drawing", drawing)
    return kept


def picture(windows: int = 30, horizon: int = 4) -> ForecastPicture:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(windows, horizon))
    times = [str(np.datetime64("2001-01-06") + 7 * i) for i in range(windows)]
    naive = {"repeat-last": truth + 2.0, "seasonal": truth - 1.0}
    return ForecastPicture("co2", times, truth, truth + 0.5, naive, title="a run", unit="ppm")


def test_forecast_shows_the_longest_lead_and_the_best_naive_forecast(tmp_path: Path, drawn: list[Any]) -> None:
    shown = picture()
    path = forecast_plot(shown, tmp_path / "plots" / "co2.png")
    assert path.read_bytes().startswith(PNG)
    over_time, over_lead = drawn
    lines = {line.get_label(): np.asarray(line.get_ydata()) for line in over_time.lines}
    np.testing.assert_array_equal(lines["measured"], shown.truth[:, -1])
    np.testing.assert_array_equal(lines["model, mean |error| 0.5"], shown.prediction[:, -1])
    np.testing.assert_array_equal(
        lines["seasonal (best naive forecast), mean |error| 1"], shown.naive["seasonal"][:, -1]
    )
    assert "4 steps ahead" in over_time.get_title(loc="left")
    assert over_time.get_ylabel() == "co2 [ppm]"
    assert over_lead.get_xlabel() == "steps ahead"
    assert {line.get_label() for line in over_lead.lines} == {"repeat-last", "seasonal", "model"}
    assert over_lead.get_ylim()[0] == 0


def test_an_interval_is_a_band_with_what_it_held(tmp_path: Path, drawn: list[Any]) -> None:
    shown = picture()
    low, high = shown.truth - 1, shown.truth + 1
    high[:15] = shown.truth[:15] - 0.5  # half of the windows lie above their interval
    forecast_plot(dataclasses.replace(shown, low=low, high=high, share=0.8), tmp_path / "x.png")
    (band,) = drawn[0].collections
    assert band.get_label() == "80% interval, which held 50% of all"
    assert band.get_paths()[0].get_extents().ymax == pytest.approx(high[:, -1].max())


def test_forecast_of_one_step_has_one_panel(tmp_path: Path, drawn: list[Any]) -> None:
    forecast_plot(picture(horizon=1), tmp_path / "x.png")
    assert len(drawn) == 1
    assert "1 step ahead" in drawn[0].get_title(loc="left")


def test_long_tests_show_their_end_and_say_so(tmp_path: Path, drawn: list[Any]) -> None:
    forecast_plot(picture(windows=700), tmp_path / "x.png")
    assert len(drawn[0].lines[0].get_ydata()) == 600
    assert "last 600 of 700 windows" in drawn[0].get_title(loc="left")


TIMES = {
    "numbers": [float(i) for i in range(30)],
    "numbers as text": [str(i) for i in range(30)],
    "neither": ["row"] * 30,
}


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES.keys())
def test_times_that_are_no_dates(tmp_path: Path, drawn: list[Any], times: list[Any]) -> None:
    shown = picture()
    forecast_plot(ForecastPicture("y", times, shown.truth, shown.prediction, {}), tmp_path / "x.png")
    np.testing.assert_array_equal(drawn[0].lines[0].get_xdata(), np.arange(30.0))
    assert (drawn[0].get_xlabel(), drawn[0].get_ylabel()) == ("time", "y")


def test_dates_make_an_axis_of_dates(tmp_path: Path, drawn: list[Any]) -> None:
    forecast_plot(picture(), tmp_path / "x.png")
    assert drawn[0].lines[0].get_xdata()[1] == np.datetime64("2001-01-13")
    assert drawn[0].get_xlabel() == ""


def test_errors_by_lead() -> None:
    errors = mean_absolute_errors(picture())
    np.testing.assert_allclose(errors["model"], [0.5] * 4)
    np.testing.assert_allclose(errors["repeat-last"], [2.0] * 4)


def test_loss_marks_the_epoch_that_was_kept(tmp_path: Path, drawn: list[Any]) -> None:
    losses = [1.0, 0.5, 0.4, 0.6]
    history = [
        {"epoch": i, "train_loss": loss / 2, "valid_loss": loss, "best": loss <= 0.5 or i == 1}
        for i, loss in enumerate(losses, start=1)
    ]
    history[3]["best"] = False
    assert loss_plot(history, tmp_path / "loss.png", "a run").read_bytes().startswith(PNG)
    (axes,) = drawn
    lines = {line.get_label(): line for line in axes.lines}
    np.testing.assert_allclose(lines["validation"].get_ydata(), losses)
    assert lines["kept: epoch 3"].get_xdata()[0] == 3
    assert axes.get_yscale() == "log"


def test_loss_below_zero_is_drawn_on_a_plain_scale(tmp_path: Path, drawn: list[Any]) -> None:
    loss_plot([{"epoch": 1, "train_loss": -1.0, "best": True}], tmp_path / "loss.png")
    assert drawn[0].get_yscale() == "linear"


def test_confusion_counts_rows_as_truth(tmp_path: Path, drawn: list[Any]) -> None:
    truth, guess = ["a", "a", "b", "c", "c"], ["a", "b", "b", "a", "c"]
    counts = confusion_matrix(truth, guess, ["a", "b", "c"])
    np.testing.assert_array_equal(counts, [[1, 1, 0], [0, 1, 0], [1, 0, 1]])
    confusion_plot(counts, ["a", "b", "c"], tmp_path / "c.png", "letters")
    (axes,) = drawn
    assert axes.get_title(loc="left") == "letters\n3 of 5 right"
    assert axes.get_ylabel() == "true label"
    assert [text.get_text() for text in axes.texts] == ["1"] * 5


def test_a_label_that_never_occurs_divides_nothing_by_zero(tmp_path: Path) -> None:
    counts = confusion_matrix(["a"], ["a"], ["a", "b"])
    assert confusion_plot(counts, ["a", "b"], tmp_path / "c.png").exists()


def test_reliability_sorts_answers_by_their_probability(tmp_path: Path, drawn: list[Any]) -> None:
    sure = np.array([0.95, 0.99, 0.96, 0.94, 0.55, 2 / 15])
    right = np.array([True, True, True, False, False, True])
    found = reliability(sure, right)
    assert found.items.tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 4]  # a bin holds its upper edge
    assert found.right[-1] == pytest.approx(0.75)
    assert found.probability[-1] == pytest.approx(0.96)
    assert found.error == pytest.approx((4 * 0.21 + 0.55 + 13 / 15) / 6)
    reliability_plot(found, tmp_path / "r.png", "letters")
    axes, counts = drawn
    line = next(line for line in axes.lines if line.get_label() == "model")
    np.testing.assert_allclose(line.get_xdata(), [2 / 15, 0.55, 0.96])
    assert f"calibration error {found.error:.3f}" in axes.get_title(loc="left")
    assert [patch.get_height() for patch in counts.patches] == found.items.tolist()


def test_a_picture_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="midway"), canvas.drawing(tmp_path / "x.png", 2, 2):
        raise RuntimeError("midway")
    assert list(tmp_path.iterdir()) == []


def test_importing_reports_imports_neither_matplotlib_nor_rich() -> None:
    modules = "seqhub.report.forecast, seqhub.report.training, seqhub.report.reliability, seqhub.report.table"
    code = f"import {modules}, sys; sys.exit(any(m in sys.modules for m in ('matplotlib', 'rich', 'torch')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""What is printed while training."""

from __future__ import annotations

import io
from typing import Any

import pytest

from seqhub.training.display import Display, RichDisplay, make_display, summary


def row(epoch: int, best: bool = True) -> dict[str, Any]:
    numbers = {"train_loss": 0.5, "valid_loss": 0.25, "valid_mae": 1.25}
    return {"epoch": epoch, "epochs": 10, **numbers, "lr": 0.1, "seconds": 3.0 * epoch, "best": best}


def test_lines_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display(every_s=3600)
    for epoch in range(1, 11):
        display.epoch(row(epoch, best=epoch < 10))
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "epoch  1/10  train loss 0.5  valid loss 0.25  mae 1.25 *  3.0 s",
        "epoch 10/10  train loss 0.5  valid loss 0.25  mae 1.25  30.0 s",
    ]


def test_every_line_when_epochs_are_slow(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display(every_s=0)
    for epoch in range(1, 5):
        display.epoch(row(epoch))
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_summary_without_validation() -> None:
    assert summary({"train_loss": 0.125, "best": False}) == "train loss 0.125"


def test_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    display = make_display()
    assert isinstance(display, RichDisplay)
    display.start(epochs=10, batches=4, done=12)
    display.batch(4, 13, 0.5)
    display.epoch(row(4))
    display.say("a [line] with brackets")
    display.stop()
    assert "epoch 4/10" in screen.getvalue()
    assert "valid loss 0.25  mae 1.25" in screen.getvalue()
    assert "a [line] with brackets" in screen.getvalue()


def test_lines_in_a_pipe() -> None:
    assert type(make_display()) is Display

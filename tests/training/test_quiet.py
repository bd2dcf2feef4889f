"""Expected messages of others go to the log or nowhere; all else is shown."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import pytest

from seqhub.training.quiet import quiet


def test_only_named_warnings_are_hidden(tmp_path: Path) -> None:
    with quiet(tmp_path / "log.txt"):
        warnings.warn("Checkpoint directory /x exists and is not empty.", UserWarning, stacklevel=1)
        with pytest.warns(UserWarning, match="something new"):
            warnings.warn("something new", UserWarning, stacklevel=1)
    with pytest.warns(UserWarning, match="is not empty"):
        warnings.warn("Checkpoint directory /x exists and is not empty.", UserWarning, stacklevel=1)


def test_messages_go_to_the_log_and_loggers_are_put_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs, ours = logging.getLogger("lightning.pytorch"), logging.getLogger("seqhub")
    before = [(logger.level, logger.propagate, list(logger.handlers)) for logger in (theirs, ours)]
    with quiet(tmp_path / "log.txt"):
        theirs.info("a tip")
        theirs.warning("a worry")
        ours.info("an epoch")
    text = (tmp_path / "log.txt").read_text()
    assert "WARNING lightning.pytorch: a worry" in text
    assert "INFO seqhub: an epoch" in text
    assert "a tip" not in text
    assert capsys.readouterr() == ("", "")
    assert [(logger.level, logger.propagate, list(logger.handlers)) for logger in (theirs, ours)] == before

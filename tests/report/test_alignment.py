"""Heat maps show the very weights, token by token."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

import seqhub.report.alignment as alignment
import seqhub.report.canvas as canvas


def test_a_map_for_each_pair(tmp_path, monkeypatch):
    kept = []

    @contextmanager
    def drawing(*args):
        with canvas.drawing(*args) as axes:
            kept.extend(axes)
            yield axes

    monkeypatch.setattr(alignment, "drawing", drawing)
    rng = np.random.default_rng(0)
    short = alignment.AlignmentPicture(["a", " ", "</s>"], ["$1$", "</s>"], rng.random((2, 3)))
    long = alignment.AlignmentPicture(["w"] * 90, ["\u65e5"] * 50, rng.random((50, 90)))
    path = alignment.alignment_plot([short, long], tmp_path / "plots" / "alignment.png", "a run")
    assert path.read_bytes().startswith(b"\x89PNG")
    first, second = kept
    np.testing.assert_array_equal(first.images[0].get_array(), short.weights)
    assert [label.get_text() for label in first.get_xticklabels()] == ["a", "\u2423", "</s>"]
    assert [label.get_text() for label in first.get_yticklabels()] == [r"\$1\$", "</s>"]
    assert first.get_title(loc="left") == "a run"
    np.testing.assert_array_equal(second.images[0].get_array(), long.weights[:40, :40])

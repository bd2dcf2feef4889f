"""Folders as the library `datasets` writes them, small. It is imported where it is used: that takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LABELS = ("bad", "good")
TAGS = ("DET", "NOUN", "VERB")


def dataset(**columns: tuple[list[Any], Any]) -> Any:
    """Columns of (cells, what they hold); None: as the library takes them."""
    import datasets

    made = datasets.Dataset.from_dict({name: cells for name, (cells, _) in columns.items()})
    kinds = {name: kind or made.features[name] for name, (_, kind) in columns.items()}
    return made.cast(datasets.Features(kinds))


def reviews(rows: int, labels: list[int] | None = None, texts: list[Any] | None = None) -> Any:
    """Texts with labels by number."""
    import datasets

    return dataset(
        text=(texts or [f"a {LABELS[i % 2]} day {i}" for i in range(rows)], None),
        label=(labels or [i % 2 for i in range(rows)], datasets.ClassLabel(names=list(LABELS))),
    )


def sentences(rows: int, tags: list[list[int]] | None = None) -> Any:
    """Words with tags by number."""
    import datasets

    words = [["a", f"dog{i}", "barks"] for i in range(rows)]
    return dataset(words=(words, None), tags=(tags or [[0, 1, 2]] * rows, datasets.List(_names(TAGS))))


def sequences(rows: int) -> Any:
    """Two columns of lists, as long as each other, with labels by number."""
    steps = [[float(i % 2 + j) for j in range(5 + i % 3)] for i in range(rows)]
    return dataset(
        a=(steps, None), b=([row[::-1] for row in steps], None), label=([i % 2 for i in range(rows)], _names(LABELS))
    )


def _names(names: tuple[str, ...]) -> Any:
    import datasets

    return datasets.ClassLabel(names=list(names))


def save(folder: Path, *, whole: Any = None, **splits: Any) -> Path:
    """Splits by name as one data set, or one without splits."""
    import datasets

    datasets.disable_progress_bars()
    (datasets.DatasetDict(splits) if whole is None else whole).save_to_disk(str(folder))
    return folder

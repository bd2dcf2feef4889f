"""A figure without a window system or global state, and one look for every picture."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Okabe and Ito: told apart by all common kinds of colour vision, and in grey
TRUTH, MODEL = "#000000", "#0072B2"
OTHERS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00")
FAINT = "#999999"
_LOOK: Any = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
}


@contextmanager
def drawing(path: Path, width: float, height: float, ratios: tuple[float, ...] = (1.0,)) -> Iterator[list[Any]]:
    """Axes one above the other, of those relative heights; written to `path` as PNG at the end, all of it or nothing.

    width, height: in inches, at 120 dots each.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_LOOK):
        figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
        FigureCanvasAgg(figure)
        yield list(figure.subplots(len(ratios), 1, squeeze=False, height_ratios=ratios)[:, 0])
        image = io.BytesIO()
        figure.savefig(image, format="png", metadata={"Software": "seqhub"})
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.tmp")
    draft.write_bytes(image.getvalue())
    os.replace(draft, path)


def whole_numbers(axis: Any) -> None:
    """Ticks at whole numbers only: there is no epoch 2.5."""
    axis.get_major_locator().set_params(integer=True)

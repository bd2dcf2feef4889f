"""What each written token looked at, as a heat map."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqhub.report.canvas import drawing

_WIDE_FONTS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "Source Han Sans", "IPAexGothic", "Hiragino Sans", "Yu Gothic")
_MOST = 40  # tokens on a side that can still be told apart


@dataclass(frozen=True, eq=False)
class AlignmentPicture:
    """weights: [T S], row by row how much of each source token a written token was made of."""

    source: Sequence[str]
    written: Sequence[str]
    weights: NDArray[np.float64]


def alignment_plot(pictures: Sequence[AlignmentPicture], path: Path, title: str = "") -> Path:
    """Write the maps one below the other: rows are written tokens, columns those of the source."""
    rows = [min(_MOST, len(picture.written)) for picture in pictures]
    widest = max(min(_MOST, len(picture.source)) for picture in pictures)
    height = sum(rows) * 0.3 + 1.2 * len(rows) + 0.4
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # a box stands for it
        with drawing(path, 2.2 + 0.34 * widest, height, tuple(float(count + 2) for count in rows)) as axes:
            for one, picture in zip(axes, pictures, strict=True):
                _map(one, picture)
            axes[0].set_title(title)
    return path


def _map(axes: Any, picture: AlignmentPicture) -> None:
    source, written = picture.source[:_MOST], picture.written[:_MOST]
    axes.imshow(picture.weights[: len(written), : len(source)], cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    axes.grid(visible=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    turn, fonts = 60 if sum(len(token) > 2 for token in source) > 1 else 0, _fonts()
    axes.set_xticks(range(len(source)), [_shown(token) for token in source], rotation=turn, fontfamily=fonts)
    axes.set_yticks(range(len(written)), [_shown(token) for token in written], fontfamily=fonts)
    axes.tick_params(length=0)
    axes.set_xlabel("source")
    axes.set_ylabel("written")


def _fonts() -> list[str]:
    """The usual font, then whatever is installed for scripts that it lacks."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in _WIDE_FONTS if name in installed)]


def _shown(token: str) -> str:
    """A token as a tick can show it: a blank as a mark, and no sign that starts mathematics."""
    return token.replace(" ", "\u2423").replace("$", r"\$")

"""What a task fixes at the two ends of a model: the columns it reads, the numbers it answers with, and their units."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Pool = Literal["none", "last", "mean", "max"]
Head = Literal["linear", "crf"]
Spread = Literal["point", "quantiles", "gaussian", "student", "negative-binomial"]


@dataclass(frozen=True, kw_only=True)
class Ends:
    """Raw columns in, raw numbers out. Lives in the run folder and the bundle as JSON.

    features: names of the columns of x, so D_in is their number.
    outputs: shape of one step's output, e.g. (horizon, targets) or (classes,); output_names: names along its last axis.
    input_shift, input_scale: [D_in], x -> (x - shift) / scale inside the model (of the differences, with `difference`).
    output_shift, output_scale: [prod(outputs)], z -> z * scale + shift inside the model.
    input_clip: what is then further than this from zero is cut there; 0: nothing is.
    difference: the model reads x_t - x_(t-1), zero at the first step.
    anchor: the input column added to each output, prod(outputs) entries, or none: predict the change from the last
    value. normalise: the columns of the anchor, which are then the first ones, are read less their mean so far in the
    sequence, by their deviation so far, and the outputs are put back by both: reversible instance normalisation, see
    `nn.RunningNorm`; inputs' shifts and scales are applied before. pool: running pool over time before the head; the
    answer to a whole sequence is the output at its last step.

    tokens: size of the vocabulary where x holds ids (int64) instead of numbers, 0 otherwise. The first column is then
    the token's id, and shifts and scales are 0 and 1. characters: size of the alphabet where the further columns spell
    the token, one character's id a column, 0 behind its end. embedding_dropout: share of tokens whose embedding is
    dropped in training. tied: the head's weight is the embedding's.
    elapsed: the column that says how long ago the row before was: layers of continuous time read it as `ctx.dt`, as it
    is; all layers read it beside the others.
    spread: what the outputs are, `point` for plain numbers; else outputs are (steps, parameters, targets), and their
    parameters those of `nn.spread`: of the quantiles at `levels`, or of a distribution. Shifts, scales and anchors are
    those of the data; a parameter takes those that its role needs.
    head: `linear`, or `crf`: pairwise scores of a linear chain, outputs (labels + 1, labels); see `nn.CRFHead`.
    """

    features: tuple[str, ...]
    outputs: tuple[int, ...]
    output_names: tuple[str, ...]
    input_shift: tuple[float, ...]
    input_scale: tuple[float, ...]
    output_shift: tuple[float, ...]
    output_scale: tuple[float, ...]
    input_clip: float = 0.0
    difference: bool = False
    anchor: tuple[int, ...] = ()
    normalise: bool = False
    pool: Pool = "none"
    tokens: int = 0
    characters: int = 0
    embedding_dropout: float = 0.0
    tied: bool = False
    head: Head = "linear"
    elapsed: int | None = None
    spread: Spread = "point"
    levels: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        sizes = {
            "input_shift": (len(self.input_shift), self.d_in),
            "input_scale": (len(self.input_scale), self.d_in),
            "output_shift": (len(self.output_shift), self.d_out),
            "output_scale": (len(self.output_scale), self.d_out),
            "anchor": (len(self.anchor), len(self.anchor) and self.d_out),
            "output_names": (len(self.output_names), self.outputs[-1]),
        }
        for name, (got, expected) in sizes.items():
            if got != expected:
                raise ValueError(f"{name} has {got} entries, expected {expected}")
        if not all(math.isfinite(scale) and scale > 0 for scale in (*self.input_scale, *self.output_scale)):
            raise ValueError("scales must be positive and finite")
        if not self.input_clip >= 0:
            raise ValueError(f"input_clip is {self.input_clip}, expected 0 or more")
        if self.elapsed is not None and not (0 <= self.elapsed < self.d_in and not self.tokens):
            raise ValueError(f"elapsed is column {self.elapsed}, outside the {self.d_in} features that are numbers")
        if any(not 0 <= column < self.d_in for column in self.anchor):
            raise ValueError(f"anchor columns {self.anchor} are outside the {self.d_in} features")
        anchored = set(self.anchor)
        if self.normalise and (self.difference or not anchored or anchored != set(range(len(anchored)))):
            raise ValueError("normalise needs an anchor for every output among the first columns, and no differences")
        if self.spread != "point" and len(self.outputs) != 3:
            raise ValueError(f"outputs of a {self.spread} are (steps, parameters, targets), got {self.outputs}")
        if (self.spread == "quantiles") != bool(self.levels):
            raise ValueError(f"levels {list(self.levels)} are for quantiles, but spread is {self.spread}")
        self._check_tokens()

    def _check_tokens(self) -> None:
        if self.tokens and (self.difference or self.anchor):
            raise ValueError("ids have no differences and no anchor")
        if not self.tokens and (self.characters or self.tied or self.embedding_dropout):
            raise ValueError("characters, tied and embedding_dropout are for x that holds ids: give tokens")
        if bool(self.characters) != (bool(self.tokens) and self.d_in > 1):
            what = f"{self.d_in} features, {self.characters} characters"
            raise ValueError(f"columns behind the first spell tokens: {what}")
        if self.tied and self.d_out != self.tokens:
            raise ValueError(f"a tied head gives one output for each of {self.tokens} tokens, not {self.d_out}")
        if self.head == "crf" and (len(self.outputs) != 2 or self.outputs[0] != self.outputs[1] + 1):
            raise ValueError(f"a crf head has outputs (labels + 1, labels), got {self.outputs}")

    @property
    def d_in(self) -> int:
        return len(self.features)

    @property
    def d_out(self) -> int:
        return math.prod(self.outputs)

    @property
    def vocabulary(self) -> tuple[int, ...]:
        """How many ids each column of x may hold; empty where x holds numbers."""
        return (self.tokens,) + (self.characters,) * (self.d_in - 1) if self.tokens else ()

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Ends:
        """The inverse of `as_dict`."""
        plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**plain)

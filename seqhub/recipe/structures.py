"""Blocks made of blocks: what a recipe may say of them, beside the blocks inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from seqhub.api import Config, config, option

Inner = Literal["blocks", "branches", ""]


@config
class Structured(Config):
    """What all structures have in common."""

    inner: ClassVar[Inner] = "blocks"  # the key that holds the blocks inside; '' for none
    repeats: ClassVar[bool] = True  # whether `repeat` may stand beside it


@config
class Residual(Structured):
    """y = x + scale * blocks(norm(x)); with post_norm, y = norm(x + scale * blocks(x))."""

    norm: Literal["layer", "rms", "none"] = option(
        default="layer", help="normalisation of the inner input; of the sum, with post_norm"
    )
    post_norm: bool = option(default=False, help="normalise the sum instead of the inner input")
    scale: float = option(default=1.0, help="what the inner output is multiplied by, as in 0.5 for half a step")
    learn_scale: Literal["none", "scalar", "channel"] = option(
        default="none", help="learn scale from there on: one number (ReZero: from 0), or one a feature (LayerScale)"
    )
    project: bool = option(default=False, help="a linear map of x before it is added, so that the width may change")

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        found = []
        if self.scale == 0 and self.learn_scale == "none":
            fix = "set another scale, or learn_scale: scalar to learn it from 0"
            found.append(("scale", "scale: 0 that is not learnt takes the blocks inside out of the model", fix))
        if self.post_norm and self.norm == "none":
            found.append(
                ("post_norm", "post_norm: true, but norm: none", "set norm: layer or rms, or remove post_norm")
            )
        return found


@config
class Repeat(Structured):
    """The blocks, several times in a row: each time with weights of their own, or the same with share."""

    repeats: ClassVar[bool] = False

    times: int = option(help="how many times", ge=1, le=1000)
    share: bool = option(default=False, help="the same weights every time; the states stay apart")


@config
class Parallel(Structured):
    """Branches over the same input, joined along the features. An empty branch passes the input on."""

    inner: ClassVar[Inner] = "branches"

    merge: Literal["concat", "sum", "mean", "product", "gated"] = option(
        default="concat", help="how the outputs of the branches are joined; gated: a sum weighed by the input"
    )
    gate: Literal["softmax", "sigmoid"] = option(
        default="softmax", help="gated: weights of the branches that add up to one, or of each by itself"
    )

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        if self.gate != "softmax" and self.merge != "gated":
            what = f"gate: {self.gate} is for merge: gated, but merge is {self.merge}"
            return [("gate", what, "remove gate, or set merge: gated")]
        return []


@config
class Skip(Structured):
    """The output of an earlier block, joined to what stands here."""

    inner: ClassVar[Inner] = ""
    repeats: ClassVar[bool] = False

    block: str = option(help="name of a block before this one, in its own list or in one around it")
    merge: Literal["sum", "concat", "mean", "product"] = option(default="sum", help="how both are joined")


@config
class Resample(Structured):
    """The blocks at a slower rate, one step for `factor` of them; each answer is held until the next one."""

    factor: int = option(help="steps that become one", ge=2, unit="steps")
    keep: Literal["mean", "last", "max"] = option(default="mean", help="what stands for the steps of a block")


@config
class Reversible(Structured):
    """The blocks over each column less its running mean, by its running deviation, and both undone behind them."""


@config
class PerColumn(Structured):
    """The blocks over every column alone, with the same weights for each of them."""

    columns: int = option(help="columns that stand side by side in a step, each as wide as any other", ge=1)


Structure = Residual | Repeat | Parallel | Skip | Resample | Reversible | PerColumn
STRUCTURES: Mapping[str, type[Structure]] = {
    "residual": Residual,
    "repeat": Repeat,
    "parallel": Parallel,
    "skip": Skip,
    "resample": Resample,
    "reversible": Reversible,
    "per-column": PerColumn,
}

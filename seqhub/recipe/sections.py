"""The sections that every recipe has, whatever its task: head, model, train, export. Options as in any plugin."""

from __future__ import annotations

import dataclasses
import re
from typing import Literal

from seqhub.api import Config, Use, config, option, use

RECIPE_FORMAT = 1
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@config
class Head(Config):
    """What a recipe says of itself, at its top."""

    recipe: Literal[1] = option(help="version of the recipe format")
    name: str = option(help="name of the run and of its folder: letters, digits, '.', '_' and '-'")
    seed: int = option(
        default=0, help="seed of every random number: initial weights, data order, dropout", ge=0, le=2**32 - 1
    )

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        if _FOLDER.fullmatch(self.name):
            return []
        fix = "begin with a letter or a digit; then letters, digits, '.', '_' and '-', 80 at most"
        return [("name", f"'{self.name}' cannot name a folder", fix)]


@config
class ModelHead(Config):
    """The model beside its blocks."""

    width: int = option(help="features that enter the first block; the input columns are projected to it", ge=1)
    embed: bool = option(
        default=True, help="project the columns to the width; false: the blocks read the `width` columns as they are"
    )
    causal: bool = option(default=True, help="refuse blocks whose output depends on later input")
    head: Use | str | None = use(
        "head", None, help="what brings the last block's features to the task's outputs; null: a linear projection"
    )


@config
class DecoderHead(Config):
    """What writes another sequence, token by token, beside its blocks; the model's own blocks are then its encoder."""

    width: int = option(help="features of a token of the target, which enter the first block", ge=1)
    bridge: Literal["linear", "none"] = option(
        default="linear",
        help="linear: the first states of recurrent blocks are made of the encoder's last; none: zeros",
    )
    tied: Literal["none", "output", "all"] = option(
        default="none", help="output: the scores use the target's embedding; all: the encoder reads by it too"
    )


@config
class AdamW(Config):
    """Adam with decoupled weight decay."""

    type: Literal["adamw"] = option(default="adamw", help="which optimizer")
    lr: float = option(default=1e-3, help="learning rate", gt=0)
    weight_decay: float = option(
        default=0.01, help="decay of the weight matrices; biases, gains and no_decay parameters have none", ge=0
    )
    betas: tuple[float, float] = option(default=(0.9, 0.999), help="decay of the two running moments", ge=0, lt=1)


@config
class Adam(Config):
    """Adam with L2 regularisation."""

    type: Literal["adam"] = option(default="adam", help="which optimizer")
    lr: float = option(default=1e-3, help="learning rate", gt=0)
    weight_decay: float = option(default=0.0, help="L2 penalty of the weight matrices", ge=0)
    betas: tuple[float, float] = option(default=(0.9, 0.999), help="decay of the two running moments", ge=0, lt=1)


@config
class SGD(Config):
    """Stochastic gradient descent."""

    type: Literal["sgd"] = option(default="sgd", help="which optimizer")
    lr: float = option(default=0.1, help="learning rate", gt=0)
    weight_decay: float = option(default=0.0, help="L2 penalty of the weight matrices", ge=0)
    momentum: float = option(default=0.9, help="momentum; 0 is plain gradient descent", ge=0, lt=1)


@config
class RMSprop(Config):
    """Gradients divided by a running root mean square."""

    type: Literal["rmsprop"] = option(default="rmsprop", help="which optimizer")
    lr: float = option(default=1e-3, help="learning rate", gt=0)
    weight_decay: float = option(default=0.0, help="L2 penalty of the weight matrices", ge=0)
    momentum: float = option(default=0.0, help="momentum of the scaled gradient", ge=0, lt=1)


@config
class Constant(Config):
    """One learning rate throughout."""

    type: Literal["constant"] = option(default="constant", help="which schedule")
    warmup: int = option(default=0, help="steps in which the rate rises linearly from zero", ge=0, unit="steps")


@config
class Cosine(Config):
    """Half a cosine from the full rate to `floor` over the whole training."""

    type: Literal["cosine"] = option(default="cosine", help="which schedule")
    warmup: int = option(default=0, help="steps in which the rate rises linearly from zero", ge=0, unit="steps")
    floor: float = option(default=0.0, help="last rate as a share of the first", ge=0, le=1)


@config
class Step(Config):
    """The rate times `factor` after every `every` epochs."""

    type: Literal["step"] = option(default="step", help="which schedule")
    warmup: int = option(default=0, help="steps in which the rate rises linearly from zero", ge=0, unit="steps")
    every: int = option(help="epochs between two drops", ge=1, unit="epochs")
    factor: float = option(default=0.5, help="what the rate is multiplied by at each drop", gt=0, lt=1)


@config
class Plateau(Config):
    """The rate times `factor` when the monitored number has not improved for `patience` epochs."""

    type: Literal["plateau"] = option(default="plateau", help="which schedule")
    warmup: int = option(default=0, help="steps in which the rate rises linearly from zero", ge=0, unit="steps")
    patience: int = option(default=5, help="epochs without improvement before a drop", ge=0, unit="epochs")
    factor: float = option(default=0.5, help="what the rate is multiplied by at each drop", gt=0, lt=1)


Optimizer = AdamW | Adam | SGD | RMSprop
Schedule = Constant | Cosine | Step | Plateau


@config
class TrainSection(Config):
    """How the model is trained."""

    epochs: int = option(default=20, help="passes over the training data", ge=1, unit="epochs")
    batch: int = option(default=32, help="items in a batch; the last of an epoch may be smaller", ge=1, unit="items")
    optimizer: Optimizer = option(default=AdamW(), help="how a gradient moves the weights")
    schedule: Schedule = option(default=Constant(), help="how the learning rate changes")
    clip: float | None = option(
        default=1.0, help="longest gradient (2-norm over all parameters); null: no clipping", gt=0
    )
    ema_decay: float | None = option(
        default=None,
        help="decay of an exponential moving average of the weights over batches, such as 0.995: the average is "
        "validated, kept and exported in place of the last weights; null: none",
        gt=0,
        lt=1,
    )
    patience: int | None = option(
        default=None,
        help="epochs without improvement of `monitor` before training stops; null: never",
        ge=1,
        unit="epochs",
    )
    monitor: str | None = option(
        default=None, help="validation metric that picks the best epoch; null: the validation loss"
    )
    threads: int | None = option(default=None, help="CPU threads; null: as many as torch takes", ge=1)
    workers: int = option(
        default=0,
        help="processes that read, spoil and pad training items beside the training; the batches are the same with any "
        "number. 0: none, which is faster where items are small",
        ge=0,
        unit="processes",
    )
    compile: Literal["auto", True, False] = option(
        default="auto",
        help="compile the loops of cells that are given as a step: tens of seconds each, once, for a faster loop; "
        "auto: where the training is long enough to win it back; needs a C++ compiler, and an environment "
        "without a space in its path",
    )
    limit_batches: int | None = option(
        default=None, help="batches used of each split in an epoch; null: all", ge=1, unit="batches"
    )

    def smoke(self) -> TrainSection:
        """The same training cut to seconds: one epoch of two batches, to see that everything runs."""
        return dataclasses.replace(self, epochs=1, limit_batches=2, patience=None)


@config
class Verify(Config):
    """What an exported graph must prove."""

    tolerance: float = option(
        default=1e-4, help="largest difference to torch, relative to the output's scale above 1", gt=0
    )


@config
class Reduced(Config):
    """Graphs of lower precision beside the float32 ones, each only where it answers nearly as well."""

    precisions: tuple[Literal["int8", "int8-static", "fp16"], ...] = option(
        default=(),
        help="int8: matrices and LSTMs, by their ranges at every run; int8-static: convolutions too, by their ranges "
        "on training data; fp16: weights of half the size",
    )
    max_drop: float = option(
        default=0.01,
        help="how much worse the main metric on the validation data may become, as a share of its float32 value",
        ge=0,
    )
    required: bool = option(default=False, help="a precision that fails fails the export; false: it is left out")
    calibration: int = option(default=64, help="training items that int8-static measures ranges on", ge=1, unit="items")

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        if len(set(self.precisions)) < len(self.precisions):
            return [("precisions", "export.reduced.precisions names one twice", "name each precision once")]
        return []


@config
class ExportSection(Config):
    """What is written for deployment."""

    graphs: tuple[Literal["full", "stream"], ...] = option(
        default=("full", "stream"), help="full: whole sequences; stream: chunk by chunk with explicit states"
    )
    verify: Verify = option(default=Verify(), help="what an exported graph must prove")
    reduced: Reduced = option(
        default=Reduced(), help="graphs of lower precision beside the float32 ones, behind a gate on the main metric"
    )
    profile: Literal["portable", "modern", "ort"] = option(
        default="portable",
        help="portable: opset 20; modern: opset 24; ort: opset 20, and graphs fused for onnxruntime beside, where they "
        "open faster",
    )
    opset: int | None = option(default=None, help="ONNX operator set; null: the profile's", ge=18, le=24)
    chunk: int | None = option(
        default=None,
        help="steps that a stream brings at a time, for which the model card gives the latency; null: one block",
        ge=1,
        unit="steps",
    )

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        if not self.graphs:
            return [("graphs", "export.graphs is empty", "name at least one of full, stream")]
        if len(set(self.graphs)) < len(self.graphs):
            return [("graphs", "export.graphs names a graph twice", "name each graph once")]
        return []

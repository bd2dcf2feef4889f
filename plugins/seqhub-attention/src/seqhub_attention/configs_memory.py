"""Options of attentions to another sequence, and of the decoders that attend at every step. No torch here."""

from __future__ import annotations

from typing import ClassVar, Literal

from seqhub.api import INF, Config, Geometry, config, option
from seqhub_attention.configs_self import Problems, head_problems

RecurrentKind = Literal["lstm", "gru"]
MEMORY_HELP = "width of what is attended to; 0: that of the input"


@config
class CrossAttentionConfig(Config):
    reads_memory: ClassVar[bool] = True

    heads: int = option(help="attention heads; divides the width", ge=1)
    kv_heads: int = option(0, help="heads of keys and values, shared by groups of heads; 0: one for each head", ge=0)
    memory_width: int = option(0, help=MEMORY_HELP, ge=0)
    dropout: float = option(0.0, help="dropout of the output", ge=0, lt=1)

    def problems(self, width: int) -> Problems:
        return head_problems(width, self.heads, self.kv_heads, rope=False)


@config
class DecoderConfig(Config):
    """What every decoder with attention has."""

    reads_memory: ClassVar[bool] = True

    hidden: int = option(help="width of the recurrent state, and of the output", ge=1)
    cell: RecurrentKind = option("gru", help="the recurrent step")
    attention_size: int = option(0, help="inner width of the scores; 0: as hidden", ge=0)
    memory_width: int = option(0, help=MEMORY_HELP, ge=0)

    def geometry(self, width: int) -> Geometry:
        return Geometry(width=self.hidden, past=INF)


@config
class LuongConfig(DecoderConfig):
    score: Literal["dot", "general", "concat"] = option("general", help="how state and memory are compared")
    cell: RecurrentKind = option("lstm", help="the recurrent step")
    input_feeding: bool = option(True, help="each step also reads the last output")
    reach: int = option(
        0, help="local attention: steps on either side of a predicted place; 0: attend to all", unit="steps", ge=0
    )

    def problems(self, width: int) -> Problems:
        memory = self.memory_width or width
        if self.score == "dot" and memory != self.hidden:
            message = f"score dot compares a state of {self.hidden} with a memory of {memory}: they must be as wide"
            return [("hidden", message, f"set hidden: {memory}, or score: general")]
        return []


@config
class LocationConfig(DecoderConfig):
    filters: int = option(10, help="features of the last alignment around each memory step", ge=1)
    kernel: int = option(15, help="memory steps that a feature looks at; odd", unit="steps", ge=1)

    def problems(self, width: int) -> Problems:
        if self.kernel % 2 == 0:
            return [("kernel", f"kernel {self.kernel} has no middle", f"use {self.kernel - 1} or {self.kernel + 1}")]
        return []


@config
class MonotonicConfig(DecoderConfig):
    noise: float = option(1.0, help="deviation of the noise on the scores in training", ge=0)
    hard: bool = option(False, help="in evaluation, attend to one step instead of the expectation over all")

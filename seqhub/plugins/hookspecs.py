"""The hooks that a plugin module may implement: one for each kind of component, all optional.

A plugin is a distribution whose entry point in the group `seqhub.v1` names a module without torch. seqhub imports the
module, calls the hooks that it marks with `hookimpl`, and keeps the specs they yield. Hooks take no arguments, their
order means nothing, and a hook that raises takes only its own plugin out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import pluggy

from seqhub.api import (
    AttentionSpec,
    BlockSpec,
    CellSpec,
    ComponentSpec,
    EncoderSpec,
    HeadSpec,
    LossSpec,
    MetricSpec,
    SourceSpec,
    TaskSpec,
    TokenizerSpec,
)

hookspec = pluggy.HookspecMarker("seqhub")


@hookspec
def seqhub_register_cells() -> Iterable[CellSpec]:
    """Recurrent cells: the target is a `seqhub.nn.Cell`, built as `target(d_in, **options)`.

    In `seqhub_acme/plugin.py`, which the entry point `acme = "seqhub_acme.plugin"` names:

        from seqhub.api import CellConfig, CellSpec, config, hookimpl, option

        @config
        class MGUConfig(CellConfig):
            bias: bool = option(True, help="add a bias to the input projection")

        @hookimpl
        def seqhub_register_cells():
            yield CellSpec(
                name="mgu",
                target="seqhub_acme.mgu:MGUCell",
                config=MGUConfig,
                summary="Minimal gated unit: a GRU that keeps one gate.",
                reference="arXiv:1603.09420",
                flags={"onnx": True, "streaming": True},
            )

    A recipe then says `{type: mgu, hidden: 64}`; direction, repetition and dropout come with every cell.
    """
    return ()


@hookspec
def seqhub_register_attentions() -> Iterable[AttentionSpec]:
    """Attentions: the target is a `seqhub.nn.SequenceLayer`, built as `target(d_in, **options)`.

    from seqhub.api import INF, AttentionSpec, Config, Geometry, config, hookimpl, option

    @config
    class PooledConfig(Config):
        heads: int = option(4, ge=1, help="number of heads; divides the input width")

        def geometry(self, width):
            return Geometry(width=width, past=INF)

        def problems(self, width):
            if width % self.heads:
                return [("heads", f"heads {self.heads} does not divide width {width}", "use a divisor")]
            return []

    @hookimpl
    def seqhub_register_attentions():
        yield AttentionSpec(
            name="pooled-attention",
            target="seqhub_acme.pooled:PooledAttention",
            config=PooledConfig,
            summary="Attention over a running mean of keys.",
            flags={"onnx": True, "streaming": True},
        )
    """
    return ()


@hookspec
def seqhub_register_encoders() -> Iterable[EncoderSpec]:
    """Convolutional encoders: the target is a `seqhub.nn.SequenceLayer`, built as `target(d_in, **options)`.

    `geometry` says what the layer does to a stream before torch is loaded: width, stride, receptive field, look-ahead.

        from seqhub.api import Config, EncoderSpec, config, hookimpl, option, window_geometry

        @config
        class BlurConfig(Config):
            kernel: int = option(3, ge=1, help="steps that each output sees", unit="steps")
            stride: int = option(1, ge=1, help="input steps for each output step", unit="steps")

            def geometry(self, width):
                return window_geometry(width, kernel=self.kernel, stride=self.stride)

        @hookimpl
        def seqhub_register_encoders():
            yield EncoderSpec(
                name="blur",
                target="seqhub_acme.blur:Blur",
                config=BlurConfig,
                summary="A fixed causal smoothing filter.",
                flags={"onnx": True, "streaming": True},
            )
    """
    return ()


@hookspec
def seqhub_register_blocks() -> Iterable[BlockSpec]:
    """Plain layers between the others (norms, perceptrons): the target is a `seqhub.nn.SequenceLayer`.

    from seqhub.api import BlockSpec, Config, Geometry, config, hookimpl, option

    @config
    class GLUConfig(Config):
        width: int = option(help="output width", ge=1)

        def geometry(self, width):
            return Geometry(width=self.width)

    @hookimpl
    def seqhub_register_blocks():
        yield BlockSpec(
            name="glu",
            target="seqhub_acme.glu:GLU",
            config=GLUConfig,
            summary="Gated linear unit on each step.",
            reference="arXiv:1612.08083",
            flags={"onnx": True, "streaming": True},
        )
    """
    return ()


@hookspec
def seqhub_register_sources() -> Iterable[SourceSpec]:
    """Data sources: the target is built as `target(config, base_dir)` and has `read()`.

    from seqhub.api import Config, SourceSpec, config, hookimpl, option

    @config
    class WavConfig(Config):
        folder: str = option(help="folder of .wav files, relative to the recipe")
        rate_hz: int = option(16000, ge=1, help="sampling rate that the files must have", unit="Hz")

    @hookimpl
    def seqhub_register_sources():
        yield SourceSpec(
            name="wav-folder",
            target="seqhub_acme.wav:WavFolder",
            config=WavConfig,
            summary="A folder of WAV files, one sequence each.",
        )
    """
    return ()


@hookspec
def seqhub_register_tasks() -> Iterable[TaskSpec]:
    """Tasks: the target is a `seqhub.tasks.Task`; `config` are the options under `task:`, `data` those under `data:`.

    from seqhub.api import Config, TaskSpec, config, hookimpl, option

    @config
    class DenoiseConfig(Config):
        noise: float = option(0.1, ge=0, help="standard deviation of the noise that is added")

    @config
    class DenoiseData(Config):
        target: list[str] = option([], help="columns to reconstruct")

    @hookimpl
    def seqhub_register_tasks():
        yield TaskSpec(
            name="denoise",
            target="seqhub_acme.denoise:Denoise",
            config=DenoiseConfig,
            data=DenoiseData,
            metrics={"mse": "min"},
            summary="Reconstruct a series from a noisy copy.",
        )
    """
    return ()


@hookspec
def seqhub_register_losses() -> Iterable[LossSpec]:
    """Losses: the target, built as `target(**options)`, is called as `loss(prediction, target)`.

    from seqhub.api import Config, LossSpec, config, hookimpl, option

    @config
    class CharbonnierConfig(Config):
        width: float = option(0.001, gt=0, help="below this error the loss is a parabola")

    @hookimpl
    def seqhub_register_losses():
        yield LossSpec(
            name="charbonnier",
            target="seqhub_acme.losses:Charbonnier",
            config=CharbonnierConfig,
            summary="A smooth absolute error.",
            on="numbers",
        )
    """
    return ()


@hookspec
def seqhub_register_metrics() -> Iterable[MetricSpec]:
    """Metrics: the target, built as `target(**options)`, has `update(answer, truth)` and `compute()`.

    from seqhub.api import Config, MetricSpec, hookimpl

    @hookimpl
    def seqhub_register_metrics():
        yield MetricSpec(
            name="medae",
            target="seqhub_acme.metrics:MedianError",
            config=Config,
            summary="Median absolute error, in raw units.",
            on="numbers",
            better="min",
        )
    """
    return ()


@hookspec
def seqhub_register_heads() -> Iterable[HeadSpec]:
    """Heads: the target is a `seqhub.nn.SequenceLayer`, built as `target(d_in, d_out, **options)`.

    from seqhub.api import Config, HeadSpec, config, hookimpl, option

    @config
    class MixtureConfig(Config):
        experts: int = option(4, ge=2, help="projections that are mixed")

    @hookimpl
    def seqhub_register_heads():
        yield HeadSpec(
            name="mixture",
            target="seqhub_acme.mixture:MixtureHead",
            config=MixtureConfig,
            summary="A mixture of projections, weighted step by step.",
        )
    """
    return ()


@hookspec
def seqhub_register_tokenizers() -> Iterable[TokenizerSpec]:
    """Tokenisers: the target, built as `target(**options)`, turns text into numbers and back.

    from seqhub.api import Config, TokenizerSpec, config, hookimpl, option

    @config
    class WordsConfig(Config):
        size: int = option(10000, ge=2, help="words that are kept, the most frequent first", unit="tokens")

    @hookimpl
    def seqhub_register_tokenizers():
        yield TokenizerSpec(
            name="words",
            target="seqhub_acme.words:Words",
            config=WordsConfig,
            summary="Words between blanks.",
        )
    """
    return ()


HOOKS: Mapping[str, type[ComponentSpec]] = MappingProxyType(
    {
        "seqhub_register_cells": CellSpec,
        "seqhub_register_attentions": AttentionSpec,
        "seqhub_register_encoders": EncoderSpec,
        "seqhub_register_blocks": BlockSpec,
        "seqhub_register_sources": SourceSpec,
        "seqhub_register_tasks": TaskSpec,
        "seqhub_register_losses": LossSpec,
        "seqhub_register_metrics": MetricSpec,
        "seqhub_register_heads": HeadSpec,
        "seqhub_register_tokenizers": TokenizerSpec,
    }
)

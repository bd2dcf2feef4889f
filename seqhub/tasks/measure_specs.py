"""The losses and metrics that arrive with seqhub. No numpy, no torch: targets are imported on first use."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import Config, LossSpec, MetricSpec, config, hookimpl, option


@config
class HuberConfig(Config):
    """A parabola, then straight lines."""

    delta: float = option(1.0, help="error at which the parabola ends, in standard deviations", gt=0)


@hookimpl
def seqhub_register_losses() -> Iterator[LossSpec]:
    yield LossSpec(
        name="mse",
        target="seqhub.tasks.losses:SquaredError",
        config=Config,
        summary="Squared error: the mean is what it asks for.",
    )
    yield LossSpec(
        name="mae",
        target="seqhub.tasks.losses:AbsoluteError",
        config=Config,
        summary="Absolute error: the median is what it asks for.",
    )
    yield LossSpec(
        name="huber",
        target="seqhub.tasks.losses:Huber",
        config=HuberConfig,
        summary="Squared error of small errors, absolute error of large ones.",
        reference="Huber 1964, doi:10.1214/aoms/1177703732",
        examples=({"delta": 0.5},),
    )
    yield LossSpec(
        name="log-cosh",
        target="seqhub.tasks.losses:LogCosh",
        config=Config,
        summary="Smooth between squared and absolute error.",
    )


@hookimpl
def seqhub_register_metrics() -> Iterator[MetricSpec]:
    yield MetricSpec(
        name="max-error",
        target="seqhub.tasks.measures:MaxError",
        config=Config,
        summary="Largest absolute error, averaged over the targets.",
    )
    yield MetricSpec(
        name="bias",
        target="seqhub.tasks.measures:Bias",
        config=Config,
        summary="Size of the mean error: how far answers lie to one side.",
    )
    yield MetricSpec(
        name="smape",
        target="seqhub.tasks.measures:Smape",
        config=Config,
        summary="Symmetric mean absolute percentage error, 0 to 200: for values above zero of any size.",
        reference="Makridakis 1993, doi:10.1016/0169-2070(93)90079-3",
    )
    yield MetricSpec(
        name="angle",
        target="seqhub.tasks.measures:Angle",
        config=Config,
        summary="Angle in degrees between the vectors of all targets, answered and true: root of its mean square.",
    )

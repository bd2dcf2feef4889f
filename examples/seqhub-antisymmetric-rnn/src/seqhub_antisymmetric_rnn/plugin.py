"""What seqhub knows of antisymmetric-rnn before torch is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import CellConfig, CellSpec, config, hookimpl, option


@config
class AntisymmetricRnnConfig(CellConfig):
    step: float = option(0.1, help="length of an Euler step", gt=0)
    damping: float = option(0.1, help="pull towards zero that keeps the steps stable", ge=0)
    gated: bool = option(True, help="scale each change by a gate")


@hookimpl
def seqhub_register_cells() -> Iterator[CellSpec]:
    yield CellSpec(
        name="antisymmetric-rnn",
        target="seqhub_antisymmetric_rnn.antisymmetric_rnn:AntisymmetricRnnCell",
        config=AntisymmetricRnnConfig,
        summary="Antisymmetric RNN: its state neither explodes nor fades.",
        reference="arXiv:1902.09689",
        examples=({"hidden": 6}, {"hidden": 3, "step": 0.5, "gated": False}),
        flags={"onnx": True, "streaming": True, "bidirectional": True, "native": False, "double": True},
    )

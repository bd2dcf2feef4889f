"""What seqhub knows of sinc-conv before torch is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import Config, EncoderSpec, Geometry, config, hookimpl, option, window_geometry


@config
class SincConvConfig(Config):
    filters: int = option(help="band-pass filters of each input column", ge=1)
    kernel: int = option(help="steps that each output sees", unit="steps", ge=2)
    stride: int = option(1, help="input steps for each output step", unit="steps", ge=1)

    def geometry(self, width: int) -> Geometry:
        return window_geometry(width * self.filters, kernel=self.kernel, stride=self.stride)

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        if self.kernel >= self.stride:
            return []
        message = f"kernel {self.kernel} is below stride {self.stride}: steps between two windows are never read"
        return [("kernel", message, f"use kernel: {self.stride} or more")]


@hookimpl
def seqhub_register_encoders() -> Iterator[EncoderSpec]:
    yield EncoderSpec(
        name="sinc-conv",
        target="seqhub_sinc_conv.sinc_conv:SincConv",
        config=SincConvConfig,
        summary="Band-pass filters that learn their cut-off frequencies.",
        reference="arXiv:1808.00158",
        examples=({"filters": 3, "kernel": 9}, {"filters": 2, "kernel": 8, "stride": 4}),
        flags={"onnx": True, "streaming": True, "double": True},
    )

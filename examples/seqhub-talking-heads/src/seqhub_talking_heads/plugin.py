"""What seqhub knows of talking-heads before torch is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import AttentionSpec, Config, Geometry, config, hookimpl, option


@config
class TalkingHeadsConfig(Config):
    heads: int = option(help="attention heads; divides the width", ge=1)
    window: int = option(help="steps that a step sees, itself included", unit="steps", ge=2)

    def geometry(self, width: int) -> Geometry:
        return Geometry(width=width, past=self.window - 1)

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        if width % self.heads == 0:
            return []
        return [("heads", f"heads {self.heads} does not divide the width {width}", "use a divisor of the width")]


@hookimpl
def seqhub_register_attentions() -> Iterator[AttentionSpec]:
    yield AttentionSpec(
        name="talking-heads",
        target="seqhub_talking_heads.talking_heads:TalkingHeads",
        config=TalkingHeadsConfig,
        summary="Causal attention over a sliding window, whose heads mix before and after the softmax.",
        reference="arXiv:2003.02436",
        examples=({"heads": 2, "window": 4}, {"heads": 4, "window": 20}),
        flags={"onnx": True, "streaming": True, "double": True},
    )

"""Which block is at fault: every part of a failed model is exported and proven alone, inner parts first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seqhub.errors import ExportError
from seqhub.export.compare import Units
from seqhub.export.lower import lower
from seqhub.export.parity import prove
from seqhub.export.twin import DeploymentTwin, Role
from seqhub.nn import Chain, Parallel, Residual, SequenceLayer, SequenceModel
from seqhub.nn.seq2seq import Decoder, Encoder


@dataclass(frozen=True)
class Culprit:
    """A block, by its name in the recipe, where its code comes from, and what is wrong with it."""

    block: str
    provider: str
    reason: str

    def __str__(self) -> str:
        origin = f" ({self.provider})" if self.provider else ""
        return f"block '{self.block}'{origin}: {self.reason}"


def find_culprit(
    layer: SequenceLayer,
    role: Role,
    providers: Mapping[str, str],
    *,
    tolerance: float,
    opset: int,
    within: str = "",
) -> Culprit | None:
    """The first part that fails by itself, plugins' own first; None where each passes and only the whole fails."""
    for name, part in sorted(parts(layer, within), key=lambda named: named[0] not in providers):
        reason = _trial(part, role, tolerance, opset)
        if reason:
            return Culprit(name, _provider(name, providers), reason)
    return None


def parts(layer: SequenceLayer, name: str = "") -> Iterator[tuple[str, SequenceLayer]]:
    """Every layer inside, with its name in the recipe: a structure's branches before the structure."""
    if isinstance(layer, SequenceModel | Encoder):
        yield from parts(layer.stack, name)
    elif isinstance(layer, Decoder):
        yield from parts(layer.model, name)
    elif isinstance(layer, Chain):
        for child in layer.names:
            inner = f"{name}.{child}" if name else child
            yield from parts(layer[child], inner)
            yield inner, layer[child]
    elif isinstance(layer, Residual):
        yield from parts(layer.inner, name)
    elif isinstance(layer, Parallel):
        for branch in layer.branches:
            if isinstance(branch, SequenceLayer):
                yield from parts(branch, name)


def _trial(part: SequenceLayer, role: Role, tolerance: float, opset: int) -> str:
    """Why the part fails by itself, or nothing."""
    try:
        proto, info = lower(DeploymentTwin(part, role).eval(), role, opset=opset)
    except ExportError as error:
        return error.problems[0].message
    _, failure = prove(part, proto, info, role, Units.plain(part.d_in, part.d_out), tolerance)
    return str(failure) if failure else ""


def _provider(name: str, providers: Mapping[str, str]) -> str:
    """The provider of a block; of a structure, those of everything in it."""
    if name in providers:
        return providers[name]
    return ", ".join(sorted({who for block, who in providers.items() if block.startswith(f"{name}.")}))

"""The promise of the block language, on random legal stacks: declared is built, whole is chunked, padding is nothing,
and receptive field and latency are what was said before anything was built.

The stacks are recipes, read and planned like any other; see `random_stacks`.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import Tensor

from seqhub.assembly.build import build_blocks
from seqhub.assembly.plan import ModelPlan, check_recipe, every_node
from seqhub.export.compare import Units
from seqhub.export.lower import lower
from seqhub.export.parity import prove
from seqhub.export.twin import DeploymentTwin, Role
from seqhub.geometry import INF
from seqhub.nn import Chain, Context
from seqhub.nn.engines import programs
from seqhub.plugins import load_registry
from seqhub.recipe.dump import dump_yaml
from seqhub.recipe.structures import STRUCTURES
from seqhub.runtime.manifest import GraphInfo
from tests.nn.random_stacks import WIDTH, Stack
from tests.nn.streams import ragged, worst_gap

COUNT, EXPORTED = 300, 32
LENGTHS = [13, 8, 0, 4, 1]
TOLERANCE = 1e-8
FAR = 24  # steps of a receptive field that are looked at
REGISTRY = load_registry()


@pytest.fixture(autouse=True)
def _plain_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells step by step: what is put together is looked at here, and tracing hundreds of cells would take minutes."""
    monkeypatch.setattr(programs, "FEWEST_STEPS", 10**9)


def planned(stack: Stack, folder: Path) -> ModelPlan:
    """The stack as a recipe, checked."""
    recipe = {
        "recipe": 1,
        "name": "stack",
        "task": {"type": "forecast", "lookback": 720720},  # a multiple of every block that may come
        "data": {"source": "co2", "target": ["co2"]},
        "model": {"width": WIDTH, "causal": False, "blocks": stack.blocks},
        "export": {"graphs": ["full", "stream"] if stack.streams else ["full"]},
    }
    path = folder / "stack.yaml"
    path.write_text(dump_yaml(recipe), encoding="utf-8")
    return check_recipe(path, REGISTRY)[1]


def built(seed: int, folder: Path, leaves: int = 6) -> tuple[Chain, ModelPlan]:
    """One stack in six needs the whole sequence, the others stream."""
    stack = Stack(seed, REGISTRY, streams=seed % 6 != 0, leaves=leaves)
    plan = planned(stack, folder)
    torch.manual_seed(seed)
    return build_blocks(plan).eval(), plan


def run(net: Chain, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        y, out_lengths, _ = net(x, lengths, net.initial_state(len(x)))
    return y, out_lengths


@pytest.mark.heavy
@pytest.mark.no_cover  # every layer has tests of its own under it, and it takes a third of the time here
@pytest.mark.parametrize("seed", range(COUNT))
def test_a_random_stack_keeps_the_contract(seed: int, tmp_path: Path) -> None:
    net, plan = built(seed, tmp_path)
    assert net.geometry == plan.geometry
    net = net.double()  # in which a difference is a fault, and no rounding that a deep stack made grow
    x, lengths = ragged(LENGTHS, WIDTH, seed)
    x = x.double()
    y, out_lengths = run(net, x, lengths)
    assert torch.equal(out_lengths, net.out_lengths(lengths))
    assert not y.isnan().any()
    for row, n in enumerate(lengths.tolist()):
        assert not y[row, out_lengths[row] :].any()
        if n:
            alone, alone_lengths = run(net, x[row : row + 1, :n], lengths[row : row + 1])
            steps = int(out_lengths[row])
            assert int(alone_lengths[0]) == steps
            torch.testing.assert_close(alone[0, :steps], y[row, :steps], atol=TOLERANCE, rtol=TOLERANCE)
    if plan.geometry.streamable:
        check_stream(net, x, lengths, seed)
    check_receptive_field(net, plan)


def check_stream(net: Chain, x: Tensor, lengths: Tensor, seed: int) -> None:
    """Blocks, and pieces of any size, give the whole; no output comes later than declared, nor, unless the geometry is
    only a bound, earlier.
    """
    rng, block, longest = random.Random(seed), net.geometry.block, max(LENGTHS)
    blocks = block * rng.randint(1, 2)
    assert worst_gap(net, x, lengths, [blocks] * -(-longest // blocks)) < TOLERANCE
    sizes: list[int] = []
    while sum(sizes) < longest:
        sizes.append(rng.randint(1, 7))
    assert worst_gap(net, x, lengths, sizes) < TOLERANCE
    state, given = net.initial_state(1), 0
    for step in range(longest):
        with torch.no_grad():
            ctx = Context(end=torch.tensor([False]))
            _, now, state = net(x[:1, step : step + 1], torch.tensor([1]), state, None, ctx)
        given += int(now[0])
        declared = max(0, step + 1 - int(net.geometry.future)) // block * block * net.geometry.ratio
        assert given >= declared, f"after {step + 1} steps"
        assert given == declared or net.geometry.uneven, f"after {step + 1} steps"


def check_receptive_field(net: Chain, plan: ModelPlan) -> None:
    """By gradient: no step outside the declared field, and its first and last step inside."""
    geometry, block = net.geometry, net.geometry.block
    per_block = int(block * geometry.ratio)
    reach = int(sum(edge for edge in (geometry.past, geometry.future) if edge != INF))
    steps = (min(reach, FAR) // block + 16) * block
    outputs = int(net.out_lengths(torch.tensor([steps]))[0])
    held = any(node.block.type == "resample" for node in every_node(plan.nodes))  # its first steps see nothing
    margins: dict[str, list[float]] = {"past": [], "future": []}
    middle = range(outputs // 2, min(outputs, outputs // 2 + 6))
    found = seen_by(net, sorted({0, *middle, outputs - 1}), steps, least=4 if has_dead_units(net) else 1)
    assert any(found.values())
    for j, touched in found.items():
        first, last = (j // per_block) * block - geometry.past, (j // per_block + 1) * block - 1 + geometry.future
        if not touched:
            continue
        assert first <= touched[0], f"output {j} sees step {touched[0]}"
        assert touched[-1] <= last, f"output {j} sees step {touched[-1]}"
        if first >= 0:
            margins["past"].append(touched[0] - first)
        if last < steps:
            margins["future"].append(last - touched[-1])
    if not geometry.uneven and not held:  # resampling in a row meets its bounds at no step
        assert all(min(margin) == 0 for margin in margins.values() if margin), margins


def seen_by(net: Chain, outputs: list[int], steps: int, least: int = 1) -> dict[int, list[int]]:
    """Input steps with a gradient, for each output step, of any of `least` inputs; of more where a dead unit hides
    everything.
    """
    weights = torch.arange(1, net.d_out + 1, dtype=torch.float64).sin()  # so that no sum of outputs cancels
    found: dict[int, set[int]] = {j: set() for j in outputs}
    for draw in range(4):
        x = (torch.randn(1, steps, WIDTH, dtype=torch.float64) * (1 + 3 * draw)).requires_grad_()
        y, _, _ = net(x, torch.tensor([steps]), net.initial_state(1))
        for j in outputs:
            (grad,) = torch.autograd.grad((y[0, j] * weights).sum(), x, retain_graph=True)
            found[j] |= set(torch.nonzero(grad[0].abs().amax(dim=-1)).flatten().tolist())
        if all(found.values()) and draw >= least - 1:
            break
    return {j: sorted(touched) for j, touched in found.items()}


def has_dead_units(net: Chain) -> bool:
    """Whether something inside may be flat: a unit that is off hides what it reads."""
    return any(isinstance(part, torch.nn.ReLU | torch.nn.Hardtanh) for part in net.modules())


def test_the_stacks_are_of_every_kind(tmp_path: Path) -> None:
    """What a generator does not make, no property holds for: all structures, and nearly all components."""
    kinds: Counter[str] = Counter()
    depths, uneven = [], 0

    def depth(plan_nodes: tuple, level: int = 1) -> int:
        return max([level, *(depth(b, level + 1) for node in plan_nodes for b in node.branches if b)])

    for seed in range(COUNT):
        plan = planned(Stack(seed, REGISTRY, streams=seed % 6 != 0), tmp_path)
        kinds.update({node.block.type for node in every_node(plan.nodes)})
        depths.append(depth(plan.nodes))
        uneven += plan.geometry.uneven
    assert all(kinds[name] >= 20 for name in STRUCTURES), kinds
    assert max(depths) >= 5
    assert max(depths) <= 6
    assert uneven >= 20
    cells = {component.ref for component in REGISTRY.components("cell") if component.dist == "seqhub-cells"}
    assert len(cells & set(kinds)) > 0.9 * len(cells)


def check_graphs(seed: int, folder: Path) -> None:
    """Both graphs of the stack equal torch, case by case."""
    net, _ = built(seed, folder, leaves=3)  # an export takes time with every layer
    net = net.requires_grad_(False)
    roles: tuple[Role, ...] = ("full", "stream") if net.geometry.streamable else ("full",)
    for role in roles:
        proto, info = lower(DeploymentTwin(net, role).eval(), role, opset=20)
        info = GraphInfo(role, f"{role}.onnx", info.inputs, info.outputs)
        _, failure = prove(net, proto, info, role, Units.plain(WIDTH, net.d_out), 2e-4)
        assert failure is None, str(failure)


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(1, 2))
def test_graphs_of_random_stacks(seed: int, tmp_path: Path) -> None:
    check_graphs(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 2 + EXPORTED))
def test_graphs_of_more_random_stacks(seed: int, tmp_path: Path) -> None:
    check_graphs(seed, tmp_path)

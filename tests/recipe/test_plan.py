"""Plans against numbers worked out by hand: widths, ratios, receptive fields, names of unrolled repeats."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from seqhub.assembly.plan import ModelPlan, Node, check_recipe, plan_model
from seqhub.errors import RecipeError
from seqhub.geometry import INF, Geometry
from seqhub.plugins import Registry
from seqhub.recipe import load_recipe

HEAD = """recipe: 1
name: plan
task: {type: forecast, lookback: 64}
data: {source: co2, target: [co2]}
export: {graphs: [full]}
model:
  width: 12
  causal: false
  blocks:
"""


def write(tmp_path: Path, *blocks: str) -> Path:
    path = tmp_path / "r.yaml"
    path.write_text(HEAD + "".join(f"    - {block}\n" for block in blocks), encoding="utf-8")
    return path


def plan(registry: Registry, tmp_path: Path, *blocks: str) -> ModelPlan:
    return check_recipe(write(tmp_path, *blocks), registry)[1]


def numbers(geometry: Geometry) -> tuple[int, Fraction, int, float, float]:
    return geometry.width, geometry.ratio, geometry.block, geometry.past, geometry.future


def test_two_strided_convolutions(registry: Registry, tmp_path: Path) -> None:
    """Kernel 4, stride 2: 2 steps before the block of 2. Twice: 2 + 2 * 2 before a block of 4."""
    conv = "{type: conv1d, channels: 12, kernel: 4, stride: 2, repeat: 2}"
    total = plan(registry, tmp_path, conv).geometry
    assert numbers(total) == (12, Fraction(1, 4), 4, 6, 0)
    assert total.latency == 3
    assert [total.out_length(n) for n in (0, 3, 4, 11, 12)] == [0, 0, 1, 2, 3]


def test_look_ahead_is_counted_in_input_steps(registry: Registry, tmp_path: Path) -> None:
    """A centred kernel of 5 after a stride of 2 looks 2 outputs, that is 4 inputs, ahead."""
    stride = "{type: conv1d, channels: 6, kernel: 2, stride: 2}"
    centred = "{type: conv1d, channels: 8, kernel: 5, padding: centred}"
    found = plan(registry, tmp_path, stride, centred)
    assert [node.d_in for node in found.nodes] == [12, 6]
    assert numbers(found.nodes[1].geometry) == (8, Fraction(1), 1, 2, 2)
    assert numbers(found.geometry) == (8, Fraction(1, 2), 2, 4, 4)
    assert found.geometry.latency == 5


def test_dilations_add_up(registry: Registry, tmp_path: Path) -> None:
    """Kernel 3 at dilations 1, 2, 4: 2 + 4 + 8 steps before."""
    convs = [f"{{type: depthwise-conv, kernel: 3, dilation: {d}}}" for d in (1, 2, 4)]
    assert numbers(plan(registry, tmp_path, *convs).geometry) == (12, Fraction(1), 1, 14, 0)


@pytest.mark.parametrize(
    ("options", "width", "past", "future"),
    [
        ("", 5, INF, 0),
        (", direction: reverse", 5, 0, INF),
        (", direction: bidirectional", 10, INF, INF),
        (", direction: bidirectional, merge: sum", 5, INF, INF),
        (", direction: bidirectional, merge: mean", 5, INF, INF),
    ],
)
def test_directions_of_a_cell(
    options: str, width: int, past: float, future: float, registry: Registry, tmp_path: Path
) -> None:
    geometry = plan(registry, tmp_path, f"{{type: gru, hidden: 5{options}}}").geometry
    assert numbers(geometry) == (width, Fraction(1), 1, past, future)
    assert geometry.streamable == (future == 0)
    assert bool(geometry.obstacle) == (future == INF)


def test_branches_side_by_side(registry: Registry, tmp_path: Path) -> None:
    """Kernels 3 and 7 beside each other see 6 steps back; widths 4 and 6 make 10; the slower branch sets the delay."""
    short = "[{type: conv1d, channels: 4, kernel: 3, padding: centred}]"
    long = "[{type: conv1d, channels: 6, kernel: 7}]"
    found = plan(registry, tmp_path, f"{{type: parallel, branches: [{short}, {long}]}}")
    assert numbers(found.geometry) == (10, Fraction(1), 1, 6, 1)
    (node,) = found.nodes
    assert [[n.name for n in branch] for branch in node.branches] == [["block0.b0.0"], ["block0.b1.0"]]
    assert [branch[0].d_in for branch in node.branches] == [12, 12]


@pytest.mark.parametrize(("merge", "width"), [("concat", 8), ("sum", 4), ("mean", 4)])
def test_merges(merge: str, width: int, registry: Registry, tmp_path: Path) -> None:
    branch = "[{type: linear, width: 4}]"
    text = f"{{type: parallel, merge: {merge}, branches: [{branch}, {branch}]}}"
    assert plan(registry, tmp_path, text).geometry.width == width


def test_a_residual_is_its_inside(registry: Registry, tmp_path: Path) -> None:
    inner = "[{type: conv1d, channels: 9, kernel: 3}, {type: conv1d, channels: 12, kernel: 2}]"
    found = plan(registry, tmp_path, f"{{type: residual, blocks: {inner}}}")
    assert numbers(found.geometry) == (12, Fraction(1), 1, 3, 0)
    assert [node.name for node in found.nodes[0].branches[0]] == ["block0.0", "block0.1"]


def names(nodes: tuple[Node, ...]) -> list[str]:
    return [name for node in nodes for name in [node.name, *(n for branch in node.branches for n in names(branch))]]


def test_repeats_are_unrolled_with_names_of_their_own(registry: Registry, tmp_path: Path) -> None:
    found = plan(
        registry,
        tmp_path,
        "{type: gru, hidden: 6, repeat: 2, name: enc}",
        "{type: repeat, times: 2, blocks: [{type: lstm, hidden: 5}, {type: residual, blocks: [{type: mlp, name: m}]}]}",
        "{type: repeat, name: outer, times: 2, blocks: [{type: repeat, times: 2, blocks: [{type: rnn, hidden: 3}]}]}",
    )
    assert names(found.nodes) == [
        *("enc.r0.0", "enc.r1.0"),
        *("block1.r0.0", "block1.r0.1", "block1.r0.1.m", "block1.r1.0", "block1.r1.1", "block1.r1.1.m"),
        *("outer.r0.0.r0.0", "outer.r0.0.r1.0", "outer.r1.0.r0.0", "outer.r1.0.r1.0"),
    ]
    assert [node.d_in for node in found.nodes] == [12, 6, 6, 5, 5, 5, 5, 3, 3, 3]
    assert found.geometry.width == 3


def test_repeat_on_a_block_is_a_repeat_of_it(registry: Registry, tmp_path: Path) -> None:
    short = plan(registry, tmp_path, "{type: gru, hidden: 6, repeat: 3}")
    long = plan(registry, tmp_path, "{type: repeat, times: 3, blocks: [{type: gru, hidden: 6}]}")
    assert names(short.nodes) == names(long.nodes)
    assert short.geometry == long.geometry


def test_an_error_in_a_repeated_block_is_told_once(registry: Registry, tmp_path: Path) -> None:
    path = write(tmp_path, "{type: local-attention, heads: 5, window: 2, repeat: 3}")
    with pytest.raises(RecipeError) as caught:
        check_recipe(path, registry)
    assert [problem.code for problem in caught.value.problems] == ["E201"]


def test_a_block_that_changes_width_under_repeat_is_told_in_its_second_turn(registry: Registry, tmp_path: Path) -> None:
    blocks = "[{type: local-attention, heads: 4, window: 2}, {type: linear, width: 10}]"
    with pytest.raises(RecipeError, match="heads 4 does not divide the width 10"):
        check_recipe(write(tmp_path, f"{{type: repeat, times: 2, blocks: {blocks}}}"), registry)


def test_all_that_does_not_fit_is_told_at_once(registry: Registry, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "{type: local-attention, heads: 5, window: 2}",
        "{type: residual, blocks: [{type: gru, hidden: 7}]}",
        "{type: parallel, merge: sum, branches: [[{type: linear, width: 3}], [{type: attention, heads: 5}]]}",
    )
    recipe = load_recipe(path, registry)
    with pytest.raises(RecipeError) as caught:
        plan_model(recipe)
    assert [(p.code, p.place.line) for p in caught.value.problems if p.place] == [
        ("E201", 10),
        ("E203", 11),
        ("E205", 12),
        ("E201", 12),
    ]


def test_only_what_is_asked_for_is_demanded(registry: Registry, tmp_path: Path) -> None:
    """Without a stream graph and without a promise of causality, everything may see everything."""
    found = plan(registry, tmp_path, "{type: attention, heads: 3}", "{type: gru, hidden: 4, direction: bidirectional}")
    assert not found.geometry.streamable
    assert found.geometry.obstacle == "attention reads the whole sequence"


def test_a_skip_is_measured_from_the_block_it_names(registry: Registry, tmp_path: Path) -> None:
    found = plan(
        registry,
        tmp_path,
        "{type: linear, width: 8, name: first, repeat: 2}",
        "{type: conv1d, channels: 6, kernel: 5, padding: centred, name: second}",
        "{type: residual, project: true, blocks: [norm, {type: skip, block: first, merge: concat}]}",
    )
    link = found.nodes[-1].branches[0][-1].link
    assert link is not None
    assert (link.source, link.width) == ("first.r1.0", 8)
    assert numbers(link.between) == (6, Fraction(1), 1, 2, 2)
    assert numbers(found.geometry) == (14, Fraction(1), 1, 2, 2)


def test_an_inner_name_hides_an_outer_one(registry: Registry, tmp_path: Path) -> None:
    inner = "[{type: linear, width: 4, name: a}, {type: skip, block: a}, {type: linear, width: 12}]"
    found = plan(
        registry,
        tmp_path,
        "{type: linear, width: 12, name: a}",
        f"{{type: residual, blocks: {inner}}}",
        "{type: skip, block: a}",
    )
    inside, outside = found.nodes[1].branches[0][1].link, found.nodes[2].link
    assert inside is not None
    assert outside is not None
    assert (inside.source, outside.source) == ("block1.a", "a")


def test_shared_weights_are_planned_once_and_count_every_turn(registry: Registry, tmp_path: Path) -> None:
    conv = "{type: conv1d, channels: 12, kernel: 3, name: once, repeat: 4, share: true}"
    found = plan(registry, tmp_path, conv)
    assert names(found.nodes) == ["once", "once.0"]
    assert numbers(found.geometry) == (12, Fraction(1), 1, 8, 0)


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("{type: linear, width: 5}", (5, 1, 4, 0)),  # the last complete block of 3 began at most 5 steps before its end
        ("{type: conv1d, channels: 5, kernel: 3}", (5, 1, 10, 0)),  # and two blocks more
        ("{type: conv1d, channels: 5, kernel: 3, padding: centred}", (5, 1, 7, 3)),
    ],
)
def test_resampling(inner: str, expected: tuple[int, ...], registry: Registry, tmp_path: Path) -> None:
    geometry = plan(registry, tmp_path, f"{{type: resample, factor: 3, blocks: [{inner}]}}").geometry
    assert (geometry.width, geometry.block, geometry.past, geometry.future) == expected
    assert geometry.ratio == 1


def test_steps_that_are_joined_and_spread_again_look_ahead(registry: Registry, tmp_path: Path) -> None:
    """Down and up by 2: a kernel of 3 behind it may read the pair of steps before, so 2 input steps for each."""
    found = plan(
        registry,
        tmp_path,
        "{type: conv1d, channels: 12, kernel: 2, stride: 2}",
        "{type: upsample, factor: 2}",
        "{type: conv1d, channels: 12, kernel: 2, name: behind}",
    )
    assert numbers(found.geometry) == (12, Fraction(1), 2, 2, 0)
    assert found.geometry.uneven
    assert not found.geometry.causal

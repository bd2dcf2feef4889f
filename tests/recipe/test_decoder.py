"""`model.decoder`: read, planned beside its encoder, built; what does not fit, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from seqhub.assembly.build import build_model
from seqhub.assembly.cost import count_parameters, model_costs
from seqhub.assembly.plan import check_recipe
from seqhub.errors import RecipeError
from seqhub.nn.seq2seq import EncoderDecoder
from seqhub.plugins import load_registry
from seqhub.recipe import load_recipe
from seqhub.recipe.dump import dump_yaml
from seqhub.recipe.resolve import resolved
from tests.nn.pairs import batch, ends

HEAD = """recipe: 1
name: pair
task: {type: translate, source: chars, target: chars}
data: {source: dates}
"""
MODEL = """model:
  width: 8
  causal: false
  blocks:
    - {type: gru, hidden: 6, direction: bidirectional}
  decoder:
    width: 8
    blocks:
      - {type: bahdanau, hidden: 10}
      - {type: gru, hidden: 9, dropout: 0.1}
"""


def check(folder: Path, text: str):
    path = folder / "pair.yaml"
    path.write_text(text, encoding="utf-8")
    return check_recipe(path, load_registry())


def test_a_decoder_reads_what_the_encoder_gives(tmp_path):
    recipe, plan = check(tmp_path, HEAD + MODEL)
    assert [node.name for node in plan.nodes] == ["block0"]
    assert [node.name for node in plan.decoder.nodes] == ["decoder.0", "decoder.1"]
    assert plan.decoder.nodes[0].block.options.memory_width == 12
    assert recipe.model.decoder.blocks[0].options.memory_width == 0  # as it was written
    model = build_model(plan, ends())
    assert isinstance(model, EncoderDecoder)
    assert model.decoder.memory_width == 12
    assert set(model.decoder.state) == {"0.h", "0.alignment", "1.h", "bridge.started"}
    assert "1-dropout" in model.decoder.model.stack.names
    x, lengths = torch.zeros(2, 4, 1, dtype=torch.int64), torch.tensor([4, 2])
    memory = model.encode(x, lengths)
    scores, _, _ = model.decoder(x[:, :3], torch.tensor([3, 1]), model.first_state(memory), memory)
    assert scores.shape == (2, 3, 7)


def test_what_it_resolves_to_reads_the_same(tmp_path):
    recipe, _ = check(tmp_path, HEAD + MODEL.replace("width: 8\n    blocks", "width: 8\n    bridge: none\n    blocks"))
    again = tmp_path / "again.yaml"
    again.write_text(dump_yaml(resolved(recipe)), encoding="utf-8")
    reread = load_recipe(again, load_registry())
    assert resolved(reread) == resolved(recipe)
    assert resolved(recipe)["model"]["decoder"]["bridge"] == "none"
    assert [node.name for node in check_recipe(again, load_registry())[1].decoder.nodes] == ["decoder.0", "decoder.1"]


@pytest.mark.parametrize("tied", ["none", "output", "all"])
def test_the_rows_of_its_cost_add_up(tied, tmp_path):
    text = HEAD.replace("chars}", "chars, joint: true}") + MODEL.replace(
        "width: 8\n    blocks", f"width: 8\n    tied: {tied}\n    blocks"
    )
    _, plan = check(tmp_path, text)
    given = ends(source=7)
    _, rows = model_costs(plan, given)
    assert sum(row.parameters for row in rows) == count_parameters(build_model(plan, given))
    names = [row.name for row in rows]
    assert names == ["embed", "block0", "bridge", "decoder.embed", "decoder.0", "decoder.1", "decoder.head"]


STACK = """      - {type: residual, blocks: [{type: local-attention, heads: 2, window: 4}]}
      - {type: residual, blocks: [{type: cross-attention, heads: 2}]}
      - {type: residual, blocks: [{type: mlp}]}
"""


def test_a_decoder_without_recurrence(tmp_path):
    blocks = MODEL[MODEL.index("      - {type: bahdanau") :]
    text = HEAD + MODEL.replace("width: 8\n    blocks", "width: 8\n    bridge: none\n    blocks").replace(blocks, STACK)
    _, plan = check(tmp_path, text)
    assert plan.decoder.nodes[1].branches[0][0].block.options.memory_width == 12
    model = build_model(plan, ends()).eval()
    x, lengths, given, steps = batch()
    with torch.no_grad():
        memory = model.encode(x, lengths)
        whole, _, _ = model.decoder(given[..., None], steps, model.first_state(memory), memory)
        state, parts = model.first_state(memory), []
        for t in range(given.shape[1]):
            part, _, state = model.decoder(given[:, t : t + 1, None], (steps - t).clamp(0, 1), state, memory)
            parts.append(part)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-6, rtol=1e-5)
    other = memory._replace(values=memory.values + 1)
    assert not torch.allclose(model.decoder(given[..., None], steps, model.first_state(memory), other)[0], whole)


BROKEN = {
    "no decoder": ("decoder", "", "E209", "translate writes a sequence, and the model has no decoder", 5),
    "no blocks": (
        "    blocks:\n      - {type: bahdanau, hidden: 10}\n      - {type: gru, hidden: 9, dropout: 0.1}\n",
        "",
        "E105",
        "model.decoder has no 'blocks'",
        10,
    ),
    "unknown key": (
        "    width: 8\n    blocks:\n      -",
        "    width: 8\n    bridges: none\n    blocks:\n      -",
        "E102",
        "unknown key 'model.decoder.bridges'",
        12,
    ),
    "wrong value": (
        "    width: 8\n    blocks:\n      -",
        "    width: 0\n    blocks:\n      -",
        "E104",
        "model.decoder.width",
        11,
    ),
    "reverse": (
        "hidden: 9,",
        "hidden: 9, direction: bidirectional,",
        "E214",
        "a decoder writes step by step, but in block 'decoder.1' (gru)",
        14,
    ),
    "looks ahead": (
        "{type: gru, hidden: 9, dropout: 0.1}",
        "{type: conv1d, channels: 8, kernel: 3, padding: centred}",
        "E214",
        "looks 1 steps ahead",
        14,
    ),
    "stride": (
        "{type: gru, hidden: 9, dropout: 0.1}",
        "{type: conv1d, channels: 8, kernel: 2, stride: 2}",
        "E214",
        "a decoder writes one token a step",
        14,
    ),
    "blind": (
        "    width: 8\n    blocks:\n      - {type: bahdanau, hidden: 10}\n",
        "    width: 8\n    bridge: none\n    blocks:\n",
        "E214",
        "the decoder never sees what the encoder read",
        10,
    ),
    "another width": (
        "{type: bahdanau, hidden: 10}",
        "{type: bahdanau, hidden: 10, memory_width: 5}",
        "E214",
        "memory_width is 5, but the encoder gives width 12",
        13,
    ),
    "tied widths": (
        "    width: 8\n    blocks:\n      -",
        "    width: 16\n    tied: all\n    blocks:\n      -",
        "E214",
        "model.width is 8 and the decoder's 16",
        12,
    ),
    "tied vocabularies": (
        "    width: 8\n    blocks:\n      -",
        "    width: 8\n    tied: all\n    blocks:\n      -",
        "E209",
        "tied: all needs one vocabulary",
        12,
    ),
    "memory before it": (
        "{type: gru, hidden: 6, direction: bidirectional}",
        "{type: bahdanau, hidden: 6}",
        "E222",
        "reads what an encoder gives",
        9,
    ),
    "cell refuses": ("{type: bahdanau, hidden: 10}", "{type: bahdanau}", "E105", "has no 'hidden'", 13),
}


@pytest.mark.parametrize("case", BROKEN, ids=str)
def test_what_does_not_fit_is_said_with_its_line(case, tmp_path):
    old, new, code, message, line = BROKEN[case]
    text = HEAD + MODEL
    text = text[: text.index("  decoder:")] if old == "decoder" else text.replace(old, new)
    with pytest.raises(RecipeError) as caught:
        check(tmp_path, text)
    problem = next((p for p in caught.value.problems if p.code == code), None)
    assert problem is not None, caught.value.render()
    assert message in problem.message
    assert problem.place.line == line
    assert problem.fix


def test_a_task_that_writes_nothing_has_no_use_for_one(tmp_path):
    text = HEAD.replace("translate, source: chars, target: chars", "classify").replace("dates", "digits") + MODEL
    with pytest.raises(RecipeError, match="classify writes no sequence"):
        check(tmp_path, text)


def test_a_bridge_needs_a_recurrent_block(tmp_path):
    blocks = MODEL[MODEL.index("      - {type: bahdanau") :]
    _, plan = check(tmp_path, HEAD + MODEL.replace(blocks, "      - {type: local-attention, heads: 2, window: 4}\n"))
    with pytest.raises(RecipeError, match="a bridge sets the first state of recurrent blocks") as caught:
        build_model(plan, ends())
    problem = caught.value.problems[0]
    assert (problem.code, problem.place.line, problem.fix) == ("E214", 10, "set bridge: none")


def test_the_decoder_of_the_page_is_sound(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
    shown = page[page.index("    model:\n      width: 64") : page.index("The decoder's blocks are called")]
    _, plan = check(tmp_path, HEAD + "\n".join(line[4:] for line in shown.splitlines()) + "\n")
    assert plan.decoder.section.tied == "output"

"""The model card, README.md of a bundle: what the model is, what its graphs take and give, and how to call them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqhub.export.snippets import snippets
from seqhub.export.speed import SEQUENCE_STEPS
from seqhub.runtime.manifest import Manifest

_TRIALS = {
    "chunked": "in chunks, against the whole sequence",
    "large": "on large values, relative to them",
    "permuted": "with its rows permuted, against itself",
    "evaluated": "in onnx's reference evaluator",
}


def write_card(
    path: Path, manifest: Manifest, parity: Mapping[str, Any], speed: Mapping[str, float], facts: Mapping[str, Any]
) -> None:
    """Write the card. facts, all optional: `metrics` {name: value}, `baselines` {baseline: {name: value}}, and the
    `chunk` of steps that the speed of the stream is for.
    """
    sections = [_head(manifest), _scores(facts), _graphs(manifest), _states(manifest), _parity(parity)]
    sections += [_speed(speed, facts.get("chunk")), _reduced(manifest)]
    text = "\n\n".join(section for section in [*sections, snippets(manifest)] if section)
    path.write_text(text + "\n", encoding="utf-8")


def _head(manifest: Manifest) -> str:
    raw, task = manifest.raw, manifest.task
    geometry = raw["geometry"]
    lines = [
        f"# {manifest.name}",
        f"A `{task.get('type', 'sequence')}` model: seqhub {raw['producer']['seqhub']}, ONNX opset {raw['opset']}.",
        "",
        f"* Reads: {_reads(manifest)}.",
        f"* Answers: {_answers(manifest)}.",
        *([] if "encoder" in manifest.graphs else [f"* Receptive field: {_field(geometry)}."]),
        f"* {_pace(manifest)}",
        f"* Made of: {', '.join(f'`{plugin}`' for plugin in raw['plugins']) or 'layers of its own'}.",
        *([] if manifest.vocabulary else ["* Scaling happens inside the graphs: feed raw numbers, get raw numbers."]),
    ]
    return "\n".join([lines[0], "", *lines[1:]])


def _reads(manifest: Manifest) -> str:
    names = ", ".join(f"`{name}`" for name in manifest.features)
    tokenizer = manifest.task.get("tokenizer")
    cut = f", cut by `{tokenizer['type']}`" if isinstance(tokenizer, Mapping) and "type" in tokenizer else ""
    return f"{names}, {f'as ids{cut}' if manifest.vocabulary else 'in raw units'}, one row a step"


def _field(geometry: Mapping[str, Any]) -> str:
    return f"{_steps(geometry['past'])} of past, {_steps(geometry['future'])} of look-ahead"


def _answers(manifest: Manifest) -> str:
    names = ", ".join(f"`{name}`" for name in manifest.output_names)
    if manifest.task.get("type") == "forecast":
        lookback = manifest.task.get("lookback")
        return f"the next {manifest.outputs[0]} steps of {names}, from the last {lookback} steps"
    if manifest.task.get("type") == "translate":
        return f"a text of tokens out of {manifest.outputs[0]}"
    if manifest.task.get("type") == "classify":
        return f"one of {names}"
    return f"{' x '.join(map(str, manifest.outputs))} numbers a step ({names})"


def _pace(manifest: Manifest) -> str:
    if "encoder" in manifest.graphs:
        search = manifest.task.get("search", {})
        return f"A source is read whole; the search follows {search.get('width')} translations at once."
    if manifest.ratio == 1 and manifest.block == 1:
        return "One output a step; chunks of a stream may have any length."
    chunks = f"chunks of a stream are multiples of {manifest.block} steps, but for the last"
    return f"{manifest.ratio} outputs a step; {chunks}."


def _steps(steps: int | None) -> str:
    return "unbounded" if steps is None else f"{steps} step" if steps == 1 else f"{steps} steps"


def _scores(facts: Mapping[str, Any]) -> str:
    metrics = facts.get("metrics") or {}
    if not metrics:
        return ""
    baselines = facts.get("baselines") or {}
    rows = [["this model", *(f"{value:.4g}" for value in metrics.values())]]
    rows += [[name, *(_number(scores.get(metric)) for metric in metrics)] for name, scores in baselines.items()]
    return "## Test scores\n\n" + table(["", *metrics], rows)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _graphs(manifest: Manifest) -> str:
    parts = ["## Inputs and outputs"]
    carried = {name for state in manifest.states for name in (state.input, state.output)}
    if carried:
        parts.append("Besides these, every graph takes and gives the states of the next section.")
    for graph in manifest.graphs.values():
        rows = [
            [way, f"`{t.name}`", t.dtype, _shape(t.shape), t.meaning]
            for way, tensors in (("in", graph.inputs), ("out", graph.outputs))
            for t in tensors
            if t.name not in carried
        ]
        parts.append(f"`{graph.file}`\n\n" + table(["", "name", "type", "shape", "meaning"], rows))
    return "\n\n".join(parts)


def _states(manifest: Manifest) -> str:
    if not manifest.states:
        return "## State\n\nNone: every output depends on its own input steps only."
    rows = [[f"`{s.output}`", f"`{s.input}`", s.dtype, str(list(s.shape)), f"{s.init:g}"] for s in manifest.states]
    text = "Start from the initial value; what came out goes back in. A row of length 0 keeps its state."
    return f"## State\n\n{text}\n\n" + table(["output", "goes into", "type", "shape per row", "initially"], rows)


def _parity(parity: Mapping[str, Any]) -> str:
    rows = []
    for role, found in parity["graphs"].items():
        rows.append([f"{role}.onnx", *_differences(found)])
        rows += [[f"{role}.onnx {what}", *_differences(found[key])] for key, what in _TRIALS.items() if key in found]
    text = (
        f"Differences between torch and onnxruntime, in {parity['units']}. "
        f"Tolerance {parity['tolerance']:g}; details in `parity.json`."
    )
    chosen = [f"{found['argmax']:.2%} in {role}.onnx" for role, found in parity["graphs"].items() if "argmax" in found]
    text += f" The largest score is the same one in {', '.join(chosen)} of the steps." if chosen else ""
    return f"## Parity\n\n{text}\n\n" + table(["graph", "cases", "max", "mean", "99th percentile"], rows)


def _differences(found: Mapping[str, Any]) -> list[str]:
    if not found["cases"]:
        return ["0", f"not run: {found['reason']}", "", ""]
    return [str(found["cases"]), *(f"{found[key]:.1e}" for key in ("max", "mean", "p99"))]


def _speed(speed: Mapping[str, float], chunk: int | None) -> str:
    what = {
        "full": f"one sequence of {SEQUENCE_STEPS} steps",
        "stream": f"a streamed chunk of {chunk} steps" if chunk else "one streamed block",
        "encoder": f"a source of {SEQUENCE_STEPS} steps",
        "decoder_step": "one more token of one hypothesis",
    }
    rows = [[what[role], f"{value:.0f} µs"] for role, value in speed.items()]
    return "## Latency\n\nMedian on the machine that exported, one thread.\n\n" + table(["", "time"], rows)


def _reduced(manifest: Manifest) -> str:
    """What was written beside float32, and at what price."""
    if not manifest.reduced:
        return ""
    rows = []
    for info in manifest.reduced.values():
        metric = info.facts["metric"]
        scores = [f"{metric['before']:.4g}", f"{metric['after']:.4g}", f"{metric['drop']:+.2%}"]
        for role, size in info.facts["bytes"].items():
            took = info.facts["latency_us"].get(role)
            sizes = f"{size['before'] / 1024:.0f} -> {size['after'] / 1024:.0f} KiB"
            times = f"{took['before']:.0f} -> {took['after']:.0f} µs" if took else ""
            rows.append([f"`{info.files[role]}`", *scores, sizes, times])
    name = next(iter(manifest.reduced.values())).facts["metric"]["name"]
    left = [_left(precision, info.facts["float32"]) for precision, info in manifest.reduced.items()]
    text = (
        f'Load with `seqhub.runtime.load(bundle, precision="{next(iter(manifest.reduced))}")`. {name} is that of the '
        f"validation data, float32 first; latency as above, both in turn. {' '.join(left)}"
    )
    headers = ["file", f"{name}, float32", f"{name}, reduced", "worse by", "size", "latency"]
    return f"## Reduced precision\n\n{text}\n\n" + table(headers, rows)


def _left(precision: str, weights: Mapping[str, int]) -> str:
    if not weights:
        return f"{precision}: every large weight is reduced."
    return f"{precision} leaves in float32 the weights of {', '.join(f'{op} ({n})' for op, n in weights.items())}."


def _shape(sizes: Sequence[int | str]) -> str:
    return "[" + " ".join(str(size) for size in sizes) + "]"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(headers)} |", "|" + "---|" * len(headers)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])

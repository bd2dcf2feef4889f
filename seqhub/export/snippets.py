"""How to call a bundle from Python, JavaScript and C++, with this bundle's own names."""

from __future__ import annotations

import math

from seqhub.export.snippets_seq2seq import writing_snippets
from seqhub.runtime.manifest import GraphInfo, Manifest, StateInfo

_JS_TYPES = {"float32": "Float32Array", "int64": "BigInt64Array"}
_CPP_TYPES = {"float32": "float", "int64": "int64_t"}


def snippets(manifest: Manifest) -> str:
    """A Markdown section."""
    if "encoder" in manifest.graphs:
        return writing_snippets(manifest)
    graph = manifest.graphs.get("stream") or manifest.graphs["full"]
    return "\n\n".join(["## Calling it", _python(manifest), _javascript(manifest, graph), _cpp(manifest, graph)])


def _python(manifest: Manifest) -> str:
    columns = ", ".join(manifest.features)
    lines = [
        "import numpy as np",
        "import seqhub.runtime",
        "",
        'model = seqhub.runtime.load(".")  # this folder',
        f"steps = np.zeros(({_enough(manifest)}, {len(manifest.features)}), np.{manifest.dtype})  # [T D]: {columns}",
    ]
    if "full" in manifest.graphs:
        lines.append("print(model.predict(steps))")
    if "stream" in manifest.graphs:
        lines += [
            "",
            "stream = model.stream()",
            "for chunk in np.array_split(steps, 10):",
            "    y = stream.push(chunk)",
        ]
        shape = " ".join(map(str, manifest.outputs))
        lines += [f"    # y: [T' {shape}], the outputs that this chunk completes", "y = stream.flush()"]
    install = "`pip install 'seqhub[runtime]'` brings numpy and onnxruntime, no torch."
    return f"### Python\n\n{install}\n\n```python\n" + "\n".join(lines) + "\n```"


def _enough(manifest: Manifest) -> int:
    """Steps that every answer can be given from."""
    return max(200, int(manifest.task.get("lookback") or 0), manifest.block)


def _javascript(manifest: Manifest, graph: GraphInfo) -> str:
    width, states, takes_end = len(manifest.features), manifest.states, _takes_end(graph)
    array = _JS_TYPES[manifest.dtype]
    lines = [
        'import * as ort from "onnxruntime-web"; // or "onnxruntime-node"',
        "",
        f'const session = await ort.InferenceSession.create("{graph.file}");',
        "const state = {",
        *(f"  {_js_state(state)}," for state in states),
        "};",
        f"async function push(steps{', last' if takes_end else ''}) {{ // {array}, {width} numbers a step",
        f"  const time = steps.length / {width};",
        "  const out = await session.run({",
        f'    x: new ort.Tensor("{manifest.dtype}", steps, [1, time, {width}]),',
        '    lengths: new ort.Tensor("int64", BigInt64Array.of(BigInt(time)), [1]),',
        *(['    end: new ort.Tensor("bool", Uint8Array.of(last ? 1 : 0), [1]),'] if takes_end else []),
        "    ...state,",
        "  });",
        "  for (const name of Object.keys(state)) state[name] = out[`next_${name}`];",
        f"  return out.y.data.slice(0, Number(out.out_lengths.data[0]) * {math.prod(manifest.outputs)});",
        "}",
        f"console.log(await push(new {array}({10 * manifest.block} * {width}){', true' if takes_end else ''}));",
    ]
    return "### JavaScript\n\n```js\n" + "\n".join(lines) + "\n```"


def _js_state(state: StateInfo) -> str:
    fill = (
        "" if not state.init else f".fill({int(state.init)}n)" if state.dtype == "int64" else f".fill({state.init!r})"
    )
    array = f"new {_JS_TYPES[state.dtype]}({math.prod(state.shape)}){fill}"
    return f'"{state.input}": new ort.Tensor("{state.dtype}", {array}, [1, {_commas(state.shape)}])'


def _cpp(manifest: Manifest, graph: GraphInfo) -> str:
    width, steps, takes_end = len(manifest.features), 10 * manifest.block, _takes_end(graph)
    names = {
        way: ", ".join(f'"{t.name}"' for t in tensors)
        for way, tensors in (("in", graph.inputs), ("out", graph.outputs))
    }
    lines = [
        "#include <onnxruntime_cxx_api.h>",
        "",
        "#include <algorithm>",
        "#include <cstdint>",
        "#include <iterator>",
        "#include <vector>",
        "",
        "template <typename T>",
        "Ort::Value filled(const std::vector<int64_t>& shape, T value) {",
        "  Ort::AllocatorWithDefaultOptions cpu;",
        "  auto tensor = Ort::Value::CreateTensor<T>(cpu, shape.data(), shape.size());",
        "  const auto count = tensor.GetTensorTypeAndShapeInfo().GetElementCount();",
        "  std::fill_n(tensor.template GetTensorMutableData<T>(), count, value);",
        "  return tensor;",
        "}",
        "",
        "int main() {",
        "  Ort::Env env;",
        "  Ort::SessionOptions options;",
        "  options.SetIntraOpNumThreads(1);",
        f'  Ort::Session session(env, ORT_TSTR("{graph.file}"), options);',
        f"  const std::vector<const char*> inputs = {{{names['in']}}};",
        f"  const std::vector<const char*> outputs = {{{names['out']}}};",
        "  std::vector<Ort::Value> states;",
        *(f"  states.push_back({_cpp_state(state)});  // {state.input}" for state in manifest.states),
        "  for (int chunk = 0; chunk < 3; ++chunk) {",
        "    std::vector<Ort::Value> in;",
        f"    // x: put {steps} steps of one row here",
        f"    in.push_back(filled<{_CPP_TYPES[manifest.dtype]}>({{1, {steps}, {width}}}, 0));",
        f"    in.push_back(filled<int64_t>({{1}}, {steps}));  // lengths",
        *(["    in.push_back(filled<bool>({1}, chunk == 2));  // end"] if takes_end else []),
        "    for (auto& state : states) in.push_back(std::move(state));",
        "    auto out = session.Run(Ort::RunOptions{}, inputs.data(), in.data(), in.size(),",
        "                           outputs.data(), outputs.size());",
        "    // out[0] is y, of which out[1] steps are valid; the rest goes back in",
        "    states.clear();",
        "    std::move(out.begin() + 2, out.end(), std::back_inserter(states));",
        "  }",
        "}",
    ]
    return "### C++\n\n```cpp\n" + "\n".join(lines) + "\n```"


def _cpp_state(state: StateInfo) -> str:
    value = str(int(state.init)) if state.dtype == "int64" else f"{float(state.init)!r}f"
    return f"filled<{_CPP_TYPES[state.dtype]}>({{1, {_commas(state.shape)}}}, {value})"


def _takes_end(graph: GraphInfo) -> bool:
    return any(tensor.name == "end" for tensor in graph.inputs)


def _commas(shape: tuple[int | str, ...]) -> str:
    return ", ".join(map(str, shape))

"""How to call a bundle from Python, JavaScript and C++, with this bundle's own names."""

from __future__ import annotations

from seqhub.runtime.manifest import GraphInfo, Manifest

_JS_TYPES = {"float32": "Float32Array", "int64": "BigInt64Array"}
_CPP_TYPES = {"float32": "float", "int64": "int64_t"}


def snippets(manifest: Manifest) -> str:
    """A Markdown section."""
    graph = manifest.graphs.get("stream") or manifest.graphs["full"]
    return "\n\n".join(["## Calling it", _python(manifest), _javascript(manifest, graph), _cpp(manifest, graph)])


def _python(manifest: Manifest) -> str:
    columns = ", ".join(manifest.features)
    lines = [
        "import numpy as np",
        "import seqhub.runtime",
        "",
        'model = seqhub.runtime.load(".")  # this folder',
        f"steps = np.zeros(({_enough(manifest)}, {len(manifest.features)}), np.float32)  # [T D]: {columns}",
    ]
    if "full" in manifest.graphs:
        lines.append("print(model.predict(steps))")
    if "stream" in manifest.graphs:
        lines += ["", "stream = model.stream()", "for chunk in np.array_split(steps, 10):", "    y = stream.push(chunk)"]
        shape = " ".join(map(str, manifest.outputs))
        lines += [f"    # y: [T' {shape}], the outputs that this chunk completes", "y = stream.flush()"]
    install = "`pip install 'seqhub[runtime]'` brings numpy and onnxruntime, no torch."
    return f"### Python\n\n{install}\n\n```python\n" + "\n".join(lines) + "\n```"


def _enough(manifest: Manifest) -> int:
    """Steps that every answer can be given from."""
    return max(200, int(manifest.task.get("lookback") or 0), manifest.block)


def _javascript(manifest: Manifest, graph: GraphInfo) -> str:
    width, states = len(manifest.features), manifest.states
    init = [
        f'  "{s.input}": new ort.Tensor("{s.dtype}", new {_JS_TYPES[s.dtype]}({_count(s.shape)})'
        f"{_js_fill(s.dtype, s.init)}, [1, {', '.join(map(str, s.shape))}]),"
        for s in states
    ]
    end = ['    end: new ort.Tensor("bool", Uint8Array.from([last ? 1 : 0]), [1]),'] if _takes_end(graph) else []
    last = ", last" if end else ""
    keep = [f'  state["{s.input}"] = out["{s.output}"];' for s in states]
    body = [
        'import * as ort from "onnxruntime-web";  // or "onnxruntime-node"',
        "",
        f'const session = await ort.InferenceSession.create("{graph.file}");',
        *(["const state = {", *init, "};"] if states else ["const state = {};"]),
        f"async function push(steps{last}) {{  // Float32Array, {width} numbers a step",
        f"  const time = steps.length / {width};",
        "  const out = await session.run({",
        f'    x: new ort.Tensor("float32", steps, [1, time, {width}]),',
        '    lengths: new ort.Tensor("int64", BigInt64Array.from([BigInt(time)]), [1]),',
        *end,
        "    ...state,",
        "  });",
        *keep,
        "  return out.y;",
        "}",
    ]
    return "### JavaScript\n\n```js\n" + "\n".join(body) + "\n```"


def _js_fill(dtype: str, init: float) -> str:
    return f".fill({int(init)}n)" if dtype == "int64" and init else f".fill({init:g})" if init else ""


def _cpp(manifest: Manifest, graph: GraphInfo) -> str:
    width = len(manifest.features)
    inputs = ", ".join(f'"{tensor.name}"' for tensor in graph.inputs)
    outputs = ", ".join(f'"{tensor.name}"' for tensor in graph.outputs)
    first = 2 + _takes_end(graph)
    states = [
        f"  std::vector<int64_t> d{i}{{1, {', '.join(map(str, s.shape))}}};  // {s.input}\n"
        f"  auto s{i} = Ort::Value::CreateTensor<{_CPP_TYPES[s.dtype]}>(cpu, d{i}.data(), d{i}.size());\n"
        f"  std::fill_n(s{i}.GetTensorMutableData<{_CPP_TYPES[s.dtype]}>(), {_count(s.shape)}, "
        f"{_cpp_value(s.dtype, s.init)});\n"
        f"  in.push_back(std::move(s{i}));"
        for i, s in enumerate(manifest.states)
    ]
    end = (
        ["  bool last = false;  // true with a row's final chunk"]
        if _takes_end(graph)
        else []
    )
    end += ["  in.push_back(Ort::Value::CreateTensor<bool>(info, &last, 1, rows.data(), 1));"] if end else []
    back = (
        f"  // after each run, out[2 + i] is the next in[{first} + i]" if states else "  // there is no state to carry"
    )
    lines = [
        "#include <onnxruntime_cxx_api.h>",
        "#include <algorithm>",
        "#include <vector>",
        "",
        "int main() {",
        "  Ort::Env env;",
        "  Ort::SessionOptions options;",
        "  options.SetIntraOpNumThreads(1);",
        f'  Ort::Session session(env, ORT_TSTR("{graph.file}"), options);',
        f"  const char* inputs[] = {{{inputs}}};",
        f"  const char* outputs[] = {{{outputs}}};",
        "  auto info = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);",
        "  Ort::AllocatorWithDefaultOptions cpu;",
        f"  std::vector<float> x(10 * {width});  // 10 steps of one row",
        f"  std::vector<int64_t> shape{{1, 10, {width}}}, lengths{{10}}, rows{{1}};",
        "  std::vector<Ort::Value> in;",
        "  in.push_back(Ort::Value::CreateTensor<float>(info, x.data(), x.size(), shape.data(), 3));",
        "  in.push_back(Ort::Value::CreateTensor<int64_t>(info, lengths.data(), 1, rows.data(), 1));",
        *end,
        *(line for state in states for line in state.split("\n")),
        f"  auto out = session.Run(Ort::RunOptions{{}}, inputs, in.data(), in.size(), outputs, {len(graph.outputs)});",
        back,
        "}",
    ]
    return "### C++\n\n```cpp\n" + "\n".join(lines) + "\n```"


def _cpp_value(dtype: str, init: float) -> str:
    return (
        str(int(init))
        if dtype == "int64"
        else f"{init:g}f"
        if "." in f"{init:g}" or "e" in f"{init:g}"
        else f"{init:g}.f"
    )


def _takes_end(graph: GraphInfo) -> bool:
    return any(tensor.name == "end" for tensor in graph.inputs)


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count

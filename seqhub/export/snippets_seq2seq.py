"""How to call a bundle that writes, with this bundle's own names."""

from __future__ import annotations

from seqhub.runtime.manifest import Manifest, StateInfo


def writing_snippets(manifest: Manifest) -> str:
    """A Markdown section: Python with the runtime, and the loop for every other language."""
    return "\n\n".join(["## Calling it", _python(), _loop(manifest)])


def _python() -> str:
    lines = [
        "import seqhub.runtime",
        "",
        'model = seqhub.runtime.load(".")  # this folder',
        'print(model.predict("a source text").text)',
        'for found in model.translate(["one text", "another"], best=3, width=8):',
        "    print([(one.text, one.score) for one in found.candidates])",
    ]
    install = "`pip install 'seqhub[runtime,text]'` brings numpy, onnxruntime and tokenizers, no torch."
    return f"### Python\n\n{install}\n\n```python\n" + "\n".join(lines) + "\n```"


def _loop(manifest: Manifest) -> str:
    begin, end = manifest.task.get("begin"), manifest.task.get("end")
    lines = [
        'import * as ort from "onnxruntime-web"; // or "onnxruntime-node"',
        "",
        'const encoder = await ort.InferenceSession.create("encoder.onnx");',
        'const decoder = await ort.InferenceSession.create("decoder_step.onnx");',
        "const ids64 = (ids, shape) => new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), shape);",
        "async function greedy(ids, most) { // ids of the source, its end token included",
        "  const n = ids.length;",
        "  const source = { x: ids64(ids, [1, n, 1]), lengths: ids64([n], [1]) };",
        "  const { memory, memory_lengths } = await encoder.run(source);",
        "  const steps = memory.dims[1];",
        "  let state = {",
        *(f"    {_js_state(state)}," for state in manifest.states),
        "  };",
        f"  let token = {begin};",
        "  const written = [];",
        "  while (written.length < most) {",
        "    const given = { x: ids64([token], [1, 1, 1]), lengths: ids64([1], [1]), memory, memory_lengths };",
        "    const out = await decoder.run({ ...given, ...state });",
        "    token = out.y.data.reduce((best, score, i, all) => (score > all[best] ? i : best), 0);",
        f"    if (token === {end}) break;",
        "    written.push(token);",
        "    state = Object.fromEntries(Object.keys(state).map((name) => [name, out[`next_${name}`]]));",
        "  }",
        "  return written;",
        "}",
    ]
    text = (
        "Run `encoder.onnx` once, then `decoder_step.onnx` once a token: what came out goes back in. Several hypotheses"
        " are several rows: repeat `memory`, and reorder the states by row as the search reorders them."
    )
    return f"### JavaScript\n\n{text}\n\n```js\n" + "\n".join(lines) + "\n```"


def _js_state(state: StateInfo) -> str:
    kind, array = ("int64", "BigInt64Array") if state.dtype == "int64" else ("float32", "Float32Array")
    sizes = ["steps" if isinstance(size, str) else str(size) for size in state.shape]
    fill = f".fill({state.init:g})" if state.init else ""
    return f'"{state.input}": new ort.Tensor("{kind}", new {array}({" * ".join(sizes)}){fill}, [1, {", ".join(sizes)}])'

"""The runtime in a process of its own: what it imports, and that it works there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json, sys
import numpy as np
import seqhub.runtime

model = seqhub.runtime.load(sys.argv[1])
answer = model.predict(np.array([[1.0, 2.0], [3.0, 4.0]]))
stream = model.stream()
pushed = np.concatenate([stream.push(np.array([[1.0, 2.0]])), stream.push(np.array([[3.0, 4.0]])), stream.flush()])
ours = sorted(name for name in sys.modules if name.split(".")[0] == "seqhub")
theirs = sorted({name.split(".")[0] for name in sys.modules})
print(json.dumps({"answer": answer.as_dict(), "stream": pushed.tolist(), "seqhub": ours, "top": theirs}))
"""


def test_it_loads_predicts_and_streams_with_numpy_and_onnxruntime_alone(bundle: Path) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(bundle)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert done.stderr == ""
    assert found["answer"]["values"] == [4, 6]
    assert found["stream"] == [[1, 2], [4, 6]]
    rooms = ("seqhub.runtime", "seqhub.text", "seqhub.audio", "seqhub.formats")
    outside = [name for name in found["seqhub"] if not name.startswith(rooms)]
    assert outside == ["seqhub", "seqhub.errors"]
    heavy = {"torch", "pluggy", "yaml", "pydantic", "onnx", "onnxscript", "lightning", "scipy", "pandas", "matplotlib"}
    assert not heavy & set(found["top"])

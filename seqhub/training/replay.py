"""`python -m seqhub.training.replay BUNDLE INPUTS.npz ANSWERS.npz`: what the bundle says, in a process without torch.

INPUTS holds x [N T D] and lengths [N]; ANSWERS gets the output of each row's last step, y [N O].
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqhub.errors import RunError

Floats = NDArray[np.float32]


def replay(bundle: Path, x: Floats, lengths: NDArray[np.int64]) -> Floats:
    """Answers [N O] to x [N T D], computed by numpy and onnxruntime alone in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        inputs, answers = Path(scratch, "inputs.npz"), Path(scratch, "answers.npz")
        np.savez(inputs, x=x, lengths=lengths)
        command = [sys.executable, "-m", "seqhub.training.replay", str(bundle), str(inputs), str(answers)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise RunError(f"{bundle} gave no predictions: {last}", code="E420", fix=f"seqhub verify {bundle}")
        with np.load(answers) as archive:
            y: Floats = archive["y"]
            return y


def main(bundle: str, inputs: str, answers: str) -> None:
    """The child: no torch, or no answer."""
    from seqhub import runtime

    with np.load(inputs) as archive:
        x, lengths = archive["x"], archive["lengths"]
    outputs = runtime.load(bundle).outputs([row[:length] for row, length in zip(x, lengths, strict=True)])
    np.savez(answers, y=np.stack([y[-1].ravel() for y in outputs]))
    if "torch" in sys.modules:
        raise RunError("the runtime imported torch", code="E421", fix="this is a bug in seqhub: please report it")


if __name__ == "__main__":
    main(*sys.argv[1:])

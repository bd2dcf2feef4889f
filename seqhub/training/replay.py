"""`python -m seqhub.training.replay BUNDLE INPUTS.npz PRECISION`: what the bundle says, in a process without torch.

INPUTS holds x0 [B T D], lengths0 [B], x1, ... and carry [N] bool: which batches go on from the state of the one before.
The child writes y and out_lengths of each batch to its standard output, one array after the other, so that no more
than one batch of outputs is ever held.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from seqhub.errors import RunError


class Replayed(NamedTuple):
    """One batch: x [B T D], lengths [B], and whether its rows go on from the batch before."""

    x: NDArray[Any]
    lengths: NDArray[np.int64]
    carry: bool


def replay(
    bundle: Path, batches: Iterable[Replayed], precision: str = "float32"
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """y [B T' O] and out_lengths [B] of each batch, by numpy and onnxruntime alone in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        inputs, errors = Path(scratch, "inputs.npz"), Path(scratch, "errors.txt")
        count = _save(inputs, batches)
        command = [sys.executable, "-m", "seqhub.training.replay", str(bundle), str(inputs), precision]
        with errors.open("wb") as said, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said) as child:
            assert child.stdout is not None
            pipe = _Pipe(child.stdout)
            for _ in range(count):
                try:
                    yield _read(pipe), _read(pipe)
                except ValueError:  # the child ended early
                    break
            failed = child.wait()
        if failed:
            last = (errors.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no message"])[-1]
            raise RunError(f"{bundle} gave no predictions: {last}", code="E420", fix=f"seqhub verify {bundle}")


def _save(path: Path, batches: Iterable[Replayed]) -> int:
    arrays: dict[str, NDArray[Any]] = {}
    carry = []
    for number, batch in enumerate(batches):
        arrays[f"x{number}"], arrays[f"lengths{number}"] = batch.x, batch.lengths
        carry.append(batch.carry)
    np.savez(path, carry=np.array(carry, dtype=bool), **arrays)  # type: ignore[arg-type]  # no name is allow_pickle
    return len(carry)


class _Pipe:
    """Bytes in or out, and nothing else: numpy asks a file for its position, which a pipe does not have."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self.read, self.write = pipe.read, pipe.write


def _read(pipe: _Pipe) -> NDArray[Any]:
    return npy.read_array(pipe, allow_pickle=False)


def main(bundle: str, inputs: str, precision: str) -> None:
    """The child: no torch, or no answer."""
    from seqhub import runtime

    model, state, out = runtime.load(bundle, precision=precision), None, _Pipe(sys.stdout.buffer)
    with np.load(inputs) as archive:
        for number, carry in enumerate(archive["carry"]):
            x, lengths = archive[f"x{number}"], archive[f"lengths{number}"]
            y, out_lengths, state = model.run(x, lengths, state if carry else None)
            npy.write_array(out, y, allow_pickle=False)
            npy.write_array(out, out_lengths, allow_pickle=False)
    sys.stdout.buffer.flush()
    if "torch" in sys.modules:
        raise RunError("the runtime imported torch", code="E421", fix="this is a bug in seqhub: please report it")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""onnxruntime sessions with settings for small recurrent models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort

from seqhub.errors import BundleError
from seqhub.runtime.manifest import BESIDE, FLOAT32, METADATA_KEY, GraphInfo, Manifest, StateInfo, TensorInfo

Arrays = dict[str, np.ndarray]

_DTYPES = {"tensor(float)": "float32", "tensor(int64)": "int64", "tensor(bool)": "bool", "tensor(float16)": "float16"}


def open_session(model: bytes | Path, *, threads: int = 1, optimize: bool = True) -> ort.InferenceSession:
    """A CPU session. One thread that does not spin is the fastest for one small stream, and leaves other cores alone.

    Raises BundleError where onnxruntime refuses the graph.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    levels = ort.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimize else levels.ORT_DISABLE_ALL
    options.log_severity_level = 3  # errors only
    options.enable_mem_pattern = False  # lengths vary from run to run: a plan per shape would only grow
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        source = model if isinstance(model, bytes) else str(model)
        return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no base class but Exception
        name = "the graph" if isinstance(model, bytes) else f"'{model}'"
        reason = str(error).strip().splitlines()[0]
        fix = f"export again, or update onnxruntime (this is {ort.__version__})"
        raise BundleError(f"onnxruntime cannot load {name}: {reason}", fix=fix, code="E704") from error


class Graph:
    """One graph of a bundle, by the names of its tensors."""

    def __init__(self, session: ort.InferenceSession, info: GraphInfo, states: tuple[StateInfo, ...]) -> None:
        _check_tensors(info, "takes", session.get_inputs(), info.inputs)
        _check_tensors(info, "gives", session.get_outputs(), info.outputs)
        _check_states(info, states)
        self.session, self.info, self.states = session, info, states
        self.takes_end = any(tensor.name == "end" for tensor in info.inputs)
        first = [tensor.name for tensor in info.outputs[:2]]  # y, out_lengths; of an encoder the memory and its lengths
        self._outputs = [*first, *(state.output for state in states)]
        self._inputs = tuple(state.input for state in states)

    def initial_state(self, batch: int, memory_steps: int = 0) -> Arrays:
        """Every state input before the first step, [B ...] each; memory_steps: of the memory, where there is one."""
        state: Arrays = {}
        for s in self.states:
            shape = (memory_steps if isinstance(size, str) else size for size in s.shape)
            state[s.input] = np.full((batch, *shape), s.init, dtype=s.dtype)
        return state

    def run(
        self, x: np.ndarray, lengths: np.ndarray, state: Mapping[str, np.ndarray], end: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, Arrays]:
        """x [B T D] float32, lengths [B] int64, end [B] bool -> y [B T' ...], out_lengths [B], next state.

        Fed as they are: `check` says in words what onnxruntime would refuse. BundleError E717 where a run fails.
        """
        if not (x.shape[0] and x.shape[1]):  # a recurrent operator of batch 0 aborts the process; Scan refuses 0 steps
            what = f"'x' has shape {list(x.shape)}: a graph needs one row and one step at least"
            raise BundleError(what, fix="leave out a run without rows or steps", code="E711")
        feeds = {"x": x, "lengths": lengths, **state}
        if self.takes_end:
            feeds["end"] = np.ones(len(x), dtype=bool) if end is None else end
        try:
            y, out_lengths, *after = self.session.run(self._outputs, feeds)
        except Exception as error:  # onnxruntime's own exceptions share no base class but Exception
            reason = str(error).strip().splitlines()[0]
            fix = "check the inputs, and the memory that is left; `seqhub verify` looks at the bundle"
            raise BundleError(f"onnxruntime failed in '{self.info.file}': {reason}", fix=fix, code="E717") from error
        return y, out_lengths, dict(zip(self._inputs, after, strict=True))

    def check(self, feeds: Mapping[str, np.ndarray]) -> None:
        """BundleError unless every input is there, of its dtype and shape, and `lengths` lie inside the steps of x."""
        if feeds.keys() != {tensor.name for tensor in self.info.inputs} - {"end"}:
            expected = [tensor.name for tensor in self.info.inputs if tensor.name != "end"]
            message = f"'{self.info.file}' was given {sorted(feeds)}, expected {expected}"
            raise BundleError(message, fix="give the state that an earlier run gave, or none", code="E711")
        sizes: dict[str, int] = {}
        for tensor in self.info.inputs:
            if tensor.name in feeds:
                _check_tensor(tensor, feeds[tensor.name], sizes)
        lengths, steps = feeds["lengths"], feeds["x"].shape[1]
        if lengths.size and not 0 <= lengths.min() <= lengths.max() <= steps:
            message = f"'lengths' are {lengths.min()} to {lengths.max()}, expected 0 to {steps}, the steps of 'x'"
            raise BundleError(message, fix="give each row's valid steps", code="E711")


def _check_tensors(info: GraphInfo, verb: str, found: Sequence[ort.NodeArg], declared: Sequence[TensorInfo]) -> None:
    """BundleError unless the graph's tensors have the names, types and sizes that the manifest says; names of
    dimensions may differ.
    """

    def facts(dtype: str, shape: Sequence[object]) -> str:
        return f"{dtype} [{' '.join(str(size) if isinstance(size, int) else '*' for size in shape)}]"

    own = {tensor.name: facts(_DTYPES.get(tensor.type, tensor.type), tensor.shape) for tensor in found}
    told = {tensor.name: facts(tensor.dtype, tensor.shape) for tensor in declared}
    names = sorted(name for name in own.keys() | told.keys() if own.get(name) != told.get(name))
    if names:
        each = [f"'{name}' {own.get(name, 'nowhere')}, the manifest says {told.get(name, 'nothing')}" for name in names]
        message = f"'{info.file}' {verb} {'; '.join(each)}"
        raise BundleError(message, fix="graph and manifest are of different exports: export again", code="E704")


def _check_states(info: GraphInfo, states: Sequence[StateInfo]) -> None:
    """BundleError unless each state's two ends are tensors of the graph, of its type and sizes, and every state of the
    graph is there.
    """
    extra = [t.name for t in info.inputs if t.name.startswith("state.") and t.name not in {s.input for s in states}]
    if extra:
        message = f"the manifest lists no state '{extra[0]}', but '{info.file}' takes it"
        raise BundleError(message, fix="the manifest was edited: export again", code="E704")
    inputs, outputs = ({t.name: (t.dtype, t.shape[1:]) for t in tensors} for tensors in (info.inputs, info.outputs))
    for s in states:
        told = (s.dtype, s.shape)
        if inputs.get(s.input) != told or outputs.get(s.output) != told:
            message = (
                f"the manifest says that state '{s.input}' is {s.dtype} {list(s.shape)}, '{info.file}' has another"
            )
            raise BundleError(message, fix="the manifest was edited: export again", code="E704")


def _check_tensor(tensor: TensorInfo, value: object, sizes: dict[str, int]) -> None:
    """One input against the manifest; sizes: of the dimensions that vary, by name, as they were met first."""
    if not isinstance(value, np.ndarray) or value.dtype != tensor.dtype:
        found = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
        fix = f"convert it: np.asarray(value, dtype=np.{tensor.dtype})"
        raise BundleError(f"'{tensor.name}' holds {found}, expected {tensor.dtype}", fix=fix, code="E710")
    same = len(value.shape) == len(tensor.shape) and all(
        size == (sizes.setdefault(expected, size) if isinstance(expected, str) else expected)
        for size, expected in zip(value.shape, tensor.shape, strict=True)
    )
    if not same:
        dimensions = " ".join(f"{size}={sizes[size]}" if size in sizes else str(size) for size in tensor.shape)
        message = f"'{tensor.name}' has shape {list(value.shape)}, expected [{dimensions}]"
        raise BundleError(message, fix="give rows and steps as the other tensors have them", code="E711")


def open_graph(folder: Path, manifest: Manifest, role: str, *, threads: int = 1, precision: str = FLOAT32) -> Graph:
    """The graph of that role, checked against the manifest that it carries itself."""
    info = manifest.graph(role, precision)
    session = open_session(folder / info.file, threads=threads)
    try:
        embedded = json.loads(session.get_modelmeta().custom_metadata_map[METADATA_KEY])
    except (KeyError, json.JSONDecodeError):
        message = f"'{folder / info.file}' carries no manifest of its own"
        raise BundleError(message, fix="export the bundle again", code="E704") from None
    if embedded != {key: value for key, value in manifest.raw.items() if key not in BESIDE}:
        message = f"'{folder / info.file}' and the manifest beside it are of different exports"
        raise BundleError(message, fix="export the bundle again", code="E704")
    width = next((tensor.shape[-1] for tensor in info.inputs if tensor.name == "x"), None)
    if isinstance(width, int) and role != "decoder_step" and width != len(manifest.features):
        message = f"the manifest lists {len(manifest.features)} columns, but '{info.file}' takes {width}"
        raise BundleError(message, fix="the manifest was edited: export again", code="E704")
    taken = {tensor.name for tensor in info.inputs}
    return Graph(session, info, tuple(state for state in manifest.states if state.input in taken))

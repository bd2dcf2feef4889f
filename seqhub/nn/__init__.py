"""Sequence layers, cells and engines: plain PyTorch, usable without recipes.

    layer = Recurrent(GRUCell(8, hidden=32))            # stands where nn.GRU stood
    y, out_lengths, state = layer(x, lengths, layer.initial_state(len(x)))

Letters of shapes: B batch, T time, D input width, H hidden width, K kernel, S memory steps.
"""

from seqhub.geometry import INF, Geometry, identity, window_geometry
from seqhub.nn.attending import ALIGNMENT, Attending, AttendingCell, Seen, masked_softmax, read_memory
from seqhub.nn.blocks import Chain, Parallel, Residual, SharedRepeat
from seqhub.nn.cell import Cell, LinearCell, NativeForm, Projected
from seqhub.nn.ends import Ends
from seqhub.nn.engines import exporting
from seqhub.nn.init import Init, init_cell
from seqhub.nn.layer import SequenceLayer
from seqhub.nn.memory import MemoryCell, Terms
from seqhub.nn.model import SequenceModel
from seqhub.nn.padding import gather_steps, last_step, reverse_steps, valid_steps, zero_padding
from seqhub.nn.per_column import PerColumn
from seqhub.nn.pointwise import Activation, make_activation
from seqhub.nn.recent import Recent
from seqhub.nn.recurrent import Recurrent
from seqhub.nn.regularise import Regularisation
from seqhub.nn.resample import Resample
from seqhub.nn.roles import Role
from seqhub.nn.running_norm import Reversible, RunningNorm
from seqhub.nn.seq2seq import EncoderDecoder
from seqhub.nn.skip import Skip
from seqhub.nn.state import WHOLE, Context, Memory, Slot, State
from seqhub.nn.step_conv import StepConv1d
from seqhub.nn.window import Window

__all__ = [
    "ALIGNMENT",
    "INF",
    "WHOLE",
    "Activation",
    "Attending",
    "AttendingCell",
    "Cell",
    "Chain",
    "Context",
    "EncoderDecoder",
    "Ends",
    "Geometry",
    "Init",
    "LinearCell",
    "Memory",
    "MemoryCell",
    "NativeForm",
    "Parallel",
    "PerColumn",
    "Projected",
    "Recent",
    "Recurrent",
    "Regularisation",
    "Resample",
    "Residual",
    "Reversible",
    "Role",
    "RunningNorm",
    "Seen",
    "SequenceLayer",
    "SequenceModel",
    "SharedRepeat",
    "Skip",
    "Slot",
    "State",
    "StepConv1d",
    "Terms",
    "Window",
    "exporting",
    "gather_steps",
    "identity",
    "init_cell",
    "last_step",
    "make_activation",
    "masked_softmax",
    "read_memory",
    "reverse_steps",
    "valid_steps",
    "window_geometry",
    "zero_padding",
]

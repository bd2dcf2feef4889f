"""First values by name, for any cell that says what its parameters are for (`Cell.roles`).

    init_cell(cell, "orthogonal")                                       # every role that the name suits
    init_cell(cell, Init(recurrent="identity", forget="chrono", steps=784))

Matrices, gate by gate:
    xavier       uniform in +-sqrt(6 / (fan in + fan out))              Glorot and Bengio 2010
    orthogonal   keeps the length of what it multiplies                 arXiv:1312.6120
    identity     each unit reads its own past; a convolution its own place  arXiv:1504.00941
    uniform      uniform in +-1 / sqrt(units): what torch.nn.LSTM has
    ring         eigenvalues uniform over the ring low <= |z| <= high of the complex plane  arXiv:2303.06349

How much of its past a unit keeps each step (a gate at zero input, or a diagonal recurrence); r is the share kept:
    forget-bias  r = sigmoid(value)                                     Gers et al. 2000
    chrono       r = s / (1 + s), s uniform in [1, steps - 1]: memories up to `steps`  arXiv:1804.11188
    power-law    r = exp(-s), s ~ Gamma(exponent): over the units, the mean share left after t steps is
                 (1 + t)^-exponent                                      arXiv:2009.12727
    ring         r^2 uniform in [low^2, high^2]                         arXiv:2303.06349
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from seqhub.nn.cell import Cell
from seqhub.nn.roles import Role, RoleKind

InputName = Literal["xavier", "orthogonal", "uniform"]
RecurrentName = Literal["xavier", "orthogonal", "identity", "uniform", "ring"]
DiagonalName = Literal["chrono", "power-law", "ring"]
BiasName = Literal["zeros", "uniform"]
ForgetName = Literal["forget-bias", "chrono", "power-law"]

NAMES: Mapping[RoleKind, tuple[str, ...]] = {
    "input": get_args(InputName),
    "recurrent": get_args(RecurrentName),
    "diagonal": get_args(DiagonalName),
    "bias": get_args(BiasName),
    "forget": get_args(ForgetName),
}


@dataclass(frozen=True)
class Init:
    """How each role starts; None leaves what the cell itself chose. The numbers belong to the names that use them."""

    input: InputName | None = None
    recurrent: RecurrentName | None = None
    diagonal: DiagonalName | None = None
    bias: BiasName | None = None
    forget: ForgetName | None = None
    value: float = 1.0  # forget-bias
    steps: int = 100  # chrono: the longest memory that the task needs
    exponent: float = 0.56  # power-law: what the paper finds in English text
    low: float = 0.9  # ring
    high: float = 0.999

    def __post_init__(self) -> None:
        for kind, name in self.chosen().items():
            if name not in NAMES[kind]:
                raise ValueError(f"{kind} is {name!r}, expected one of {NAMES[kind]}")
        if self.steps < 3:
            raise ValueError(f"steps is {self.steps}, expected 3 or more")
        if self.exponent <= 0:
            raise ValueError(f"exponent is {self.exponent}, expected more than 0")
        if not 0 <= self.low <= self.high or self.high == 0:
            raise ValueError(f"the ring is from {self.low} to {self.high}, expected 0 <= low <= high, high above 0")

    def chosen(self) -> dict[RoleKind, str]:
        """The roles that are named, biases before the gate biases which are rows of them."""
        kinds: tuple[RoleKind, ...] = ("input", "recurrent", "diagonal", "bias", "forget")
        names = {kind: getattr(self, kind) for kind in kinds}
        return {kind: name for kind, name in names.items() if name is not None}


def init_cell(cell: Cell, init: Init | str) -> tuple[str, ...]:
    """Draw first values anew; returns the names of the parameters that were drawn.

    One name stands for every role of the cell that it suits. ValueError for an unknown name, and where the cell has no
    parameter of a role that was asked for.
    """
    if isinstance(init, str):
        suits: dict[str, str] = dict.fromkeys(roles_of(init), init)
        owned = {role.kind for role in cell.roles()}
        if not owned & suits.keys():
            raise ValueError(f"{type(cell).__name__} has no {' or '.join(suits)} parameters, which {init!r} is for")
        init = Init(**{kind: name for kind, name in suits.items() if kind in owned})  # type: ignore[arg-type]
    drawn: list[str] = []
    with torch.no_grad():
        for kind, name in init.chosen().items():
            drawn += _draw_role(cell, kind, name, init)
    return tuple(dict.fromkeys(drawn))


def roles_of(name: str) -> tuple[RoleKind, ...]:
    """The roles that an initialisation suits; ValueError for an unknown one."""
    found = tuple(kind for kind, names in NAMES.items() if name in names)
    if not found:
        known = sorted({known for names in NAMES.values() for known in names})
        raise ValueError(f"init is {name!r}, expected one of {known}")
    return found


def _draw_role(cell: Cell, kind: RoleKind, name: str, init: Init) -> list[str]:
    roles = [role for role in cell.roles() if role.kind == kind]
    if not roles:
        raise ValueError(f"{type(cell).__name__} has no {kind} parameters for {name!r} to draw")
    for role in roles:
        rows = _rows(cell, role)
        if kind in ("forget", "diagonal"):
            retention = _RETENTIONS[name](init, rows.numel()).reshape(rows.shape)
            rows.copy_(role.write(retention))
            if name == "chrono":
                _open_input_gates(cell, retention)
            continue
        for block in rows.chunk(role.blocks):
            _draw_matrix(cell, block, name, init)
    return [role.name for role in roles]


def _open_input_gates(cell: Cell, retention: Tensor) -> None:
    """A unit that keeps r lets in 1 - r, so that what it holds stays of order 1 (arXiv:1804.11188, section 3)."""
    for role in cell.roles():
        if role.kind == "input-gate":
            rows = _rows(cell, role)
            rows.copy_(role.write(1 - retention).expand_as(rows))


def _rows(cell: Cell, role: Role) -> Tensor:
    parameter = cell.get_parameter(role.name).data
    return parameter if role.rows is None else parameter[role.rows[0] : role.rows[1]]


def _draw_matrix(cell: Cell, block: Tensor, name: str, init: Init) -> None:
    """One gate's block, in place: [rows columns], [rows channels kernel], or a bias [rows]."""
    if name == "zeros":
        block.zero_()
    elif name == "uniform":
        units = max(slot.numel for slot in cell.state.values())
        block.uniform_(-1 / math.sqrt(units), 1 / math.sqrt(units))
    elif name == "xavier":
        nn.init.xavier_uniform_(block)
    elif name == "orthogonal":
        nn.init.orthogonal_(block)
    elif block.shape[0] != block.shape[1] or (name == "ring" and block.dim() != 2):
        raise ValueError(f"{name!r} needs square matrices; {type(cell).__name__} has {list(block.shape)}")
    elif name == "identity":
        (nn.init.eye_ if block.dim() == 2 else nn.init.dirac_)(block)
    else:
        block.copy_(ring_matrix(block.shape[0], init.low, init.high))


def ring_matrix(size: int, low: float, high: float) -> Tensor:
    """A random normal matrix [size size], float64, whose eigenvalues are uniform over the ring low <= |z| <= high.

    They come in conjugate pairs, each a turning plane; an odd size has a real one beside them.
    """
    pairs = size // 2
    modulus = torch.sqrt(_uniform(pairs + size % 2, low**2, high**2))
    angle = torch.cat((_uniform(pairs, 0.0, math.pi), torch.zeros(size % 2, dtype=torch.float64)))
    even = 2 * torch.arange(pairs)
    planes = torch.diag((modulus * angle.cos()).repeat_interleave(2)[:size])
    planes[even, even + 1] = -(modulus * angle.sin())[:pairs]
    planes[even + 1, even] = (modulus * angle.sin())[:pairs]
    basis = nn.init.orthogonal_(torch.empty(size, size, dtype=torch.float64))
    return basis @ planes @ basis.T


def _forget_bias(init: Init, count: int) -> Tensor:
    return torch.full((count,), init.value, dtype=torch.float64).sigmoid()


def _chrono(init: Init, count: int) -> Tensor:
    memory = _uniform(count, 1.0, init.steps - 1.0)
    return memory / (1 + memory)


def _power_law(init: Init, count: int) -> Tensor:
    shape = torch.full((count,), init.exponent, dtype=torch.float64)
    rate = torch.distributions.Gamma(shape, torch.ones_like(shape)).sample()
    return torch.exp(-rate.clamp(1e-6, 12.0))  # memories from 1/12 of a step to a million: logits stay finite


def _ring(init: Init, count: int) -> Tensor:
    return torch.sqrt(_uniform(count, init.low**2, init.high**2))


def _uniform(count: int, low: float, high: float) -> Tensor:
    return torch.empty(count, dtype=torch.float64).uniform_(low, high)


_RETENTIONS: Mapping[str, Callable[[Init, int], Tensor]] = {
    "forget-bias": _forget_bias,
    "chrono": _chrono,
    "power-law": _power_law,
    "ring": _ring,
}

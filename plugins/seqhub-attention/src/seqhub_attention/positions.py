"""Where a step stands, for attention that otherwise sees a set: seven ways, by name.

    none         nothing
    rope         queries and keys turned by an angle per step           arXiv:2104.09864
    alibi        scores fall with distance, each head at its own rate   arXiv:2108.12409
    t5           a learned bias for each bucket of distances            arXiv:1910.10683
    xl           scores by content and by distance (Transformer-XL)     arXiv:1901.02860
    sinusoidal   sines of the step's number, added to the input         arXiv:1706.03762
    learned      a vector for each step's number, added to the input    arXiv:1705.03122

The last two count steps from the beginning of each row, and the count is carried in the state. The others know
distances only, so a stream may be of any length. Each is a `Positions` with three places to act, of which it uses what
it needs.
Shapes: B batch, T queries, K keys, D width, H heads, E head width, W distances.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

Name = Literal["none", "rope", "alibi", "t5", "xl", "sinusoidal", "learned"]
BUCKETS = 32  # of t5, as in the paper; with look-ahead half of them for each direction


class Positions(nn.Module):
    """No positions. max_length: the distance or the step that ends a table; ahead: keys may lie after their query."""

    counts: ClassVar[bool] = False  # it needs to know how many steps of the row came before

    def __init__(self, width: int, heads: int, *, max_length: int, ahead: bool) -> None:
        super().__init__()
        self.width, self.heads, self.max_length, self.ahead = width, heads, max_length, ahead

    def place(self, x: Tensor, at: Tensor) -> Tensor:
        """The input [B T D] with the position of its steps, at [B T] int64."""
        return x

    def turn(self, q: Tensor, k: Tensor, q_at: Tensor, k_at: Tensor) -> tuple[Tensor, Tensor]:
        """Queries [B T H E] at q_at [T] and keys [B K G E] at k_at [K], with positions in them; only differences of
        the numbers mean something.
        """
        return q, k

    def bias(self, q: Tensor, offsets: Tensor, span: Tensor) -> Tensor | None:
        """What is added to scores, [H T K] or [B H T K]. offsets [T K]: key minus query; span [W]: all offsets that can
        be seen, in order.
        """
        return None


class Rotary(Positions):
    """Halves are paired: (x_i, x_(i+E/2)) is turned by step * 10000^(-2i/E)."""

    def turn(self, q: Tensor, k: Tensor, q_at: Tensor, k_at: Tensor) -> tuple[Tensor, Tensor]:
        return rotate(q, q_at), rotate(k, k_at)


class Alibi(Positions):
    """-slope * distance; slopes are 2^(-8/n), 2^(-16/n) ... for n heads, n a power of two. Other numbers of heads take
    every second slope of the next power after those of the last, as the paper's authors do.
    """

    slopes: Tensor

    def __init__(self, width: int, heads: int, *, max_length: int, ahead: bool) -> None:
        super().__init__(width, heads, max_length=max_length, ahead=ahead)
        self.register_buffer("slopes", torch.tensor(alibi_slopes(heads)), persistent=False)

    def bias(self, q: Tensor, offsets: Tensor, span: Tensor) -> Tensor | None:
        return -self.slopes[:, None, None] * offsets.abs()


class T5Buckets(Positions):
    """One learned number for each head and bucket: single distances first, then ever wider ranges up to max_length."""

    bucket_of: Tensor

    def __init__(self, width: int, heads: int, *, max_length: int, ahead: bool) -> None:
        super().__init__(width, heads, max_length=max_length, ahead=ahead)
        self.side = BUCKETS // 2 if ahead else BUCKETS
        self.table = nn.Parameter(torch.randn(BUCKETS, heads) * heads**-0.5)
        self.register_buffer("bucket_of", torch.tensor(t5_buckets(max_length, self.side)), persistent=False)

    def bias(self, q: Tensor, offsets: Tensor, span: Tensor) -> Tensor | None:
        bucket = self.bucket_of[offsets.abs().clamp(max=self.max_length)]  # [T K]
        if self.ahead:
            bucket = bucket + (offsets > 0) * self.side
        bias: Tensor = self.table[bucket].permute(2, 0, 1)
        return bias


class TransformerXL(Positions):
    """score = (q + u) . k + (q + v) . W_r R(query - key), R sines of the distance."""

    def __init__(self, width: int, heads: int, *, max_length: int, ahead: bool) -> None:
        super().__init__(width, heads, max_length=max_length, ahead=ahead)
        self.u = nn.Parameter(torch.zeros(heads, width // heads))
        self.v = nn.Parameter(torch.zeros(heads, width // heads))
        self.distance = nn.Linear(width, width, bias=False)

    def turn(self, q: Tensor, k: Tensor, q_at: Tensor, k_at: Tensor) -> tuple[Tensor, Tensor]:
        return q + self.u, k

    def bias(self, q: Tensor, offsets: Tensor, span: Tensor) -> Tensor | None:
        waves = sinusoids(-span, self.width, self.distance.weight.dtype)
        r = self.distance(waves).unflatten(-1, (self.heads, -1))  # [W H E]
        scores = (q + self.v).transpose(1, 2) @ r.permute(1, 2, 0) * q.shape[-1] ** -0.5  # [B H T W]
        index = (offsets - span[0]).clamp(min=0).minimum(span[-1] - span[0])  # what lies outside is masked anyway
        bias: Tensor = scores.gather(-1, index.expand(*scores.shape[:2], -1, -1))
        return bias


class Sinusoidal(Positions):
    """Column 2i is sin(step / 10000^(2i/D)), column 2i+1 its cosine."""

    counts = True

    def place(self, x: Tensor, at: Tensor) -> Tensor:
        return x + sinusoids(at, self.width, x.dtype)


class Learned(Positions):
    """One vector for each of the first max_length steps; every later step shares the last one."""

    counts = True

    def __init__(self, width: int, heads: int, *, max_length: int, ahead: bool) -> None:
        super().__init__(width, heads, max_length=max_length, ahead=ahead)
        self.table = nn.Parameter(torch.randn(max_length, width) * 0.02)

    def place(self, x: Tensor, at: Tensor) -> Tensor:
        return x + self.table[at.clamp(max=self.max_length - 1)].to(x.dtype)


POSITIONS: dict[str, type[Positions]] = {
    "none": Positions,
    "rope": Rotary,
    "alibi": Alibi,
    "t5": T5Buckets,
    "xl": TransformerXL,
    "sinusoidal": Sinusoidal,
    "learned": Learned,
}


def make_positions(name: Name, width: int, heads: int, *, max_length: int, ahead: bool) -> Positions:
    """The positions of that name; ValueError for another, or for rope over an odd head width."""
    if name not in POSITIONS:
        raise ValueError(f"positions is {name!r}, expected one of {get_args(Name)}")
    if name == "rope" and (width // heads) % 2:
        raise ValueError(f"rope pairs the numbers of a head, but there are {width // heads}, an odd number")
    return POSITIONS[name](width, heads, max_length=max_length, ahead=ahead)


def rotate(x: Tensor, positions: Tensor) -> Tensor:
    """x [B T H E] turned to positions [T], halves paired."""
    half = x.shape[-1] // 2
    precise = torch.promote_types(x.dtype, torch.float32)  # not in half precision, whatever x is
    exponents = torch.arange(half, device=x.device, dtype=precise) / half
    angles = positions[:, None].to(precise) * 10000.0**-exponents  # [T E/2]
    cos, sin = angles.cos()[:, None].to(x.dtype), angles.sin()[:, None].to(x.dtype)  # [T 1 E/2]
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


def sinusoids(at: Tensor, width: int, dtype: torch.dtype) -> Tensor:
    """Sines and cosines in turn of whole numbers [...]: [... width]. In float64: a stream may be long."""
    pairs = (width + 1) // 2
    exponents = torch.arange(pairs, device=at.device, dtype=torch.float64) * (2.0 / width)
    angles = at[..., None].double() * 10000.0**-exponents
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)[..., :width].to(dtype)


def alibi_slopes(heads: int) -> list[float]:
    """One slope a head, the steepest first."""
    whole = 1 << (heads.bit_length() - 1)  # the last power of two
    first = [2.0 ** (-8.0 * (i + 1) / whole) for i in range(whole)]
    between = [2.0 ** (-4.0 * (i + 1) / whole) for i in range(0, 2 * whole, 2)]
    return first + between[: heads - whole]


def t5_buckets(max_length: int, side: int) -> list[int]:
    """The bucket of each distance from 0 to max_length, of `side` buckets: half of them hold one distance each, the
    others ranges that grow in proportion to the distance.
    """
    exact = side // 2
    if max_length <= exact:
        return list(range(max_length + 1))
    growth = math.log(max_length / exact)
    ranges = [exact + int(math.log(d / exact) / growth * (side - exact)) for d in range(exact, max_length + 1)]
    return [*range(exact), *(min(bucket, side - 1) for bucket in ranges)]

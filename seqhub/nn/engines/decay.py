"""Decay between the steps of a chunk: pair scores x_t . (decay from s to t) y_s for all s < t, without overflow.

The weight of a pair is exp of a sum of log decays, at most 1; split into a factor for t and one for s it is the ratio
of two numbers, and one of them overflows where decays are strong. Three exact forms, each for its case:

    one decay a head    the [C C] weights themselves
    mild decays         factored about the middle of the chunk: one matrix product
    any decays          halves within halves: a pair is split at the boundary between its two halves, where both
                        factors are at most 1; log2(C) matrix products

Sums run within halves only, so that a strong decay takes no digits from the weak ones beside it.
Shapes: ... leading axes, C steps of a chunk (a power of two), K key width.
"""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

MILD = -5.0  # the weakest log decay of the factored form: at 16 steps exp(8 * 5) is far from overflow


class Decay:
    """What a chunk's decays do. g [... C K] or [... C 1], the log decays.

    read [... C K|1]: from the chunk's start to each step, that step's own decay included.
    write [... C K|1]: from each step to the chunk's end.  whole [... K|1]: over the chunk.
    """

    def __init__(self, g: Tensor) -> None:
        self.g = g
        self.read = torch.exp(g.cumsum(dim=-2))
        self.write = torch.exp(_sum_after(g))
        self.whole = self.read[..., -1, :]

    @cached_property
    def read_before(self) -> Tensor:
        """As `read`, without the step's own decay."""
        return F.pad(self.read[..., :-1, :], (0, 0, 1, 0), value=1.0)

    def scores(self, x: Tensor, y: Tensor, *, before: bool = False) -> Tensor:
        """x, y [... C K] -> [... C C], zero on and above the diagonal. before: x reads without its own decay."""
        raise NotImplementedError(f"{type(self).__name__} does not define scores")


def make_decay(g: Tensor) -> Decay:
    """The form for these log decays."""
    if g.shape[-1] == 1:
        return HeadDecay(g)
    return MildDecay(g) if bool((g >= MILD).all()) else KeyDecay(g)


class HeadDecay(Decay):
    """One decay a head: the weights themselves."""

    @cached_property
    def weights(self) -> Tensor:
        steps = self.g.shape[-2]
        lower = torch.ones(steps, steps, dtype=torch.bool, device=self.g.device).tril(-1)
        sums = (self.g * lower).cumsum(dim=-2)  # [t s]: the decays after s, up to t
        return torch.where(lower, torch.exp(sums), torch.zeros_like(sums))

    @cached_property
    def weights_before(self) -> Tensor:
        up_to_now = self.weights + torch.eye(self.g.shape[-2], dtype=self.g.dtype, device=self.g.device)
        return F.pad(up_to_now[..., :-1, :], (0, 0, 1, 0))  # row t is what reached t - 1

    def scores(self, x: Tensor, y: Tensor, *, before: bool = False) -> Tensor:
        return (x @ y.mT) * (self.weights_before if before else self.weights)


class MildDecay(Decay):
    """Factored about the middle of the chunk."""

    @cached_property
    def sums(self) -> Tensor:
        sums = self.g.cumsum(dim=-2)
        middle = sums[..., self.g.shape[-2] // 2, :].unsqueeze(-2)
        return sums - middle.detach()  # no score depends on it; its rounding would reach steps of the future

    @cached_property
    def up(self) -> Tensor:
        return torch.exp(self.sums)

    @cached_property
    def up_before(self) -> Tensor:
        return torch.exp(self.sums - self.g)

    @cached_property
    def down(self) -> Tensor:
        return torch.exp(-self.sums)

    def scores(self, x: Tensor, y: Tensor, *, before: bool = False) -> Tensor:
        return ((x * (self.up_before if before else self.up)) @ (y * self.down).mT).tril(-1)


class KeyDecay(Decay):
    """Halves within halves. Of each level, blocks of two halves of h = 1, 2, 4 ... C/2 steps: [... C/2h h K]."""

    @cached_property
    def totals(self) -> list[tuple[Tensor, Tensor]]:
        """The sums over the first and the second half of each block, [... C/2h 1 K]."""
        found = []
        total = self.g.unsqueeze(-2)
        for _ in range(self.g.shape[-2].bit_length() - 1):
            found.append(_halves(total))
            total = found[-1][0] + found[-1][1]
        return found

    @cached_property
    def late(self) -> list[Tensor]:
        return self._late(self.g)

    @cached_property
    def late_before(self) -> list[Tensor]:
        return self._late(torch.zeros_like(self.g))

    def _late(self, leaf: Tensor) -> list[Tensor]:
        """Decay from the boundary to each step of the second half; leaf: what a step's own decay adds."""
        found = []
        sums = leaf.unsqueeze(-2)
        for first_total, _ in self.totals:
            first, second = _halves(sums)
            found.append(torch.exp(second))
            sums = torch.cat((first, second + first_total), dim=-2)
        return found

    @cached_property
    def early(self) -> list[Tensor]:
        """Decay from each step of the first half to the boundary."""
        found = []
        sums = torch.zeros_like(self.g).unsqueeze(-2)
        for _, second_total in self.totals:
            first, second = _halves(sums)
            found.append(torch.exp(first))
            sums = torch.cat((first + second_total, second), dim=-2)
        return found

    def scores(self, x: Tensor, y: Tensor, *, before: bool = False) -> Tensor:
        blocks = x.new_zeros(*x.shape[:-1], 1, 1)  # [... C 1 1]: a step does not score itself
        for late, early in zip(self.late_before if before else self.late, self.early, strict=True):
            half = late.shape[-2]
            reader = torch.unflatten(x, -2, (-1, 2, half))[..., 1, :, :] * late
            writer = torch.unflatten(y, -2, (-1, 2, half))[..., 0, :, :] * early
            first, second = _halves(blocks)
            bottom = torch.cat((reader @ writer.mT, second), dim=-1)  # [... C/2h h 2h]
            blocks = torch.cat((F.pad(first, (0, half)), bottom), dim=-2)
        return blocks.squeeze(-3)


def _halves(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """[... 2M h X] -> the even and the odd blocks, [... M h X] each; `unbind`, whose backward fills no zeros."""
    first, second = torch.unflatten(blocks, -3, (-1, 2)).unbind(-3)
    return first, second


def _sum_after(g: Tensor) -> Tensor:
    """The sum of what comes after each step, [... C X], added from the end so that no digits cancel."""
    after = g.flip(-2).cumsum(dim=-2).flip(-2)
    return F.pad(after[..., 1:, :], (0, 0, 0, 1))

"""Convolutions through seqhub against the same in plain torch: a train step (forward + backward) and a forward pass,
median ratios of paired runs. Both read and return [B T D]; the plain stacks know neither lengths nor state.

.venv/bin/python benchmarks/convolution.py [rounds] [threads]
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
from paired import compare, inference, train_step
from torch import Tensor, nn
from torch.nn import functional as F

from seqhub.cli.output import print_table
from seqhub.nn import Chain, SequenceLayer
from seqhub_conv.conv1d import Conv1d
from seqhub_conv.depthwise import DepthwiseConv
from seqhub_conv.subsampling import Subsampling
from seqhub_conv.tcn import TCN

Rows = list[list[object]]
Plain = Callable[[Tensor], Tensor]  # [B D T] -> [B C T']


class Causal(nn.Module):
    """Zeros in front, then `nn.Conv1d`, then what follows: how one writes it by hand."""

    def __init__(self, conv: nn.Conv1d, after: nn.Module | None = None) -> None:
        super().__init__()
        self.conv = conv
        self.after = nn.Identity() if after is None else after
        self.before = (conv.kernel_size[0] - 1) * conv.dilation[0] + 1 - conv.stride[0]

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.conv(F.pad(x, (self.before, 0))))


class PlainTCN(nn.Module):
    """Residual blocks of two dilated causal convolutions, written by hand."""

    def __init__(self, width: int, channels: int, kernel: int, levels: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList()
        for i in range(levels):
            d_in = channels if i else width
            first = Causal(nn.Conv1d(d_in, channels, kernel, dilation=2**i), nn.ReLU())
            second = Causal(nn.Conv1d(channels, channels, kernel, dilation=2**i), nn.ReLU())
            skip = nn.Conv1d(d_in, channels, 1) if d_in != channels else nn.Identity()
            self.levels.append(nn.ModuleList((first, second, skip)))

    def forward(self, x: Tensor) -> Tensor:
        for first, second, skip in self.levels:
            x = F.relu(second(first(x)) + skip(x))
        return x


def add(rows: Rows, name: str, layer: SequenceLayer, plain: nn.Module, size: tuple[int, int], rounds: int) -> None:
    """A table row each: full rows, and rows of a quarter to the whole length, whose padding the plain form computes."""
    batch, steps = size
    x = torch.randn(batch, steps, layer.d_in, requires_grad=True)
    full, ragged = torch.full((batch,), steps), torch.randint(steps // 4, steps + 1, (batch,))

    def ours(lengths: Tensor) -> Callable[[], Tensor]:
        return lambda: layer(x, lengths, layer.initial_state(batch))[0]

    def theirs() -> Tensor:
        y: Tensor = plain(x.mT).mT
        return y

    runs = {"plain torch": theirs, "full rows": ours(full), "ragged rows": ours(ragged)}
    parameters = [*layer.parameters(), *plain.parameters(), x]
    steps_taken = compare({key: train_step(run, parameters) for key, run in runs.items()}, rounds=rounds)
    passes = compare({key: inference(run) for key, run in runs.items()}, rounds=rounds)
    for step, once in zip(steps_taken, passes, strict=True):
        label = f"B{batch} T{steps} D{layer.d_in} C{layer.d_out}"
        rows.append([name, label, step.name, step.milliseconds, step.ratio, once.milliseconds, once.ratio])


def single(rows: Rows, rounds: int) -> None:
    """One convolution."""
    for size, width, channels, kernel in (((16, 256), 64, 64, 5), ((32, 128), 64, 128, 3), ((8, 512), 128, 128, 3)):
        layer = Conv1d(width, channels=channels, kernel=kernel)
        add(rows, f"conv1d, kernel {kernel}", layer, Causal(nn.Conv1d(width, channels, kernel)), size, rounds)
    layer = Conv1d(64, channels=64, kernel=4, stride=2)
    add(rows, "conv1d, kernel 4, stride 2", layer, Causal(nn.Conv1d(64, 64, 4, stride=2)), (16, 256), rounds)
    depthwise = DepthwiseConv(128, kernel=4)
    add(rows, "depthwise-conv, kernel 4", depthwise, Causal(nn.Conv1d(128, 128, 4, groups=128)), (16, 256), rounds)


def stacks(rows: Rows, rounds: int) -> None:
    """Stacks inside one component, and six layers through `Chain`."""
    tcn = TCN(64, channels=64, kernel=3, levels=4, weight_norm=False)
    add(rows, "tcn, 4 levels", tcn, PlainTCN(64, 64, 3, 4), (16, 256), rounds)
    plain = nn.Sequential(*(Causal(nn.Conv1d(80 if i == 0 else 128, 128, 3, stride=2), nn.ReLU()) for i in range(2)))
    add(rows, "subsampling 4x", Subsampling(80, channels=128, factor=4), plain, (16, 256), rounds)
    layers = {f"conv{i}": Conv1d(64, channels=64, kernel=3, activation="relu") for i in range(6)}
    plain = nn.Sequential(*(Causal(nn.Conv1d(64, 64, 3), nn.ReLU()) for _ in range(6)))
    add(rows, "chain of 6 conv1d", Chain(64, layers), plain, (16, 256), rounds)


def main() -> None:
    rounds, threads = (int(value) for value in (*sys.argv[1:], *("15", "2")[len(sys.argv) - 1 :]))
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    rows: Rows = []
    single(rows, rounds)
    stacks(rows, rounds)
    print_table(["layer", "size", "candidate", "train step ms", "ratio", "forward ms", "ratio "], rows)


if __name__ == "__main__":
    main()

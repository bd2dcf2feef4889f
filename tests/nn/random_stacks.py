"""Random legal stacks, written as recipes: every installed component that fits, in every structure of the language."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

from seqhub.geometry import INF, Geometry
from seqhub.plugins import Component, Registry

WIDTH = 8  # that of the examples which components give of themselves
Entry = dict[str, Any]
MERGES = ("concat", "sum", "mean", "product", "gated")


@lru_cache(maxsize=1)
def menu(registry: Registry) -> dict[str, list[tuple[Component, Entry, Geometry]]]:
    """Examples of installed first-party components by what they do to a stream: stay, look, stride, whole."""
    found: dict[str, list[tuple[Component, Entry, Geometry]]] = {"stay": [], "look": [], "stride": [], "whole": []}
    for kind in ("cell", "attention", "encoder", "block"):
        for component in registry.components(kind):
            spec = component.spec
            if not component.dist.startswith("seqhub"):
                continue
            for example in spec.examples:
                options = spec.config(**example)
                if options.problems(WIDTH) or getattr(options, "reads_memory", False):
                    continue
                geometry = options.geometry(WIDTH)
                reach = [edge for edge in (geometry.past, geometry.future) if edge != INF]
                if geometry.ratio > 1 or geometry.block > 4 or sum(reach) > 40 or geometry.width > 64:
                    continue
                does = "stay" if geometry.future == 0 else "look"
                does = "stride" if geometry.ratio != 1 else does
                does = does if geometry.streamable else "whole"
                found[does].append((component, {"type": component.ref, **example}, geometry))
    return found


@dataclass
class Stack:
    """One random stack: `blocks` as a recipe has them. streams: whether nothing inside needs the whole sequence."""

    seed: int
    registry: Registry
    streams: bool = True
    leaves: int = 6
    names: int = 0
    rng: random.Random = field(init=False)
    blocks: list[Entry] = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.menu = menu(self.registry)
        self.blocks, _, _ = self.list(WIDTH, 6, strides=True, outer=[])

    def list(
        self, width: int, depth: int, *, strides: bool, outer: list[tuple[str, int]], least: int = 1
    ) -> tuple[list[Entry], int, Fraction]:
        """Blocks over a width: the entries, the width and ratio that come of them. outer: names that can be seen."""
        rng, seen, ratio = self.rng, list(outer), Fraction(1)
        entries: list[Entry] = []
        for _ in range(rng.randint(least, 3)):
            if self.leaves < 1 and entries:
                break
            entry, after, change = self.entry(width, depth, strides=strides and ratio == 1, seen=seen)
            entries += entry
            width, ratio = after, ratio * change
            if change != 1:
                seen = []  # what lies before has another rate
            elif rng.random() < 0.5 and "name" not in entry[-1]:
                self.names += 1
                entry[-1]["name"] = f"n{self.names}"
                seen.append((f"n{self.names}", width))
            elif "name" in entry[-1]:
                seen.append((entry[-1]["name"], width))
        return entries, width, ratio

    def entry(
        self, width: int, depth: int, *, strides: bool, seen: list[tuple[str, int]]
    ) -> tuple[list[Entry], int, Fraction]:
        """One block, after whatever brings the width to what it needs."""
        rng = self.rng
        if seen and rng.random() < 0.45:
            name, other = rng.choice(seen)
            merge = rng.choice(("sum", "mean", "product", "concat") if other == width else ("concat",))
            joined = width + other if merge == "concat" else width
            return [{"type": "skip", "block": name, "merge": merge}], joined, Fraction(1)
        if depth > 1 and rng.random() < 0.08:
            return self.pair(width)
        if depth > 1 and self.leaves > 1 and rng.random() < 0.5:
            kinds = ["residual", "residual", "parallel", "parallel", "repeat", "share"]
            kinds += ["resample", "reversible", "per_column"]
            return getattr(self, rng.choice(kinds))(width, depth, seen)
        return self.leaf(width, strides)

    def leaf(self, width: int, strides: bool) -> tuple[list[Entry], int, Fraction]:
        self.leaves -= 1
        rng = self.rng
        kinds = ["stay"] * 5 + ["look"] * 2 + ["stride"] * 2 * strides + ["whole"] * (not self.streams)
        choices = self.menu[rng.choice(kinds)]
        wanted = rng.choice(sorted({component.ref for component, _, _ in choices}))  # each component as often
        component, entry, geometry = rng.choice([choice for choice in choices if choice[0].ref == wanted])
        entry, out = dict(entry), geometry.width
        if component.spec.kind == "cell" and not self.streams and rng.random() < 0.3:
            merge = rng.choice(("concat", "sum", "mean"))
            entry |= {"direction": "bidirectional", "merge": merge}
            out = 2 * out if merge == "concat" else out
        first = [] if width == WIDTH else [linear(WIDTH)]
        return [*first, entry], out, geometry.ratio

    def pair(self, width: int) -> tuple[list[Entry], int, Fraction]:
        """Fewer steps, and as many again."""
        self.leaves -= 1
        rng, rate = self.rng, self.rng.randint(2, 3)
        down = {"type": "conv1d", "channels": WIDTH, "kernel": rng.randint(rate, 5), "stride": rate}
        down["padding"] = rng.choice(("causal", "centred"))
        slow = [self.leaf(WIDTH, strides=False)] if self.leaves > 0 and rng.random() < 0.5 else []
        inside = [entry for entries, _, _ in slow for entry in entries]
        out = slow[0][1] if slow else WIDTH
        return [down, *inside, {"type": "upsample", "factor": rate}], out, Fraction(1)

    def back(self, blocks: list[Entry], width: int, wanted: int) -> list[Entry]:
        return blocks if width == wanted else [*blocks, linear(wanted)]

    def residual(self, width: int, depth: int, seen: list[tuple[str, int]]) -> tuple[list[Entry], int, Fraction]:
        rng = self.rng
        inner, out, _ = self.list(width, depth - 1, strides=False, outer=seen)
        norms = ("layer", "rms", "none") if min(width, out) > 2 else ("none",)  # of one feature a norm leaves nothing
        entry: Entry = {"type": "residual", "norm": rng.choice(norms)}
        if rng.random() < 0.3 and entry["norm"] != "none":
            entry["post_norm"] = True
        if rng.random() < 0.4:
            entry |= {"scale": 0.5, "learn_scale": rng.choice(("none", "scalar", "channel"))}
        if out != width and rng.random() < 0.5:
            return [{**entry, "project": True, "blocks": inner}], out, Fraction(1)
        return [{**entry, "blocks": self.back(inner, out, width)}], width, Fraction(1)

    def parallel(self, width: int, depth: int, seen: list[tuple[str, int]]) -> tuple[list[Entry], int, Fraction]:
        rng = self.rng
        merge, wanted = rng.choice(MERGES), rng.choice((4, width))
        branches, total = [], 0
        for _ in range(rng.randint(2, 3)):
            inner, out, _ = self.list(width, depth - 1, strides=False, outer=seen)
            if wanted == width and rng.random() < 0.2:
                inner, out = [], width
            if merge != "concat":
                inner, out = self.back(inner, out, wanted), wanted
            branches.append(inner)
            total += out
        gate = {"gate": rng.choice(("softmax", "sigmoid"))} if merge == "gated" else {}
        entry = {"type": "parallel", "merge": merge, **gate, "branches": branches}
        return [entry], total if merge == "concat" else wanted, Fraction(1)

    def repeat(self, width: int, depth: int, seen: list[tuple[str, int]]) -> tuple[list[Entry], int, Fraction]:
        inner, out, _ = self.list(width, depth - 1, strides=False, outer=seen)
        entry = {"type": "repeat", "times": self.rng.randint(1, 2), "blocks": self.back(inner, out, width)}
        return [entry], width, Fraction(1)

    def share(self, width: int, depth: int, seen: list[tuple[str, int]]) -> tuple[list[Entry], int, Fraction]:
        inner, out, _ = self.list(width, depth - 1, strides=False, outer=[])
        times = self.rng.randint(2, 3)
        return (
            [{"type": "repeat", "times": times, "share": True, "blocks": self.back(inner, out, width)}],
            width,
            Fraction(1),
        )

    def resample(self, width: int, depth: int, seen: list[tuple[str, int]]) -> tuple[list[Entry], int, Fraction]:
        rng = self.rng
        inner, out, _ = self.list(width, depth - 1, strides=False, outer=[])
        entry = {"type": "resample", "factor": rng.randint(2, 3), "keep": rng.choice(("mean", "last", "max"))}
        return [{**entry, "blocks": inner}], out, Fraction(1)

    def reversible(self, width: int, depth: int, seen: list[tuple[str, int]]) -> tuple[list[Entry], int, Fraction]:
        inner, out, _ = self.list(width, depth - 1, strides=False, outer=seen)
        return [{"type": "reversible", "blocks": self.back(inner, out, width)}], width, Fraction(1)

    def per_column(self, width: int, depth: int, seen: list[tuple[str, int]]) -> tuple[list[Entry], int, Fraction]:
        """Blocks over each column of several that a step holds."""
        columns = self.rng.choice([n for n in (1, 2, 3, 4) if width % n == 0])
        inner, out, _ = self.list(width // columns, depth - 1, strides=False, outer=[])
        return [{"type": "per-column", "columns": columns, "blocks": inner}], columns * out, Fraction(1)


def linear(width: int) -> Entry:
    return {"type": "linear", "width": width}

"""Recordings and their texts: taken from a source, checked, split, joined to strings, spoilt a little in training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqhub.data.batch import Item, Items
from seqhub.data.scaler import Scaler, fit_scaler_of
from seqhub.data.sequences import check_finite
from seqhub.data.splits import Indices, by_name
from seqhub.data.table import Numbers, Sequences, Source
from seqhub.errors import DataError
from seqhub.tasks.augment import Spoiler
from seqhub.tasks.base import refuse_source
from seqhub.tasks.configs_audio import TranscribeData
from seqhub.text import Tokenizer


@dataclass(frozen=True, eq=False)
class Recordings:
    """items: [T D] each.  texts: what is said.  encode: a text as tokens.  splits: item positions."""

    items: list[Numbers]
    texts: list[str]
    encode: Callable[[str], list[int]]
    names: tuple[str, ...]
    features: tuple[str, ...]
    splits: dict[str, Indices]
    scaler: Scaler
    rate_hz: int
    origin: str
    notes: tuple[str, ...]

    def _split(self, name: str) -> dict[str, Any]:
        steps = sum(len(self.items[i]) for i in self.splits[name].tolist())
        found = {"split": name, "items": len(self.splits[name]), "steps": steps}
        return found | ({"seconds": round(steps / self.rate_hz, 1)} if self.rate_hz else {})

    def describe(self) -> dict[str, Any]:
        """Sizes of the splits, lengths, and some texts."""
        lengths = np.array([len(item) for item in self.items])
        seen = {self.texts[i] for i in self.splits["train"].tolist()}
        known = sum(self.texts[i] in seen for i in self.splits["test"].tolist())
        return {
            "source": self.origin,
            "items": len(self.items),
            "splits": [self._split(name) for name in self.splits],
            "steps": {"min": int(lengths.min()), "median": int(np.median(lengths)), "max": int(lengths.max())},
            "examples": [{"item": self.names[i], "text": self.texts[i]} for i in self.splits["train"][:3].tolist()],
            "notes": [*self.notes, f"{known} of {len(self.splits['test'])} test texts are also said in training"],
            "warnings": [],
        }


def read_recordings(
    source: Source, data: TranscribeData, tokenizer: Tokenizer, specials: tuple[str, ...], seed: int
) -> Recordings:
    """Raises DataError where values or texts cannot be used, a split would be empty, or a token is new in test."""
    found = source.read()
    if not isinstance(found, Sequences):
        raise refuse_source(found.origin, "rows and columns", "transcribe", "recordings with texts", "use source: wav")
    check_finite(found)
    for index, (item, text) in enumerate(zip(found.items, found.labels, strict=True)):
        if not len(item) or not text.strip():
            what = f"{found.name(index)} has no {'text' if len(item) else 'steps'}"
            raise DataError(what, code="E302", fix="remove it, or complete it")
    names = tuple(found.name(i) for i in range(len(found.items)))
    splits = by_name(names, data.split.valid, data.split.test, data.split.held_out, seed, found.origin)
    texts = [" ".join(text.split()) for text in found.labels]
    train = splits["train"].tolist()
    pair = [" ".join(texts[i] for i in train[:2])] if data.join > 1 else []  # the space between may be new
    tokenizer.fit([texts[i] for i in train] + pair, specials)
    for text, name in zip(texts, names, strict=True):
        _check_known(tokenizer, text, name)
    return Recordings(
        items=list(found.items),
        texts=texts,
        encode=tokenizer.encode,
        names=names,
        features=found.features,
        splits=splits,
        scaler=fit_scaler_of([found.items[i] for i in train]),
        rate_hz=found.rate_hz,
        origin=found.origin,
        notes=found.notes,
    )


def _check_known(tokenizer: Tokenizer, text: str, name: str) -> None:
    try:
        tokenizer.encode(text)
    except DataError as error:
        what = f"{name}: {error.problems[0].message}"
        raise DataError(what, code=error.problems[0].code, fix="let training hold every token") from None


class RecordingItems(Items):
    """Item i of a split: x [T D] of one recording, or of several joined, target: the ids of its text.

    join: recordings in a string, at most; drawn for each item, in training anew for each epoch (`begin`).
    spoil: what is done to a recording at random.
    cut: half of the items begin with up to this many steps from anywhere in a recording of the split: what is said in
    them is no part of the target. Lengths are those without.
    """

    def __init__(
        self, recordings: Recordings, split: str, *, join: int, spoil: Spoiler, seed: int, cut: int = 0
    ) -> None:
        self.recordings, self.members = recordings, recordings.splits[split]
        self.join, self.spoil, self.cut = join, spoil, cut
        self.seed = [seed, ("train", "valid", "test").index(split)]
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """Draw the strings and the noise of an epoch: they depend on seed, split, epoch and position alone."""
        self.epoch = epoch
        self.strings = [[int(member)] for member in self.members]
        if self.join > 1:
            draw = np.random.default_rng([*self.seed, epoch])
            sizes = draw.integers(1, self.join + 1, len(self.members))
            more = [draw.choice(self.members, size - 1).tolist() for size in sizes]
            self.strings = [own + others for own, others in zip(self.strings, more, strict=True)]

    def __len__(self) -> int:
        return len(self.members)

    def lengths(self) -> list[int]:
        """Steps of each item, before any stretching."""
        return [sum(len(self.recordings.items[member]) for member in string) for string in self.strings]

    def shortest(self) -> list[int]:
        """Steps that each item has at least, however fast it is played."""
        return [self.spoil.shortest(steps) for steps in self.lengths()]

    def name(self, index: int) -> str:
        """The names of its recordings."""
        return " + ".join(self.recordings.names[member] for member in self.strings[index])

    def __getitem__(self, index: int) -> Item:
        string = self.strings[index]
        x = np.concatenate([self.recordings.items[member] for member in string])
        draw = np.random.default_rng([*self.seed, self.epoch, index])
        if self.cut and draw.random() < 0.5:
            x = np.concatenate([self._piece(draw), x])
        if self.spoil:
            x = self.spoil(x, draw)
        return Item(torch.from_numpy(np.ascontiguousarray(x)).float(), self.target(index), torch.tensor(index))

    def _piece(self, draw: np.random.Generator) -> Numbers:
        """Up to `cut` steps in a row of one recording, as if it had begun before what is kept: [T' D]."""
        whole = self.recordings.items[int(draw.choice(self.members))]
        steps = int(draw.integers(1, min(self.cut, len(whole)) + 1))
        begin = int(draw.integers(0, len(whole) - steps + 1))
        return whole[begin : begin + steps]

    def target(self, index: int) -> Tensor:
        """The ids of an item's text."""
        text = " ".join(self.recordings.texts[member] for member in self.strings[index])
        return torch.tensor(self.recordings.encode(text))

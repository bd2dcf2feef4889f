"""Running text, read piece by piece: it may be larger than memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

PIECE = 1 << 20  # characters that are held at a time


@dataclass(frozen=True)
class Document:
    """pieces: reads the text anew, in pieces of at most about `PIECE` characters; joined they are the whole of it.
    fingerprint: changes when the text does.  origin: what messages call it.
    """

    pieces: Callable[[], Iterator[str]]
    fingerprint: Callable[[], str]
    origin: str
    notes: tuple[str, ...] = ()


def document_of(text: str, origin: str, notes: tuple[str, ...] = ()) -> Document:
    """A document of a text that is in memory."""
    return Document(
        pieces=lambda: (text[at : at + PIECE] for at in range(0, len(text), PIECE)),
        fingerprint=lambda: hashlib.sha256(text.encode()).hexdigest(),
        origin=origin,
        notes=notes,
    )


def cut(pieces: Iterable[str], sizes: Sequence[int]) -> Iterator[tuple[int, str]]:
    """(part, text) of consecutive parts of so many characters each, piece by piece; an empty part gives none."""
    part, left = 0, sizes[0]
    for piece in pieces:
        at = 0
        while at < len(piece):
            while not left:
                part += 1
                if part == len(sizes):
                    return
                left = sizes[part]
            taken = piece[at : at + left]
            yield part, taken
            at, left = at + len(taken), left - len(taken)


def at_blanks(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in pieces that end at a line's or a word's end where there is one, so that no word is cut."""
    held = ""
    for piece in pieces:
        held += piece
        end = max(held.rfind("\n"), held.rfind(" "))
        if end <= 0:
            if len(held) < PIECE:
                continue
            end = len(held)
        # the blank goes with the word behind it, as byte pairs take it
        taken, held = held[:end], held[end:]
        yield taken
    if held:
        yield held

"""Recordings in, texts out: for bundles of the task `transcribe`, and sound files for any model that reads samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqhub.audio import SUFFIXES, beam_text, greedy_text, read_sound
from seqhub.errors import BundleError, SeqhubError
from seqhub.runtime.manifest import Manifest
from seqhub.text import restore


@dataclass(frozen=True, eq=False)
class Transcript:
    """What is said."""

    text: str

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"text": self.text}

    def table(self) -> tuple[list[str], list[list[Any]]]:
        """Header and one row."""
        return ["text"], [[self.text]]


def transcribed(manifest: Manifest, y: np.ndarray, *, beam: int | None = None) -> Transcript:
    """The scores of a recording's output steps [T' V] as its text; beam: as in the recipe unless given."""
    kept = int(manifest.task.get("beam") or 1) if beam is None else beam
    ids = greedy_text(y) if kept == 1 else beam_text(y, kept)
    return Transcript(restore(manifest.task["tokens"]).decode(ids))


def is_sound(path: Path) -> bool:
    """By the end of its name."""
    return path.suffix.lower() in SUFFIXES


def read_samples(path: Path, manifest: Manifest) -> np.ndarray:
    """A sound file as steps [T 1] float32; BundleError where it cannot be read, or has another rate than the model."""
    rate = int(manifest.task.get("rate_hz") or 0)
    if not rate or len(manifest.features) != 1:
        message = f"'{path}' is a sound file, but '{manifest.name}' does not read samples"
        raise BundleError(message, fix=f"give steps of {', '.join(manifest.features)}", code="E713")
    try:
        sound = read_sound(path)
    except SeqhubError as error:
        problem = error.problems[0]
        raise BundleError(problem.message, fix=problem.fix, code="E713") from None
    if sound.rate != rate:
        message = f"'{path}' has {sound.rate} samples a second, but '{manifest.name}' reads {rate}"
        raise BundleError(message, fix="convert the file", code="E713")
    return sound.samples[:, None]

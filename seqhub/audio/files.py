"""Samples of a sound file. WAV with PCM needs nothing but Python; other formats need the library `soundfile`."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqhub.errors import DataError

SUFFIXES = (".wav", ".flac", ".ogg")
_FIX = "write it again, as WAV with 16 bits a sample"


@dataclass(frozen=True, eq=False)
class Sound:
    """samples: [T] float32 in -1 to 1, the mean of the channels.  rate: samples a second."""

    samples: NDArray[np.float32]
    rate: int


def read_sound(path: Path, named: str | None = None) -> Sound:
    """The samples of a file; `named` is what messages call it.

    Raises DataError: E301 no such file, E300 damaged or no sound, E302 no samples, E309 a sample that is
    not finite, E004 a format whose library is not
    installed.
    """
    name = str(path) if named is None else named
    if not path.is_file():
        raise DataError(f"{name} does not exist", code="E301", fix=f"look in {path.parent}")
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise DataError(f"{name} is no sound file that is known here", code="E300", fix=f"convert it: {known}")
    sound = _read_wave(path, name) if path.suffix.lower() == ".wav" else _read_other(path, name)
    if sound.rate < 1:
        raise DataError(f"{name} has {sound.rate} samples a second", code="E300", fix=_FIX)
    broken = np.flatnonzero(~np.isfinite(sound.samples))
    if len(broken):
        what = f"{name}: sample {broken[0] + 1} of {len(sound.samples)} is {sound.samples[broken[0]]}"
        raise DataError(what, code="E309", fix=_FIX)
    if not len(sound.samples):
        raise DataError(f"{name} holds no samples", code="E302", fix="remove it from the data")
    return sound


def _read_wave(path: Path, name: str) -> Sound:
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate, frames = file.getparams()[:4]
            raw = file.readframes(frames)
    except (wave.Error, EOFError) as error:
        if "unknown format" in str(error):  # floating point, or compressed
            return _read_other(path, name)
        raise DataError(
            f"{name} is no whole WAV file: {str(error) or 'it ends early'}", code="E300", fix=_FIX
        ) from None
    if len(raw) < frames * channels * width:
        what = f"{name} ends early: {len(raw) // (channels * width)} of {frames} samples"
        raise DataError(what, code="E300", fix=_FIX)
    return Sound(_mono(_as_floats(raw, width), channels), rate)


def _as_floats(raw: bytes, width: int) -> NDArray[np.float32]:
    """PCM of 1 to 4 bytes a sample: one byte is unsigned, the others are signed, low byte first."""
    if width == 1:
        return np.asarray((np.frombuffer(raw, np.uint8) - 128.0) / 128, dtype=np.float32)
    if width == 3:
        bytes3 = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        filled = np.zeros((len(bytes3), 4), np.uint8)
        filled[:, 1:] = bytes3
        return (filled.view("<i4")[:, 0] / 2**31).astype(np.float32)
    whole = np.frombuffer(raw, "<i2" if width == 2 else "<i4")
    return (whole / 2.0 ** (8 * width - 1)).astype(np.float32)


def _read_other(path: Path, name: str) -> Sound:
    try:
        import soundfile
    except ImportError:
        what = f"{name} needs the library soundfile, which is not installed"
        raise DataError(what, code="E004", fix="pip install soundfile, or convert it to WAV") from None
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise DataError(f"{name} cannot be read: {error}", code="E300", fix=_FIX) from None
    return Sound(_mono(samples.ravel(), samples.shape[1]), int(rate))


def _mono(samples: NDArray[Any], channels: int) -> NDArray[np.float32]:
    return np.asarray(samples.reshape(-1, channels).mean(axis=1), dtype=np.float32)

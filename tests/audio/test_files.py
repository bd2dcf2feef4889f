"""Sound files, against what was written into them."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from seqhub.audio import read_sound
from seqhub.errors import DataError


def write(path: Path, samples: np.ndarray, *, width: int = 2, rate: int = 8000) -> Path:
    """samples [T channels] in -1 to 1 as PCM."""
    whole = np.round(samples * (2 ** (8 * width - 1) - 1)).astype(np.int64)
    if width == 1:
        whole += 128
    raw = b"".join(int(value).to_bytes(width, "little", signed=width > 1) for value in whole.ravel())
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(raw)
    return path


WAVE = np.sin(np.arange(50) / 3)[:, None] * 0.9


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_pcm_of_every_width(tmp_path: Path, width: int):
    sound = read_sound(write(tmp_path / "a.wav", WAVE, width=width))
    assert (sound.rate, sound.samples.dtype, sound.samples.shape) == (8000, np.float32, (50,))
    np.testing.assert_allclose(sound.samples, WAVE[:, 0], atol=2 / 2 ** (8 * width - 1) + 1e-7)


def test_channels_become_their_mean(tmp_path: Path):
    both = np.concatenate([WAVE, -0.5 * WAVE], axis=1)
    np.testing.assert_allclose(read_sound(write(tmp_path / "a.wav", both)).samples, 0.25 * WAVE[:, 0], atol=1e-4)


def test_flac_and_float_wav_through_the_library(tmp_path: Path):
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "a.flac", WAVE, 8000, subtype="PCM_24")
    np.testing.assert_allclose(read_sound(tmp_path / "a.flac").samples, WAVE[:, 0], atol=1e-6)
    soundfile.write(tmp_path / "f.wav", WAVE, 16000, subtype="FLOAT")
    sound = read_sound(tmp_path / "f.wav")
    assert sound.rate == 16000
    np.testing.assert_allclose(sound.samples, WAVE[:, 0], atol=1e-7)


def test_what_cannot_be_read(tmp_path: Path):
    whole = write(tmp_path / "a.wav", WAVE).read_bytes()
    (tmp_path / "short.wav").write_bytes(whole[:-20])
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_bytes(b"this is no sound at all, but text")
    (tmp_path / "none.wav").write_bytes(whole[:40] + struct.pack("<I", 0))
    (tmp_path / "a.mp3").write_bytes(whole)
    for name, code, what in (
        ("short.wav", "E300", "ends early: 40 of 50 samples"),
        ("empty.wav", "E300", "no whole WAV file"),
        ("text.wav", "E300", "no whole WAV file"),
        ("none.wav", "E302", "holds no samples"),
        ("a.mp3", "E300", "no sound file that is known"),
        ("missing.wav", "E301", "does not exist"),
    ):
        with pytest.raises(DataError, match=what) as caught:
            read_sound(tmp_path / name, name)
        assert caught.value.problems[0].code == code

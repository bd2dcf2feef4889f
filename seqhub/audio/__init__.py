"""Sound as numbers: files of samples, read the same way in training and where a bundle runs. numpy, no torch."""

from seqhub.audio.ctc import beam_text, greedy_text
from seqhub.audio.files import SUFFIXES, Sound, read_sound

__all__ = ["SUFFIXES", "Sound", "beam_text", "greedy_text", "read_sound"]

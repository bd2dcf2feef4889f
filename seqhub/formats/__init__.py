"""Labelled series in text files, read the same way in training and where a bundle runs. numpy, no torch."""

from seqhub.formats.blocks import read_blocks
from seqhub.formats.series import Series
from seqhub.formats.ts import read_ts
from seqhub.formats.ucr import read_ucr

__all__ = ["Series", "read_blocks", "read_ts", "read_ucr"]

"""Commands in processes of their own, over a folder of data."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def run(folder: Path, data: Path, *words: str) -> str:
    """Standard output of a command that must succeed."""
    places = {"SEQHUB_DATA": str(data), "SEQHUB_CACHE": str(data / "cache"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, env=os.environ | places, encoding="utf-8"
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return done.stdout

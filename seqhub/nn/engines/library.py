"""Torch's own shared library: its stable C interface, and the OpenMP that it is linked with."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from pathlib import Path

import torch


@cache
def torch_library() -> ctypes.CDLL:
    """OSError where there is none of the usual name."""
    name = {"darwin": "libtorch_cpu.dylib", "win32": "torch_cpu.dll"}.get(sys.platform, "libtorch_cpu.so")
    return ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / name))

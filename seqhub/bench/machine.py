"""Where a bench was run: what its seconds mean."""

from __future__ import annotations

import os
import platform
from typing import Any


def machine(threads: int) -> dict[str, Any]:
    """Plain JSON values."""
    import torch

    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def processor() -> str:
    """The name that Linux gives it; elsewhere what Python knows."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()

"""What a run ran on: enough to repeat it, nothing about who ran it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from seqhub.plugins import scan_plugins
from seqhub.recipe import Block, Recipe
from seqhub.recipe.uses import recipe_uses
from seqhub.training.origins import local_files

_PACKAGES = ("seqhub", "torch", "lightning", "torchmetrics", "numpy", "onnx", "onnxscript", "onnxruntime")


def describe_environment(recipe: Recipe) -> dict[str, Any]:
    """Versions, the recipe's components, installed plugins, threads, devices, and the commit of the recipe's folder."""
    import torch

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
        "components": providers(recipe),
        "local_plugins": local_files(),
        "plugins": {record.dist: record.version for record in scan_plugins()},
        "threads": torch.get_num_threads(),
        "cpus": os.cpu_count(),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "git": _commit(recipe.base_dir),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }


def providers(recipe: Recipe) -> list[str]:
    """`dist/name==version` of every part of the recipe, sorted."""
    used = {recipe.task.component.provider, recipe.source.component.provider}
    used |= {use.provider for use in recipe_uses(recipe)}
    decoder = recipe.model.decoder
    waiting: list[Block] = [*recipe.model.blocks, *(decoder.blocks if decoder else ())]
    while waiting:
        block = waiting.pop()
        if block.component is not None:
            used.add(block.component.provider)
        waiting.extend(inner for branch in block.branches for inner in branch)
    return sorted(used)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit(folder: Path) -> str | None:
    """The commit that is checked out in `folder`, with a `+` where files differ from it; None outside git."""
    try:
        command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None

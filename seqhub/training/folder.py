"""A run folder: everything that one training left behind, in files that any program can read.

    recipe.yaml      the recipe, byte for byte       checkpoints/last, best   safetensors and JSON
    resolved.yaml    with every default filled in    features.json            ends of the model, manifest of the task
    env.json         versions, plugins, threads      metrics.jsonl            one row an epoch
    status.json      where the run stands            summary.json             the numbers at the end
    log.txt          what happened, with times       predictions/test.jsonl   one row a test item
    logs/            CSV and TensorBoard             plots/*.png, bundle/     pictures, ONNX

Every file is replaced atomically. Importing this module loads no torch.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seqhub.errors import RunError, UsageError
from seqhub.training.files import read_json, settle_folder, write_json
from seqhub.training.origins import check_local_files

if TYPE_CHECKING:
    from seqhub.assembly.plan import ModelPlan
    from seqhub.nn.ends import Ends
    from seqhub.nn.model import SequenceModel
    from seqhub.nn.seq2seq import EncoderDecoder
    from seqhub.plugins import Registry
    from seqhub.recipe import Recipe

State = Literal["running", "interrupted", "failed", "finished"]
FORMAT = 1


@dataclass(frozen=True)
class Status:
    """Where a run stands.

    stages: what has been completed, in order (`train`, `evaluate`, `export`, `predict`).  epoch, batch: done so far.
    source: where the recipe was read from.  base_dir: what the paths inside it are relative to.
    """

    state: State
    stages: tuple[str, ...] = ()
    epoch: int = 0
    batch: int = 0
    message: str = ""
    source: str = ""
    base_dir: str = ""
    smoke: bool = False
    overrides: tuple[str, ...] = ()
    updated: str = ""
    seqhub_run: int = field(default=FORMAT)


@dataclass(frozen=True)
class LoadedModel:
    """A trained model with all that is needed to use it, without its data."""

    recipe: Recipe
    plan: ModelPlan
    ends: Ends
    manifest: dict[str, Any]
    model: SequenceModel | EncoderDecoder


class RunFolder:
    """Paths of a run and its status. Opening one reads nothing."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.recipe = self.path / "recipe.yaml"
        self.resolved = self.path / "resolved.yaml"
        self.environment = self.path / "env.json"
        self.status_file = self.path / "status.json"
        self.log = self.path / "log.txt"
        self.metrics = self.path / "metrics.jsonl"
        self.summary = self.path / "summary.json"
        self.features = self.path / "features.json"
        self.logs = self.path / "logs"
        self.predictions = self.path / "predictions"
        self.plots = self.path / "plots"
        self.bundle = self.path / "bundle"

    def checkpoint(self, which: str) -> Path:
        """The folder of `last` or `best`."""
        return self.path / "checkpoints" / which

    def has_checkpoint(self, which: str = "last") -> bool:
        """Whether that checkpoint exists; a swap that a crash cut short is settled first."""
        folder = self.checkpoint(which)
        if folder.parent.is_dir():
            settle_folder(folder)
        return folder.is_dir()

    @staticmethod
    def is_run(path: Path) -> bool:
        """Whether seqhub made this folder."""
        try:
            return "seqhub_run" in read_json(path / "status.json")
        except (OSError, ValueError, TypeError):
            return False

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """An existing run. Raises UsageError where there is none."""
        if not cls.is_run(Path(path)):
            raise UsageError(
                f"{path} is not the folder of a run", code="E020", fix="`seqhub train RECIPE` makes one under runs/"
            )
        return cls(path)

    def status(self) -> Status:
        """What status.json says."""
        values: Any = {name: tuple(v) if isinstance(v, list) else v for name, v in read_json(self.status_file).items()}
        return Status(**values)

    def mark(self, **changes: Any) -> Status:
        """Change status.json."""
        updated = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        status = dataclasses.replace(self.status(), **changes, updated=updated)
        write_json(self.status_file, dataclasses.asdict(status))
        return status

    def write_features(self, ends: Ends, manifest: Mapping[str, Any]) -> None:
        """Keep both ends of the model and the task's manifest."""
        write_json(self.features, {"ends": ends.as_dict(), "manifest": dict(manifest)})

    def read_environment(self) -> dict[str, Any]:
        """What env.json says; empty where the run has not come so far."""
        return read_json(self.environment) if self.environment.is_file() else {}

    def load_recipe(self, registry: Registry | None = None) -> Recipe:
        """The recipe as it ran: `--set` and `--smoke` included, paths relative to where it was first read.

        Raises PluginError where it used a file of `--plugin` that is not given now.
        """
        from seqhub.plugins import load_registry
        from seqhub.recipe import load_recipe

        check_local_files(self.read_environment(), os.fspath(self.path))
        base_dir = Path(self.status().base_dir)
        return load_recipe(self.resolved, registry or load_registry(), base_dir=base_dir)

    def load_model(self, which: Literal["best", "last"] = "best", registry: Registry | None = None) -> LoadedModel:
        """Build the model and load its weights; data is not touched. Raises RunError where nothing was trained yet."""
        from seqhub.assembly.build import build_model
        from seqhub.assembly.plan import plan_model
        from seqhub.nn.ends import Ends
        from seqhub.training.checkpoint import load_weights

        if not self.has_checkpoint(which):
            fix = f"train it: seqhub train {self.status().source}"
            raise RunError(f"{os.fspath(self.path)} has no checkpoint '{which}' yet", code="E403", fix=fix)
        recipe = self.load_recipe(registry)
        features = read_json(self.features)
        ends = Ends.from_dict(features["ends"])
        plan = plan_model(recipe)
        model = build_model(plan, ends)
        model.load_state_dict(load_weights(self.checkpoint(which)))
        model.eval()
        return LoadedModel(recipe, plan, ends, features["manifest"], model)

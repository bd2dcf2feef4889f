"""From a recipe to the objects that a training needs: the task with its data, the loaders, the trainer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.loggers import TensorBoardLogger

from seqhub.api import TaskSpec
from seqhub.plugins import load_target
from seqhub.recipe import Recipe
from seqhub.training.callbacks import FolderCheckpoint, Guard, Recorder
from seqhub.training.checkpoint import FolderCheckpointIO
from seqhub.training.display import Display
from seqhub.training.folder import RunFolder
from seqhub.training.loader import EpochLoader
from seqhub.training.stopping import StopRequest

if TYPE_CHECKING:
    from seqhub.tasks.base import Task

Mode = Literal["min", "max"]


def build_task(recipe: Recipe) -> Task:
    """The recipe's task over its source. Nothing is read before `prepare`."""
    source = load_target(recipe.source.component)(recipe.source.options, recipe.base_dir)
    task: Task = load_target(recipe.task.component)(recipe.task.options, recipe.data.options, source, recipe.seed)
    return task


def monitored(recipe: Recipe, has_validation: bool) -> tuple[str, Mode]:
    """The logged name that picks the best epoch, and which way it improves."""
    if not has_validation:
        return "train_loss", "min"
    spec, name = recipe.task.component.spec, recipe.train.monitor
    if name is None or not isinstance(spec, TaskSpec):
        return "valid_loss", "min"
    return f"valid_{name}", spec.metrics[name]


@dataclass(frozen=True)
class Loaders:
    """Batches to train on, shuffled anew each epoch, and to validate on; no items to validate on: None."""

    train: EpochLoader
    valid: EpochLoader | None


def build_loaders(task: Task, recipe: Recipe) -> Loaders:
    """Loaders over the task's splits. Validation takes larger batches: it keeps no gradients, and its numbers stay."""
    section = recipe.train
    train = EpochLoader(
        task.dataset("train"), task.collate, section.batch, seed=recipe.seed, shuffle=True, limit=section.limit_batches
    )
    valid = EpochLoader(task.dataset("valid"), task.collate, max(64, section.batch), limit=section.limit_batches)
    return Loaders(train, valid if len(valid) else None)


def build_trainer(
    recipe: Recipe, folder: RunFolder, loaders: Loaders, display: Display, stop: StopRequest, done: tuple[int, int]
) -> tuple[Trainer, Recorder]:
    """Lightning's Trainer, writing into the run folder only. done: epochs finished, optimizer steps made."""
    monitor, mode = monitored(recipe, loaders.valid is not None)
    epochs_done, steps_done = done
    folder.logs.mkdir(parents=True, exist_ok=True)
    table = folder.logs / "metrics.csv"
    recorder = Recorder(folder.metrics, table, display, epochs_done, lower_is_better=mode == "min")
    callbacks: list[Callback] = [recorder, Guard(folder.checkpoint("last"), stop)]
    if recipe.train.patience is not None:
        callbacks.append(EarlyStopping(monitor, patience=recipe.train.patience, mode=mode, check_finite=False))
    root = folder.checkpoint("last").parent
    callbacks += [
        FolderCheckpoint(root, "best", monitor, mode=mode, save_on_train_epoch_end=True, enable_version_counter=False),
        FolderCheckpoint(root, "last", save_on_train_epoch_end=True, enable_version_counter=False),
    ]
    tensorboard = TensorBoardLogger(
        folder.logs,
        name="tensorboard",
        version="",
        default_hp_metric=False,
        purge_step=steps_done or None,  # steps that a dead session logged are trained again
    )
    trainer = Trainer(
        accelerator="gpu" if torch.cuda.is_available() else "cpu",
        devices=1,
        max_epochs=recipe.train.epochs,
        callbacks=callbacks,
        logger=tensorboard,
        log_every_n_steps=max(1, min(50, len(loaders.train))),
        plugins=[FolderCheckpointIO(), LightningEnvironment()],  # one local process, whatever scheduler started it
        default_root_dir=folder.path,
        num_sanity_val_steps=0,  # it would draw random numbers, and says nothing that the first epoch does not
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    return trainer, recorder

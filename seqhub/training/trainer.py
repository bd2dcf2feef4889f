"""Lightning's Trainer, set up to write into the run folder and nowhere else."""

from __future__ import annotations

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.loggers import TensorBoardLogger

from seqhub.recipe import Recipe
from seqhub.training.averaging import Averaging
from seqhub.training.callbacks import FolderCheckpoint, Guard, Recorder
from seqhub.training.checkpoint import FolderCheckpointIO
from seqhub.training.display import Display
from seqhub.training.folder import RunFolder
from seqhub.training.parts import Loaders, monitored
from seqhub.training.stopping import StopRequest


class _TensorBoard(TensorBoardLogger):
    def save(self) -> None:
        """No hparams.yaml: the recipe lies in the same folder."""


def build_trainer(
    recipe: Recipe, folder: RunFolder, loaders: Loaders, display: Display, stop: StopRequest, done: tuple[int, int]
) -> tuple[Trainer, Recorder]:
    """The trainer, and the callback that holds the rows of its epochs. done: epochs finished, optimizer steps made."""
    monitor, mode = monitored(recipe, loaders.valid is not None)
    epochs_done, steps_done = done
    folder.logs.mkdir(parents=True, exist_ok=True)
    table = folder.logs / "metrics.csv"
    recorder = Recorder(folder.metrics, table, display, epochs_done, lower_is_better=mode == "min")
    callbacks: list[Callback] = []
    if recipe.train.ema_decay is not None:  # before the guard saves what a batch did
        callbacks.append(Averaging(recipe.train.ema_decay))
    callbacks += [recorder, Guard(folder.checkpoint("last"), stop)]
    if recipe.train.patience is not None:
        callbacks.append(EarlyStopping(monitor, patience=recipe.train.patience, mode=mode, check_finite=False))
    root = folder.checkpoint("last").parent
    callbacks += [
        FolderCheckpoint(root, "best", monitor, mode=mode, save_on_train_epoch_end=True, enable_version_counter=False),
        FolderCheckpoint(root, "last", save_on_train_epoch_end=True, enable_version_counter=False),
    ]
    tensorboard = _TensorBoard(
        folder.logs,
        name="tensorboard",
        version="",
        default_hp_metric=False,
        purge_step=steps_done or None,  # steps that a dead process logged are trained again
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

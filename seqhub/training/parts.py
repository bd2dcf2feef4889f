"""From a recipe to its task and the batches of it. Without Lightning, so that looking at data stays quick."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from seqhub.plugins import load_target
from seqhub.recipe import Recipe
from seqhub.recipe.uses import metrics_of
from seqhub.training.evaluate import split_loader
from seqhub.training.loader import EpochLoader

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
    name = recipe.train.monitor
    if name is None:
        return "valid_loss", "min"
    better = metrics_of(recipe.task.component.spec, recipe.task.options)[name]
    return f"valid_{name}", "max" if better == "max" else "min"


@dataclass(frozen=True)
class Loaders:
    """Batches to train on, shuffled anew each epoch, and to validate on; no items to validate on: None."""

    train: EpochLoader
    valid: EpochLoader | None


def build_loaders(task: Task, recipe: Recipe) -> Loaders:
    """Loaders over the task's splits. Validation takes larger batches: it keeps no gradients, and its numbers stay."""
    section = recipe.train
    train = EpochLoader(
        task.dataset("train"),
        task.collate,
        section.batch,
        seed=recipe.seed,
        shuffle=True,
        limit=section.limit_batches,
        plan=partial(task.batches, "train", section.batch, seed=recipe.seed),
        workers=section.workers,
    )
    valid = split_loader(task, "valid", max(64, section.batch), section.limit_batches)
    return Loaders(train, valid if len(valid) else None)

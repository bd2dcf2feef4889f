"""Train a recipe into a run folder: prepare, fit or go on fitting, keep the best epoch's weights."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from seqhub.assembly.build import build_model
from seqhub.assembly.plan import ModelPlan, plan_model
from seqhub.errors import RunError, SeqhubError
from seqhub.nn.engines import compiling
from seqhub.nn.model import SequenceModel
from seqhub.nn.seq2seq import EncoderDecoder
from seqhub.recipe import Recipe
from seqhub.training.callbacks import position
from seqhub.training.checkpoint import FolderCheckpointIO, load_weights
from seqhub.training.claim import Claim
from seqhub.training.display import Display
from seqhub.training.environment import describe_environment, providers
from seqhub.training.files import read_json, write_json
from seqhub.training.folder import RunFolder
from seqhub.training.learner import Learner
from seqhub.training.origins import provider_differences
from seqhub.training.parts import Loaders, build_loaders, build_task, monitored
from seqhub.training.quiet import quiet
from seqhub.training.randomness import seed_everything
from seqhub.training.schedule import LearningRate
from seqhub.training.stopping import Interrupted, StopRequest
from seqhub.training.trainer import build_trainer
from seqhub.training.workers import gone

if TYPE_CHECKING:
    from seqhub.tasks.base import Task

log = logging.getLogger("seqhub.training")
AUTO_BATCHES = 4000  # compile: auto. A loop takes 20 to 50 s to compile and then wins 10 to 30 ms a batch


@dataclass(frozen=True)
class Trained:
    """A finished training. model holds the best epoch's weights.  history: the rows of metrics.jsonl."""

    folder: RunFolder
    recipe: Recipe
    task: Task
    plan: ModelPlan
    model: SequenceModel | EncoderDecoder
    history: tuple[Mapping[str, Any], ...]

    @property
    def best(self) -> Mapping[str, Any]:
        """The row of the best epoch."""
        return next(row for row in reversed(self.history) if row["best"])

    @property
    def seconds(self) -> float:
        """Spent training, over all sessions."""
        return float(self.history[-1]["seconds"])


def train_run(recipe: Recipe, claim: Claim, display: Display, stop: StopRequest) -> Trained:
    """Train to the end, from the start or from the checkpoint that the folder holds.

    Raises Interrupted where the user stopped it (the checkpoint is written), RunError where the numbers diverge or the
    checkpoint does not fit the data, DataError where the data cannot be used. status.json says which.
    """
    if recipe.train.threads is not None:
        torch.set_num_threads(recipe.train.threads)
    seed_everything(recipe.seed)
    task = build_task(recipe)
    task.prepare()
    plan = plan_model(recipe)
    task.check_geometry(plan.geometry)
    seed_everything(recipe.seed)  # the same weights, however many numbers the data drew
    model = build_model(plan, task.ends)
    loaders = build_loaders(task, recipe)
    if claim.resumed:
        _check_same_data(claim.folder, task)
    folder = claim.folder
    before = folder.read_environment().get("components", ()) if claim.resumed else ()
    for note in (*claim.start(), *provider_differences(before, providers(recipe))):
        display.say(note)
    write_json(folder.environment, describe_environment(recipe))
    folder.write_features(task.ends, task.manifest())
    with recording(folder), quiet(folder.log):
        history = _fit(recipe, task, model, loaders, claim, display, stop)
        model.load_state_dict(load_weights(folder.checkpoint("best")))
        model.eval()
        stages = tuple(dict.fromkeys((*folder.status().stages, "train")))
        folder.mark(stages=stages, epoch=history[-1]["epoch"], batch=0)
        stop.check()  # asked for in the last epoch
    return Trained(folder, recipe, task, plan, model, tuple(history))


def _fit(
    recipe: Recipe,
    task: Task,
    model: SequenceModel | EncoderDecoder,
    loaders: Loaders,
    claim: Claim,
    display: Display,
    stop: StopRequest,
) -> list[dict[str, Any]]:
    """Train what is left to train; gives the rows of all epochs."""
    folder, section = claim.folder, recipe.train
    last = folder.checkpoint("last")
    epochs, batches, steps, over = 0, 0, 0, False
    if claim.resumed:
        checkpoint = FolderCheckpointIO().load_checkpoint(last)
        epochs, batches = position(checkpoint)
        steps = checkpoint["global_step"]
        over = epochs >= section.epochs or checkpoint["seqhub"]["stopped"]
        where = f"after epoch {epochs}" if not batches else f"in epoch {epochs + 1}, after batch {batches}"
        display.say(f"resuming {folder.path} {where}" if not over else f"{folder.path} is trained already")
    log.info("training %s for %d epochs of %d batches", recipe.name, section.epochs, len(loaders.train))
    trainer, recorder = build_trainer(recipe, folder, loaders, display, stop, (epochs, steps))
    if over:
        return recorder.history
    monitor, mode = monitored(recipe, loaders.valid is not None)
    per_epoch = len(loaders.train)
    rate = LearningRate(
        section.schedule, section.optimizer.lr, steps_per_epoch=per_epoch, steps=section.epochs * per_epoch, mode=mode
    )
    learner = Learner(model, task, section, rate, monitor)
    try:
        with stop.patiently(), _loops(recipe, section.epochs * per_epoch, display):
            trainer.fit(learner, loaders.train, loaders.valid, ckpt_path=last if claim.resumed else None)
    except RuntimeError as error:  # torch says so whenever it notices, not only where a batch is asked for
        if (lost := gone(error)) is None:
            raise
        raise lost from None
    except SystemExit as leaving:  # Lightning's own way of answering SIGTERM once an epoch's checkpoint is written
        raise Interrupted from leaving
    finally:
        loaders.train.close()
        epoch = recorder.history[-1]["epoch"] if recorder.history else 0
        done = trainer.fit_loop.batch_idx + 1
        folder.mark(epoch=epoch, batch=done if done < per_epoch else 0)
    model.cpu()
    return recorder.history


def _loops(recipe: Recipe, batches: int, display: Display) -> AbstractContextManager[None]:
    """Compiled loops inside, where the recipe or the length of the training asks for them; never in a smoke run."""
    asked, smoke = recipe.train.compile, "--smoke" in recipe.origins.values()
    wanted = asked if isinstance(asked, bool) else batches >= AUTO_BATCHES
    return compiling(display.say) if wanted and not smoke else nullcontext()


@contextmanager
def recording(folder: RunFolder) -> Iterator[None]:
    """Inside, an exception that ends the run is written to status.json as well."""
    folder.mark(state="running", message="")
    try:
        yield
    except (Interrupted, KeyboardInterrupt):
        folder.mark(state="interrupted", message="stopped by the user")
        raise
    except BaseException as error:
        text = error.render() if isinstance(error, SeqhubError) else f"{type(error).__name__}: {error}"
        folder.mark(state="failed", message=text)
        raise


def _check_same_data(folder: RunFolder, task: Task) -> None:
    """Raise RunError where the data changed since the run began: its scalers are no longer those in the weights."""
    before = read_json(folder.features)["ends"]
    after = task.ends.as_dict()
    changed = [name for name in after if after[name] != before.get(name)]
    if changed:
        raise RunError(
            f"the data is not what {folder.path} was started with: {', '.join(changed)} changed",
            code="E405",
            fix="bring the old data back, or start anew with --fresh",
        )

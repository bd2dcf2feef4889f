"""The Lightning module: a sequence model and its task. It knows no task, no cell and no recipe file.

A step is forward, `task.loss` (a sum and a count), and the mean of the two. What a checkpoint must hold beyond
Lightning's own state is kept here: the running sums of the unfinished epoch, the schedule, the random number states.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer

from seqhub.data.batch import Batch
from seqhub.errors import RunError
from seqhub.nn.layer import SequenceLayer
from seqhub.training.evaluate import Carried, Tally
from seqhub.training.optimizer import build_optimizer
from seqhub.training.randomness import random_state, restore_random_state
from seqhub.training.schedule import LearningRate

if TYPE_CHECKING:
    from seqhub.recipe.sections import TrainSection
    from seqhub.tasks.base import Task


class Learner(LightningModule):
    """Trains `model` on `task`.

    monitor: the logged name that decides which epoch is best, `valid_loss` or `valid_<metric>`.
    """

    def __init__(
        self, model: SequenceLayer, task: Task, section: TrainSection, rate: LearningRate, monitor: str
    ) -> None:
        super().__init__()
        self.model = model
        self.task = task
        self.section = section
        self.rate = rate
        self.monitor = monitor
        self.train_loss, self.train_count = 0.0, 0.0
        self.longest_gradient = 0.0
        self.valid: dict[str, float] = {}
        self.seconds = 0.0  # spent training, over all sessions of the run
        self._tally: Tally | None = None
        self._forward, self._valid_forward = Carried(task, model), Carried(task, model)
        self._clock = time.monotonic()
        self._random_state: dict[str, Any] | None = None

    def configure_optimizers(self) -> Optimizer:
        return build_optimizer(self.model, self.section.optimizer)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        return batch if device.type == "cpu" else batch.to(device)

    # -- one batch -----------------------------------------------------------------------------------------------------

    def on_train_start(self) -> None:
        self._clock = time.monotonic()
        self.task.begin_epoch(self.current_epoch)  # an epoch that goes on in its middle does not start anew
        if self._random_state is not None:
            restore_random_state(self._random_state)
            self._random_state = None

    def on_train_epoch_start(self) -> None:
        self.task.begin_epoch(self.current_epoch)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        for group in self.optimizers(use_pl_optimizer=False).param_groups:  # type: ignore[union-attr]
            group["lr"] = self.rate.rate(self.global_step)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        y, out_lengths = self._forward(batch)
        total, count = self.task.loss(y, out_lengths, batch)
        loss: Tensor = total / count.clamp(min=1)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise self._diverged(f"the training loss became {value}", batch_idx, self._first_bad_weight())
        self.train_loss += float(total.detach())
        self.train_count += float(count)
        self.log("train_loss_step", value, on_step=True, on_epoch=False, batch_size=len(batch.lengths))
        return loss

    def configure_gradient_clipping(
        self, optimizer: Optimizer, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clip the gradient by its norm over all parameters; stop before a bad one reaches the weights."""
        parameters = [p for p in self.model.parameters() if p.grad is not None]
        norm = float(nn.utils.clip_grad_norm_(parameters, self.section.clip or math.inf))
        if not math.isfinite(norm):
            what, batch_idx = f"the gradient's norm became {norm}", self.trainer.fit_loop.batch_idx
            raise self._diverged(what, batch_idx, self._bad_gradient())
        self.longest_gradient = max(self.longest_gradient, norm)

    def _diverged(self, what: str, batch_idx: int, where: str) -> RunError:
        lr = self.rate.rate(self.global_step)
        return RunError(
            f"{what} in epoch {self.current_epoch + 1}, batch {batch_idx + 1} of {self.trainer.num_training_batches}"
            f" (learning rate {lr:.3g}){where}",
            code="E410",
            fix=f"lower the rate (--set train.optimizer.lr={self.section.optimizer.lr / 10:g} --fresh), clip harder"
            " (--set train.clip=0.5 --fresh), or look for extreme values with `seqhub data`",
        )

    def _first_bad_weight(self) -> str:
        bad = (name for name, p in self.model.named_parameters() if not torch.isfinite(p).all())
        name = next(bad, None)
        return f"; {name} is no longer finite" if name else ""

    def _bad_gradient(self) -> str:
        gradients = ((name, p.grad) for name, p in self.model.named_parameters() if p.grad is not None)
        bad = [name for name, gradient in gradients if not torch.isfinite(gradient).all()]
        return f"; first in {bad[0]} ({len(bad)} parameters)" if bad else ""

    # -- validation and the end of an epoch ----------------------------------------------------------------------------

    def on_validation_epoch_start(self) -> None:
        self._tally = Tally(self.task, self.model, quick=True)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        assert self._tally is not None
        self._tally.update(*self._valid_forward(batch), batch)

    def on_validation_epoch_end(self) -> None:
        assert self._tally is not None
        self.valid, self._tally = self._tally.compute(), None
        if not math.isfinite(self.valid["loss"]):
            what, batch_idx = f"the validation loss became {self.valid['loss']}", self.trainer.fit_loop.batch_idx
            raise self._diverged(what, batch_idx, self._first_bad_weight())
        self.log_dict({f"valid_{name}": _exact(value) for name, value in self.valid.items()})

    def on_train_epoch_end(self) -> None:
        self.log("train_loss", _exact(self.mean_train_loss))
        numbers = {"train_loss": self.mean_train_loss} | {f"valid_{name}": value for name, value in self.valid.items()}
        self.rate.epoch_ended(numbers[self.monitor])
        self.train_loss, self.train_count, self.longest_gradient = 0.0, 0.0, 0.0

    @property
    def mean_train_loss(self) -> float:
        """Over the batches of this epoch so far."""
        return self.train_loss / max(self.train_count, 1.0)

    def tick(self) -> float:
        """Seconds spent training so far, interruptions left out."""
        now = time.monotonic()
        self.seconds, self._clock = self.seconds + now - self._clock, now
        return self.seconds

    # -- checkpoints ---------------------------------------------------------------------------------------------------

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["seqhub"] = {
            "rate": self.rate.state_dict(),
            "train_loss": self.train_loss,
            "train_count": self.train_count,
            "longest_gradient": self.longest_gradient,
            "seconds": self.tick(),
            "stopped": bool(self.trainer.should_stop),  # by early stopping: nothing is left to train
            "random": random_state(),
            "carried": self._forward.state,  # of streams that go on in the next batch
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        state = checkpoint["seqhub"]
        self.rate.load_state_dict(state["rate"])
        self.train_loss, self.train_count = state["train_loss"], state["train_count"]
        self.longest_gradient = state["longest_gradient"]
        self.seconds = state["seconds"]
        self._forward.state = state["carried"]
        self._random_state = state["random"]  # set only when training starts: building a trainer draws numbers too


def _exact(value: float) -> Tensor:
    """For Lightning's callbacks: in its own float32 two epochs could look equal that are not."""
    return torch.tensor(value, dtype=torch.float64)

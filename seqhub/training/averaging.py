"""An exponential moving average of the weights, which is validated, kept and handed on in place of the last weights.

    average_n = d_n average_(n-1) + (1 - d_n) weights_n        d_n = min(decay, n / (9 + n))        n = 1, 2, ...

n counts optimizer steps. d_n is small at first, so that the random first weights are soon forgotten. Averages of
weights: Polyak and Juditsky 1992, SIAM Journal on Control and Optimization 30(4); the start is tensorflow's.
"""

from __future__ import annotations

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from seqhub.training.learner import Learner

Weights = tuple[Tensor, ...] | list[Tensor]


class Averaging(WeightAveraging):
    """Lightning's WeightAveraging, of the model alone: a task and its data are not copied. Buffers (running statistics)
    are those of the last step. A checkpoint holds the average as the model, and the last weights beside the optimizer's
    moments, so that training goes on from them.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(use_buffers=False)
        self.decay = decay

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit":
            assert isinstance(pl_module, Learner)
            alone, device = _ModelAlone(pl_module.model), trainer.strategy.root_device
            self._average_model = AveragedModel(alone, device=device, multi_avg_fn=self._move)

    def _move(self, averages: Weights, weights: Weights, done: Tensor | int) -> None:
        """One step into the averages; done: steps that are in them. Of the first one torch makes a copy."""
        n = int(done) + 1
        torch._foreach_lerp_(averages, weights, 1.0 - min(self.decay, n / (9 + n)))


class _ModelAlone(nn.Module):
    """Its parameters have the names that they have in a Learner."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

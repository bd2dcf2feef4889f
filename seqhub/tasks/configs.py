"""Options that tasks share, under `task` and `data` in a recipe. No numpy, no torch."""

from __future__ import annotations

from seqhub.api import Config, config, option

Problems = list[tuple[str, str, str]]  # field, message, fix


@config
class Split(Config):
    """Shares of the data; the rest is for training."""

    valid: float = option(default=0.1, help="share that picks the best epoch", gt=0, lt=1)
    test: float = option(default=0.2, help="share that the final numbers come from", gt=0, lt=1)

    def problems(self, width: int) -> Problems:
        if self.valid + self.test < 1:
            return []
        return [("test", f"valid {self.valid:g} and test {self.test:g} leave nothing to train on", "lower one of them")]

"""A toy recipe, and ways to train it in pieces."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest
import torch

from seqhub.recipe import Recipe, load_recipe
from seqhub.training.claim import claim_folder
from seqhub.training.display import Display
from seqhub.training.run import Trained, train_run
from seqhub.training.stopping import Interrupted, StopRequest

Train = Callable[..., Trained | None]


def _load_fakes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("seqhub_toy", Path(__file__).with_name("fakes.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["seqhub_toy"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fakes() -> ModuleType:
    return _load_fakes()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Silent(Display):
    """Keeps what is said, and asks to stop after a given batch of the whole training."""

    def __init__(self, stop: StopRequest | None = None, stop_after: int | None = None) -> None:
        super().__init__()
        self.said: list[str] = []
        self._stop, self._stop_after = stop, stop_after

    def say(self, text: str) -> None:
        self.said.append(text)

    def batch(self, epoch: int, done: int, loss: float) -> None:
        if self._stop is not None and done == self._stop_after:
            self._stop.requested = True


@pytest.fixture
def recipe(fakes: ModuleType, tmp_path: Path) -> Callable[..., Recipe]:
    """The toy recipe with overrides."""

    def load(*overrides: str) -> Recipe:
        path = tmp_path / "toy.yaml"
        path.write_text(fakes.RECIPE)
        loaded: Recipe = load_recipe(path, fakes.registry(), overrides)
        return loaded

    return load


@pytest.fixture
def train(recipe: Callable[..., Recipe], tmp_path: Path) -> Train:
    """Train into a folder; None where it was stopped after a batch."""

    def go(
        folder: str,
        *overrides: str,
        stop_after: int | None = None,
        fresh: bool = False,
        said: list[str] | None = None,
        stages: Sequence[str] = ("train",),
    ) -> Trained | None:
        loaded = recipe(*overrides)
        stop = StopRequest(lambda text: None)
        display = Silent(stop, stop_after)
        with claim_folder(tmp_path / folder, loaded, tuple(stages), fresh=fresh) as claim:
            try:
                trained = train_run(loaded, claim, display, stop)
            except Interrupted:
                trained = None
        if said is not None:
            said.extend(display.said)
        return trained

    return go

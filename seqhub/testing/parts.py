"""Checks of what is no part of a stack of layers: losses, metrics, tokenisers, sources and tasks."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from seqhub.api import LossSpec, MetricSpec
from seqhub.testing.portable import check_options
from seqhub.testing.subject import CheckFailed, NotApplicable, Subject, same

TEXTS = ("To be, or not to be.", "the cat and the dog and the cat", "A b\tc  d\nzwölf £5", "x")
UNSEEN = "Zebra 9999 \u00e9\u4e2d"
_CLASSES = 5


def check_loss_shape(subject: Subject) -> None:
    """A loss gives one finite number for each number (of numbers) or for each row (of classes), whatever the rows
    beside it.
    """
    loss, (prediction, target) = _loss(subject), _pairs(subject)
    found = loss(prediction, target)
    rows = prediction.shape if subject.spec.on == "numbers" else target.shape  # type: ignore[attr-defined]
    if found.shape != rows:
        raise CheckFailed(f"the loss has shape {tuple(found.shape)}, expected {tuple(rows)}")
    same(found[:2], loss(prediction[:2], target[:2]), "the loss of the first two rows alone")


def check_loss_gradient(subject: Subject) -> None:
    """The gradient is finite, at the truth too, and that of finite differences."""
    loss, (prediction, target) = _loss(subject), _pairs(subject, torch.float64)
    starts = [prediction]
    if target.is_floating_point():
        starts.append(target.clone())
    for start in starts:
        leaf = start.clone().requires_grad_()
        (slope,) = torch.autograd.grad(loss(leaf, target).sum(), leaf)
        if not bool(torch.isfinite(slope).all()):
            raise CheckFailed("the gradient is not finite")
    leaf = prediction.clone().requires_grad_()
    if not torch.autograd.gradcheck(lambda p: loss(p, target), (leaf,), raise_exception=False):
        raise CheckFailed("the gradient is not that of finite differences")


def check_loss_prefers_truth(subject: Subject) -> None:
    """The truth costs less than anything far from it."""
    loss, (prediction, target) = _loss(subject), _pairs(subject)
    right, wrong = float(loss(_truth(prediction, target), target).sum()), float(loss(prediction, target).sum())
    if not right < wrong:
        raise CheckFailed(f"the truth costs {right:.4g}, an answer far from it {wrong:.4g}")


def check_metric_in_parts(subject: Subject) -> None:
    """A split scored batch by batch has the score of the whole, and asking twice changes nothing."""
    answer, truth = _pairs(subject)
    whole, parts = _metric(subject), _metric(subject)
    whole.update(answer, truth)
    for row in range(0, len(answer), 3):
        parts.update(answer[row : row + 3], truth[row : row + 3])
    once, twice, found = whole.compute(), whole.compute(), parts.compute()
    if not isinstance(once, float) or once != once:
        raise CheckFailed(f"the score is {once!r}, expected a number")
    if abs(once - twice) > 1e-12 or abs(once - found) > 1e-6 * (1 + abs(once)):
        raise CheckFailed(f"the whole scores {once:.6g}, then {twice:.6g}; in batches of 3 {found:.6g}")


def check_metric_prefers_truth(subject: Subject) -> None:
    """The truth scores better than an answer far from it, in the direction that the spec names."""
    answer, truth = _pairs(subject)
    right, wrong = _metric(subject), _metric(subject)
    right.update(_truth(answer, truth), truth)
    wrong.update(answer, truth)
    gain = right.compute() - wrong.compute()
    if not (gain > 0 if subject.spec.better == "max" else gain < 0):  # type: ignore[attr-defined]
        raise CheckFailed(f"the truth scores {right.compute():.4g}, an answer far from it {wrong.compute():.4g}")


def check_tokens_round_trip(subject: Subject) -> None:
    """Text of known tokens comes back, but for what the options normalise: encoded again it has the same numbers."""
    tokenizer = _tokenizer(subject)
    tokenizer.fit(TEXTS * 2)
    for text in TEXTS:
        numbers = tokenizer.encode(text)
        if not numbers or tokenizer.encode(tokenizer.decode(numbers)) != numbers:
            raise CheckFailed(f"{text!r} is {numbers}, which are {tokenizer.decode(numbers)!r}")


def check_tokens_in_range(subject: Subject) -> None:
    """Numbers lie in [0, size), those of characters never seen too, where these have one."""
    tokenizer = _tokenizer(subject)
    tokenizer.fit(TEXTS * 2)
    for text in (*TEXTS, UNSEEN):
        numbers = tokenizer.encode(text)
        outside = [n for n in numbers if not 0 <= n < tokenizer.size]
        if outside:
            raise CheckFailed(f"{text!r} has the numbers {outside}, outside [0, {tokenizer.size})")


def check_tokens_saved(subject: Subject) -> None:
    """The vocabulary is plain JSON, the same for the same texts, and a tokeniser that loads it encodes alike."""
    first, second = _tokenizer(subject), _tokenizer(subject)
    vocabulary = first.fit(TEXTS * 2)
    if json.loads(json.dumps(vocabulary)) != vocabulary:
        raise CheckFailed("the vocabulary does not survive JSON")
    if _tokenizer(subject).fit(TEXTS * 2) != vocabulary:
        raise CheckFailed("the same texts give another vocabulary")
    second.load(json.loads(json.dumps(vocabulary)))
    for text in (*TEXTS, UNSEEN):
        if first.encode(text) != second.encode(text):
            raise CheckFailed(f"{text!r} is {first.encode(text)}, loaded {second.encode(text)}")


def check_target(subject: Subject) -> None:
    """The target can be imported and has everything that its kind is asked for."""
    target = subject.target()
    if not callable(target):
        raise CheckFailed(f"{subject.spec.target} is {type(target).__name__}, expected a class")
    missing = sorted(getattr(target, "__abstractmethods__", ()))
    if missing:
        raise CheckFailed(f"{subject.spec.target} does not define {', '.join(missing)}")
    if subject.spec.kind == "source" and inspect.isclass(target) and not callable(getattr(target, "read", None)):
        raise CheckFailed(f"{subject.spec.target} has no method read()")


def _made(subject: Subject) -> Any:
    return subject.target()(**subject.all_options())


def _loss(subject: Subject) -> Callable[[Tensor, Tensor], Tensor]:
    if not isinstance(subject.spec, LossSpec):
        raise NotApplicable("not a loss")
    loss: Callable[[Tensor, Tensor], Tensor] = _made(subject)
    return loss


def _metric(subject: Subject) -> Any:
    if not isinstance(subject.spec, MetricSpec):
        raise NotApplicable("not a metric")
    return _made(subject)


def _tokenizer(subject: Subject) -> Any:
    if subject.spec.kind != "tokenizer":
        raise NotApplicable("not a tokeniser")
    return _made(subject)


def _pairs(subject: Subject, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Answers and truth [11 3]; or logits [11 C] and class numbers [11], every answer another class than the truth."""
    generator = torch.Generator().manual_seed(5)
    if subject.spec.on == "numbers":  # type: ignore[attr-defined]
        truth = torch.randn(11, 3, generator=generator, dtype=dtype)
        apart = 3 + torch.rand(11, 3, generator=generator, dtype=dtype)
        return truth + apart, truth
    classes = torch.randint(0, _CLASSES, (11,), generator=generator)
    logits = torch.randn(11, _CLASSES, generator=generator, dtype=dtype)
    return logits.scatter_add(1, ((classes + 1) % _CLASSES)[:, None], torch.full((11, 1), 8.0, dtype=dtype)), classes


def _truth(answer: Tensor, truth: Tensor) -> Tensor:
    """The answer that is right."""
    if truth.is_floating_point():
        return truth.clone()
    return 20 * torch.nn.functional.one_hot(truth, answer.shape[1]).to(answer.dtype)


CHECKS: Mapping[str, tuple[Callable[[Subject], None], ...]] = {
    "loss": (check_target, check_options, check_loss_shape, check_loss_gradient, check_loss_prefers_truth),
    "metric": (check_target, check_options, check_metric_in_parts, check_metric_prefers_truth),
    "tokenizer": (check_target, check_options, check_tokens_round_trip, check_tokens_in_range, check_tokens_saved),
    "source": (check_target,),
    "task": (check_target,),
}

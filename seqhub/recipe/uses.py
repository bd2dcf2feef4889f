"""The components that the options of a recipe name: losses, metrics and whatever else an option may be."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from seqhub.api import ComponentSpec, Config, MetricSpec, TaskSpec, Use
from seqhub.recipe.types import Part, Recipe


def uses_of(options: Config) -> Iterator[Use]:
    """Every component that the options name, and those that its own options name."""
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        for item in value if isinstance(value, tuple | list) else (value,):
            if isinstance(item, Use):
                yield item
                yield from uses_of(item.options)
            elif isinstance(item, Config):
                yield from uses_of(item)


def metrics_of(spec: ComponentSpec, options: Config | None) -> dict[str, str]:
    """What a task is scored by, its own metrics and those that its options name: name -> `min` or `max`.

    A task's options may define `more_metrics() -> {name: "min" or "max"}`: those that only some options have. Its class
    names them all in `MORE_METRICS`.
    """
    own = dict(spec.metrics) if isinstance(spec, TaskSpec) else {}
    more = getattr(options, "more_metrics", None)
    named = [use.spec for use in uses_of(options)] if options is not None else []
    own |= more() if more else {}
    return {**own, **{metric.name: metric.better for metric in named if isinstance(metric, MetricSpec)}}


def recipe_uses(recipe: Recipe) -> tuple[Use, ...]:
    """Every component that an option of the recipe's task, data, source or sections names, and the model's head."""
    parts: tuple[Part, ...] = (recipe.task, recipe.data, recipe.source)
    sections: tuple[Config, ...] = (*(part.options for part in parts), recipe.train, recipe.export)
    head = recipe.model.head
    in_head = () if head is None else (head, *uses_of(head.options))
    return (*(use for section in sections for use in uses_of(section)), *in_head)

"""Options of the source `demand`, under `data.source` in a recipe. No numpy, no torch."""

from __future__ import annotations

from seqhub.api import Config, config, option


@config
class DemandConfig(Config):
    """How many pieces of each item are sold on each day, drawn by a seed: small counts, many of them zero."""

    items: int = option(20, help="items, from one that sells a dozen a day to one that sells once in five days", ge=1)
    days: int = option(1095, help="days of each item", ge=14, unit="days")
    dispersion: float = option(
        0.4, help="how much wider than Poisson's: the variance is mean + dispersion * mean^2", gt=0
    )
    seed: int = option(1, help="what the items and their counts are drawn with", ge=0)

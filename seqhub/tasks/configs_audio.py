"""Options of the task `transcribe`. No numpy, no torch."""

from __future__ import annotations

from seqhub.api import Config, Use, config, option, use
from seqhub.tasks.configs_classify import ItemSplit, Spoilt


@config
class TranscribeConfig(Spoilt):
    """Write down what is said."""

    tokens: Use | str = use("tokenizer", "chars", help="what is written, one after the other")
    cut: int = option(
        0,
        help="half of the training recordings begin with a piece of another, of this many steps at most, that is not "
        "written down: so is a word that was cut off",
        ge=0,
        unit="steps",
    )
    beam: int = option(1, help="texts that are kept while decoding; 1 takes the likeliest token of each frame", ge=1)


@config
class TranscribeData(Config):
    """Recordings and what is said in them."""

    split: ItemSplit = option(default=ItemSplit(), help="shares of the recordings")
    join: int = option(
        1, help="recordings are joined at random to strings of up to this many, others in every epoch", ge=1
    )

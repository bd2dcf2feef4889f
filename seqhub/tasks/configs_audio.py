"""Options of the task `transcribe`. No numpy, no torch."""

from __future__ import annotations

import re

from seqhub.api import Config, Use, config, option, use
from seqhub.tasks.configs import Problems, Split


@config
class ItemSplit(Split):
    """Shares of the items, drawn at random; or the test items by name."""

    held_out: str | None = option(
        default=None, help="regular expression: items in whose name it is found are the test items; `test` draws none"
    )

    def problems(self, width: int) -> Problems:
        if self.held_out is not None:
            try:
                re.compile(self.held_out)
            except re.error as error:
                return [("held_out", f"{self.held_out!r} is no regular expression: {error}", r"as in '_[0-4]\.wav$'")]
        return super().problems(width)


@config
class TranscribeConfig(Config):
    """Write down what is said."""

    tokens: Use | str = use("tokenizer", "chars", help="what is written, one after the other")
    beam: int = option(1, help="texts that are kept while decoding; 1 takes the likeliest token of each frame", ge=1)
    speed: float = option(
        0.0, help="training recordings are played faster or slower at random, by this share at most", ge=0, lt=0.5
    )
    noise: float = option(
        0.0, help="noise added to training recordings, per standard deviation of the recording, at most", ge=0
    )


@config
class TranscribeData(Config):
    """Recordings and what is said in them."""

    split: ItemSplit = option(default=ItemSplit(), help="shares of the recordings")
    join: int = option(
        1, help="recordings are joined at random to strings of up to this many, others in every epoch", ge=1
    )

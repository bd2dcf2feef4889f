"""Options of the task translate, under `task` and `data` in a recipe. No numpy, no torch."""

from __future__ import annotations

from typing import ClassVar, Literal

from seqhub.api import Config, Use, config, option, use
from seqhub.tasks.configs import Problems, Split


@config
class SearchOptions(Config):
    """How the likeliest translation is looked for."""

    width: int = option(default=4, help="translations that are followed at once; 1: greedy", ge=1, le=64)
    length_penalty: float = option(
        default=0.6, help="above 0, longer translations are favoured; 0: by probability alone"
    )
    least: int = option(default=0, help="tokens at least", ge=0)
    most: int = option(default=200, help="tokens at most", ge=1)
    ratio: float = option(default=2.0, help="tokens at most for each token of the source, beside 5", gt=0)

    def problems(self, width: int) -> Problems:
        if self.least <= self.most:
            return []
        return [("least", f"at least {self.least} tokens, and at most {self.most}", "lower one of them")]


@config
class Sampling(Config):
    """Scheduled sampling: in training, the decoder sometimes reads its own last token instead of the true one."""

    rate: float = option(
        default=0.0, help="share of the tokens that are its own at the end; 0: teacher forcing", ge=0, le=1
    )
    first: int = option(default=0, help="epochs of teacher forcing before it begins", ge=0, unit="epochs")
    rise: int = option(default=0, help="epochs in which the share rises from 0 to rate", ge=0, unit="epochs")
    curve: Literal["linear", "sigmoid"] = option(default="linear", help="how it rises: evenly, or slowly at both ends")


@config
class TranslateConfig(Config):
    """Write one text for another."""

    needs_decoder: ClassVar[bool] = True

    source: Use | str = use("tokenizer", "words", help="what the source is cut into: chars, bytes, words or bpe")
    target: Use | str = use("tokenizer", "words", help="what the target is cut into")
    joint: bool = option(
        False, help="one vocabulary for both sides: that of `source`, learnt on both; target is unused"
    )
    longest: int = option(
        100, help="pairs with more tokens than this on a side are left out of training", ge=1, unit="tokens"
    )
    batch_tokens: int | None = option(
        None,
        help="padded tokens of the longer side in a training batch, in place of train.batch; null: train.batch pairs",
        ge=1,
        unit="tokens",
    )
    label_smoothing: float = option(0.0, help="probability that is spread over all tokens in the loss", ge=0, lt=1)
    embedding_dropout: float = option(0.0, help="share of the tokens whose embedding is zero in a batch", ge=0, lt=1)
    sampling: Sampling = option(Sampling(), help="scheduled sampling")
    search: SearchOptions = option(SearchOptions(), help="how translations are looked for, in the bundle too")
    bleu: Literal["13a", "none", "char", "intl", "zh"] = option(
        "13a", help="how BLEU cuts texts into words; none: at blanks, for text that is cut already"
    )

    def decoder_problems(self, tied: str) -> Problems:
        """What does not go with a decoder whose tables are tied in this way."""
        if tied != "all" or self.joint:
            return []
        return [("tied", "tied: all needs one vocabulary for both sides", "set task.joint: true, or tied: output")]


@config
class TranslateData(Config):
    """Pairs of texts: of a source that gives them, or two columns of a table."""

    source_text: str | None = option(None, help="column of texts to translate; needed for tables")
    target_text: str | None = option(None, help="column of translations; needed for tables")
    split: Split = option(
        Split(), help="shares of the pairs, drawn at random; a source with splits of its own keeps those"
    )

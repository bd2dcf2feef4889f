"""Options of the tasks over text, under `task` and `data` in a recipe. No numpy, no torch."""

from __future__ import annotations

import re
from typing import Literal

from seqhub.api import Config, Geometry, Use, config, option, use
from seqhub.tasks.configs import Problems, Split
from seqhub.tasks.configs_classify import Folds, Pool


@config
class LanguageModelConfig(Config):
    """Predict each token of a text from those before it."""

    tokens: Use | str = use("tokenizer", "chars", help="what the text is cut into: chars, bytes, words or bpe")
    bptt: int = option(128, help="steps between two updates, which the gradient reaches back over", ge=1, unit="steps")
    jitter: float = option(
        0.0, help="move the borders between chunks at random in each epoch, by this share of bptt at most", ge=0, lt=1
    )
    tied: bool = option(False, help="the scores of the tokens are made with the embedding's own table")
    embedding_dropout: float = option(0.0, help="share of the tokens whose embedding is zero in a batch", ge=0, lt=1)
    test_streams: int = option(
        1, help="rows that the test text is read in side by side; 1: from end to end, in one state", ge=1
    )

    def model_problems(self, geometry: Geometry) -> Problems:
        """What does not go with a model of this geometry."""
        return _one_output_a_step("language-model", geometry, causal=True)


@config
class LanguageModelData(Config):
    """Running text, cut into three by position: the first part trains, the last is for the final numbers."""

    split: Split = option(Split(valid=0.05, test=0.1), help="shares of the characters, taken from the end")


@config
class Words(Config):
    """What the tasks over words share."""

    least: int = option(1, help="times that a word occurs in train before it has an embedding of its own", ge=1)
    lowercase: bool = option(False, help="read capitals as small letters; spellings keep them")
    characters: int = option(
        16, help="characters of a word that are read beside it, first and last halves; 0: none", ge=0, unit="characters"
    )
    unknown: float = option(
        0.5, help="share of the words that occur once in train which are hidden in a batch", ge=0, le=1
    )
    embedding_dropout: float = option(0.0, help="share of the words whose embedding is zero in a batch", ge=0, lt=1)
    pattern: str = option(
        r"\d+(?:[.,:]\d+)*|\w+(?:['’.-]\w+)*|[^\w\s]",
        help="regular expression of a word in raw text, for answers by the bundle",
    )

    def problems(self, width: int) -> Problems:
        try:
            matches_nothing = re.compile(self.pattern).fullmatch("") is not None
        except re.error as error:
            what = f"{self.pattern!r} is no regular expression: {error}"
            return [("pattern", what, r"try \S+ for what blanks separate")]
        fix = "let it match one character at least"
        return [("pattern", f"{self.pattern!r} matches the empty text", fix)] if matches_nothing else []


@config
class TagConfig(Words):
    """Give every word of a sentence a tag."""

    head: Literal["softmax", "crf"] = option("softmax", help="tags one by one, or the best sequence of them")
    spans: Literal["bio", "none"] = option(
        "none", help="bio: B-x and I-x mark spans, and f1 counts whole ones; none: a tag stands for itself"
    )

    def model_problems(self, geometry: Geometry) -> Problems:
        """What does not go with a model of this geometry."""
        return _one_output_a_step("tag", geometry, causal=False)


@config
class SentenceData(Config):
    """Sentences; a source of three files has its own splits, and the shares below are not used."""

    split: Split = option(Split(), help="shares of the sentences, drawn at random")


@config
class TextClassifyConfig(Config):
    """Give a whole text one label."""

    tokens: Use | str = use("tokenizer", "words", help="what a text is cut into: words, chars, bytes or bpe")
    pool: Pool = option("max", help="how the steps become one answer")
    longest: int = option(256, help="tokens of a text that are read in training, from its beginning", ge=1)
    unknown: float = option(
        0.0, help="share of the tokens that occur once in train which are hidden in a batch", ge=0, le=1
    )
    embedding_dropout: float = option(0.0, help="share of the tokens whose embedding is zero in a batch", ge=0, lt=1)
    label_smoothing: float = option(0.0, help="probability that is spread over all labels in the loss", ge=0, lt=1)
    class_weights: Literal["none", "balanced"] = option(
        "none", help="balanced: in the loss every label weighs the same in all, however rare it is"
    )


@config
class TextClassifyData(Folds):
    """Texts with labels: of a source that gives them, or two columns of a table."""

    text: str = option("text", help="column of texts, for tables; a bundle reads the same from .csv and .jsonl")
    label: str = option("label", help="column of labels, for tables")
    split: Split = option(Split(), help="shares of the texts, drawn at random, the same of every label")


def _one_output_a_step(task: str, geometry: Geometry, *, causal: bool) -> Problems:
    found: Problems = []
    if causal and not geometry.causal:
        what = f"{task} needs a causal model: this one reads later steps, which hold the targets"
        found.append(("type", what, "use causal blocks only, and model.causal: true"))
    if geometry.ratio != 1:
        what = f"{task} needs one output per step; this model gives {geometry.ratio} of one"
        found.append(("type", what, "use stride: 1 in every block"))
    return found

"""Options of the sources of text, under `data.source` in a recipe. No numpy, no torch."""

from __future__ import annotations

from typing import Literal

from seqhub.api import Config, config, option
from seqhub.data.configs import check_encoding

Problems = list[tuple[str, str, str]]  # field, message, fix


@config
class TextConfig(Config):
    """A file of running text."""

    path: str = option(help="the file, relative to the recipe or to the folder SEQHUB_DATA")
    encoding: str = option("utf-8", help="how the file's bytes make text, such as utf-8, latin-1 or utf-16")

    def problems(self, width: int) -> Problems:
        return check_encoding(self.encoding)


@config
class SplitFileConfig(Config):
    """A file, or one for each split where `{split}` stands in its path."""

    path: str = option(help="the file, relative to the recipe or to the folder SEQHUB_DATA; `{split}` makes it three")
    splits: tuple[str, str, str] = option(
        ("train", "valid", "test"), help="what stands for `{split}` in the path of each split"
    )
    encoding: str = option("utf-8", help="how the file's bytes make text, such as utf-8, latin-1 or utf-16")

    def problems(self, width: int) -> Problems:
        return check_encoding(self.encoding)


@config
class JsonlConfig(Config):
    """One JSON object a line; its keys are columns."""

    path: str = option(help="the file, relative to the recipe or to the folder SEQHUB_DATA")


@config
class LinesConfig(SplitFileConfig):
    """Texts with labels, one a line, without header or quotes."""

    path: str = option(
        help="the file, relative to the recipe or to the folder SEQHUB_DATA; `{split}` makes it three, and `*` as many"
        " as there are"
    )
    delimiter: str = option("\t", help="what stands between a text and its label")
    labels: str | None = option(
        None, help="a file of labels, line by line beside that of texts; null: each label stands behind its text"
    )

    def problems(self, width: int) -> Problems:
        found = check_encoding(self.encoding)
        if self.labels is None:
            return found + ([] if self.delimiter else [("delimiter", "the delimiter is empty", 'write "\\t"')])
        return found + check_partner(self.path, "labels", self.labels)


@config
class ConllConfig(SplitFileConfig):
    """A token a line, its columns apart by blanks, an empty line behind each sentence."""

    word: int = option(0, help="column of words, from 0", ge=0)
    tag: int = option(-1, help="column of tags, from 0; -1 is the last")


@config
class ConlluConfig(SplitFileConfig):
    """A treebank of Universal Dependencies, ten columns a token."""

    column: Literal["upos", "xpos", "deprel"] = option("upos", help="column of tags")


@config
class WordLinesConfig(SplitFileConfig):
    """A sentence a line in one file, its tags line by line in another, both apart by blanks."""

    tags: str = option(help="the file of tags, with `{split}` where the path has it")

    def problems(self, width: int) -> Problems:
        return check_encoding(self.encoding) + check_partner(self.path, "tags", self.tags)


def check_partner(path: str, field: str, partner: str) -> Problems:
    """Two files that go line by line are cut in three both, or neither."""
    if ("{split}" in path) == ("{split}" in partner):
        return []
    return [(field, "`{split}` stands in one of the two paths only", "write it in both, or in none")]

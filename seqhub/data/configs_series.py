"""Options of the sources of labelled series, under `data.source` in a recipe. No numpy, no torch."""

from __future__ import annotations

from seqhub.api import Config, config, option
from seqhub.data.configs import check_encoding

Problems = list[tuple[str, str, str]]


@config
class SeriesFileConfig(Config):
    """A file of labelled series, or one for each split where `{split}` stands in its path."""

    path: str = option(help="the file, relative to the recipe or to the folder SEQHUB_DATA; `{split}` makes it several")
    splits: tuple[str, ...] = option(
        ("TRAIN", "TEST"),
        help="what stands for `{split}`: of train and test, or of train, valid and test; of two files, sequences for "
        "valid are drawn from train",
    )
    encoding: str = option("utf-8", help="how the file's bytes make text, such as utf-8, latin-1 or utf-16")

    def problems(self, width: int) -> Problems:
        found: Problems = check_encoding(self.encoding)
        if len(self.splits) not in (2, 3) or len(set(self.splits)) != len(self.splits):
            fix = "as in splits: [TRAIN, TEST] or [train, valid, test]"
            found.append(("splits", f"{len(self.splits)} names, expected two or three that differ", fix))
        return found

    def files(self) -> list[tuple[str, str]]:
        """(split, path) of each file; one of no split where the path has no `{split}`."""
        if "{split}" not in self.path:
            return [("", self.path)]
        names = ("train", "test") if len(self.splits) == 2 else ("train", "valid", "test")
        return [(name, self.path.replace("{split}", word)) for name, word in zip(names, self.splits, strict=True)]


@config
class UcrConfig(SeriesFileConfig):
    """Series with one value a step, one a line, its label first."""

    delimiter: str = option("\t", help="the character between two cells; a blank stands for any number of blanks")

    def problems(self, width: int) -> Problems:
        found = super().problems(width)
        if len(self.delimiter) != 1:
            fix = "use \"\\t\", ',' or ' '"
            found.append(("delimiter", f"delimiter {self.delimiter!r} is not one character", fix))
        return found


@config
class BlocksConfig(SeriesFileConfig):
    """Blocks of rows in plain text, each below its label."""

    columns: tuple[str, ...] = option((), help="names of the numbers in a row; empty: x0, x1, ...")


@config
class ArffConfig(Config):
    """A table with its columns declared on top."""

    path: str = option(help="the file, relative to the recipe or to the folder SEQHUB_DATA")
    encoding: str = option("utf-8", help="how the file's bytes make text, such as utf-8, latin-1 or utf-16")

    def problems(self, width: int) -> Problems:
        return check_encoding(self.encoding)

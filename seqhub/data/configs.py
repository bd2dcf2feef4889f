"""Options of the sources, under `data.source` in a recipe. No numpy, no torch."""

from __future__ import annotations

from seqhub.api import Config, config, option


@config
class CsvConfig(Config):
    """Text with a header line, one row a line."""

    path: str = option(help="the file, relative to the recipe")
    delimiter: str = option(",", help="the character between two cells")
    encoding: str = option("utf-8", help="how the file's bytes make text, such as utf-8, latin-1 or utf-16")

    def problems(self, width: int) -> list[tuple[str, str, str]]:
        found = []
        if len(self.delimiter) != 1 or not self.delimiter.isascii() or self.delimiter in '"\r\n':
            found.append(
                ("delimiter", f"delimiter {self.delimiter!r} is not one character", "use ',', ';', '|' or \"\\t\"")
            )
        return found + check_encoding(self.encoding)


@config
class ParquetConfig(Config):
    """A Parquet file."""

    path: str = option(help="the file, relative to the recipe")


@config
class NpzConfig(Config):
    """A NumPy archive: one-dimensional arrays are columns; `x`, `lengths` and `y` are labelled sequences."""

    path: str = option(help="the file, relative to the recipe")


@config
class BuiltinConfig(Config):
    """A data set that arrives with a dependency; it has nothing to set."""


def check_encoding(name: str) -> list[tuple[str, str, str]]:
    """A problem with the option `encoding`, or none."""
    import codecs

    try:
        known = codecs.lookup(name)._is_text_encoding
    except LookupError:
        known = False
    return [] if known else [("encoding", f"encoding {name!r} is not known", "use utf-8, latin-1, cp1252 or utf-16")]

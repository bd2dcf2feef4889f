"""Options of the sources of parallel text, under `data.source` in a recipe. No numpy, no torch."""

from __future__ import annotations

from seqhub.api import Config, config, option
from seqhub.data.configs import check_encoding

Problems = list[tuple[str, str, str]]  # field, message, fix


@config
class ParallelConfig(Config):
    """Two files, of which line i of the one means line i of the other."""

    source: str = option(
        help="the file to translate from, relative to the recipe or to the folder SEQHUB_DATA; `{split}` makes it"
        " three, `*` as many as there are"
    )
    target: str = option(help="the file of translations, line by line; `{split}` and `*` as in source")
    splits: tuple[str, str, str] = option(
        ("train", "valid", "test"), help="what stands for `{split}` in the paths of each split"
    )
    encoding: str = option("utf-8", help="how the files' bytes make text, such as utf-8, latin-1 or utf-16")

    def problems(self, width: int) -> Problems:
        found = check_encoding(self.encoding)
        if ("{split}" in self.source) != ("{split}" in self.target):
            what = "`{split}` stands in one of the two paths, so only one of them would be cut in three"
            found.append(("target", what, "write it in both, or in none"))
        return found


@config
class DatesConfig(Config):
    """Dates as people write them, beside the same dates as 2026-11-23."""

    size: int = option(4000, help="pairs, all of them different", ge=30, le=100_000)
    seed: int = option(0, help="which dates, and how they are written", ge=0)

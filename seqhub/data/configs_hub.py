"""Options of the source `hugging-face`, under `data.source` in a recipe. No numpy, no torch."""

from __future__ import annotations

from seqhub.api import Config, config, option

Problems = list[tuple[str, str, str]]  # field, message, fix


@config
class HuggingFaceConfig(Config):
    """A data set of the Hugging Face Hub, or a folder that `save_to_disk` wrote. Code of a data set is never run.

    Columns of text and of numbers are named under `data`, as those of any table; a part of a column is `COLUMN.PART`.
    """

    path: str = option(
        help="a folder, relative to the recipe or to the folder SEQHUB_DATA; where there is none, a name on the Hub"
    )
    name: str | None = option(None, help="which configuration of a data set on the Hub; null: its default")
    splits: tuple[str, ...] = option(
        ("train", "validation", "test"),
        help="what train, valid and test are called there; or one, which the task cuts. Slices and sums are splits "
        "too: train[:90%], train+test",
    )
    revision: str | None = option(None, help="commit, branch or tag on the Hub; null: the newest")
    words: str | None = option(None, help="column of lists of words, for tagging")
    tags: str | None = option(None, help="column of lists of tags, one for each word")
    running: str | None = option(
        None, help="column of texts that are one running text, a row behind the other, for a language model"
    )
    steps: tuple[str, ...] = option(
        (), help="columns of lists of numbers, one a step: each row is then a sequence with these features"
    )
    label: str | None = option(None, help="column of labels of such sequences")

    def problems(self, width: int) -> Problems:
        found: Problems = []
        if len(self.splits) not in (1, 3) or not all(self.splits):
            what = f"splits names {len(self.splits)}, expected one or three"
            found.append(("splits", what, 'as in splits: ["train[:90%]", "train[90%:]", test], or splits: [train]'))
        for field, partner in (("words", "tags"), ("tags", "words")):
            if getattr(self, field) is not None and getattr(self, partner) is None:
                found.append((field, f"{field} without {partner}", f"name the column of {partner} too"))
        if bool(self.steps) != (self.label is not None):
            field, lacks = ("steps", "label") if self.steps else ("label", "steps")
            fix = f"set {lacks} too" if self.steps else "name columns of lists in steps, or use data.label for a table"
            found.append((field, f"{field} is for sequences with labels, and {lacks} is not given", fix))
        kinds = [name for name in ("words", "running", "steps") if getattr(self, name)]
        if len(kinds) > 1:
            found.append((kinds[1], f"{kinds[0]} and {kinds[1]} make different things of a row", "keep one of them"))
        if self.running is not None and len(self.splits) == 3:
            fix = "name one, as in splits: [train], or join them: splits: [train+validation+test]"
            found.append(("splits", "a running text is cut by position, so it has no splits of its own", fix))
        return found

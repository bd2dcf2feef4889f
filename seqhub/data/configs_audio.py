"""Options of the sources of sound. No numpy, no torch."""

from __future__ import annotations

import re

from seqhub.api import Config, config, option

Problems = list[tuple[str, str, str]]


@config
class WavConfig(Config):
    """Recordings in a folder, or listed in a file, each with what is said in it."""

    path: str = option(
        help="a folder of .wav, .flac or .ogg files, or a .csv file with the columns `path` and `text`;"
        " beside the recipe, or in the folder SEQHUB_DATA"
    )
    text: str | None = option(
        None, help="of a folder: a regular expression whose group `text`, found in a file's name, is what is said in it"
    )
    spell: tuple[str, ...] = option((), help="words for parts of that text, as in [1=yes, 0=no]")
    separator: str = option("", help="what stands between the parts of that text; empty: each character is a part")
    rate_hz: int = option(16000, help="samples a second that every recording must have", ge=1)

    def problems(self, width: int) -> Problems:
        found: Problems = []
        for entry in self.spell:
            if "=" not in entry:
                found.append(("spell", f"{entry!r} does not say what it stands for", "write PART=WORD, as in 1=yes"))
        if self.text is not None:
            try:
                groups = re.compile(self.text).groupindex
            except re.error as error:
                return [
                    *found,
                    ("text", f"{self.text!r} is no regular expression: {error}", r"as in (?P<text>\w+)\.wav"),
                ]
            if "text" not in groups:
                found.append(("text", f"{self.text!r} has no group named text", r"as in (?P<text>\w+)\.wav"))
        return found


@config
class BeepsConfig(Config):
    """Words of two tones each, in noise: made by a seed, so that speech recognition can be tried without recordings."""

    items: int = option(400, help="recordings", ge=10)
    words: int = option(5, help="words that are known, 8 at most", ge=2, le=8)
    most: int = option(5, help="words in a recording, at most", ge=1)
    rate_hz: int = option(2000, help="samples a second", ge=2000, unit="Hz")
    noise: float = option(0.1, help="standard deviation of the noise; a tone is from -0.5 to 0.5", ge=0)
    seed: int = option(1, help="what the recordings are drawn with", ge=0)

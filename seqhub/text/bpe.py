"""Byte pair encoding with the Hugging Face `tokenizers` library.

Sennrich et al. 2016, arXiv:1508.07909; over bytes, as GPT-2 does, so that no text is unknown and `decode` gives back
what `encode` read, blanks included.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seqhub.errors import UsageError
from seqhub.text.tokenizers import Tokenizer
from seqhub.text.vocabulary import SPECIALS, Vocabulary


class BytePairs(Tokenizer):
    """size: tokens in all, with 256 bytes and the specials.  least: times a pair is seen before it is merged."""

    kind = "bpe"

    def __init__(self, *, size: int = 4000, lowercase: bool = False, least: int = 2) -> None:
        super().__init__()
        self.most, self.lowercase, self.least = size, lowercase, least
        self._library = _library()
        self._model: Any = None

    def fit(self, texts: Iterable[str], specials: Sequence[str] = SPECIALS) -> dict[str, Any]:
        library = self._library
        model = library.Tokenizer(library.models.BPE())
        model.normalizer = library.normalizers.Lowercase() if self.lowercase else None
        model.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        model.decoder = library.decoders.ByteLevel()
        trainer = library.trainers.BpeTrainer(
            vocab_size=self.most,
            min_frequency=self.least,
            special_tokens=list(specials),
            initial_alphabet=sorted(library.pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        model.train_from_iterator(texts, trainer)
        self._take(model, len(specials))
        return self.saved()

    def load(self, vocabulary: Mapping[str, Any]) -> None:
        model = self._library.Tokenizer.from_str(json.dumps(vocabulary["model"]))
        self._take(model, int(vocabulary["specials"]))

    def _take(self, model: Any, specials: int) -> None:
        model.encode_special_tokens = True  # "<s>" in a text is text
        ids = model.get_vocab()
        self._model = model
        self.vocabulary = Vocabulary(tuple(sorted(ids, key=ids.__getitem__)), specials)

    def pieces(self, text: str) -> list[str]:
        return list(self._model.encode(text, add_special_tokens=False).tokens)

    def encode(self, text: str) -> list[int]:
        return list(self._model.encode(text, add_special_tokens=False).ids)

    def join(self, pieces: Sequence[str]) -> str:
        return str(self._model.decoder.decode(list(pieces)))

    def options(self) -> dict[str, Any]:
        return {"size": self.most, "lowercase": self.lowercase, "least": self.least}

    def saved(self) -> dict[str, Any]:
        return {"model": json.loads(self._model.to_str()), "specials": self.vocabulary.specials}


def _library() -> Any:
    try:
        import tokenizers
    except ImportError:
        what = "byte pairs need the library `tokenizers`, which is not installed"
        raise UsageError(what, code="E004", fix="run: pip install 'seqhub[text]'") from None
    return tokenizers

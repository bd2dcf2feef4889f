"""Text as numbers and back: a vocabulary, and tokenisers that are fitted on the training split.

Pure Python: importing it loads neither numpy nor torch, so that data, tasks and the runtime share one code. A fitted
tokeniser is plain JSON (`as_dict`), travels in the bundle, and comes back with `restore`.
"""

from seqhub.text.tokenizers import Tokenizer, restore
from seqhub.text.vocabulary import BEGIN, END, PAD, SPECIALS, UNKNOWN, Vocabulary

__all__ = ["BEGIN", "END", "PAD", "SPECIALS", "UNKNOWN", "Tokenizer", "Vocabulary", "restore"]

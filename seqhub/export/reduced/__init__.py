"""Reduced precision: the graphs of a bundle in int8 or float16, each behind a gate on the task's main metric.

Judge      what the validation split says of a bundle at a precision
Wanted     which precisions, and how much they may lose
Outcome    what became of each
"""

from seqhub.export.reduced.add import add_reduced
from seqhub.export.reduced.gate import PRECISIONS, Judge, Outcome, Wanted, drop

__all__ = ["PRECISIONS", "Judge", "Outcome", "Wanted", "add_reduced", "drop"]

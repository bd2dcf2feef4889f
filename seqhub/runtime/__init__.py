"""Running a bundle: numpy and onnxruntime only, no torch and no plugins.

    model = seqhub.runtime.load("bundle")
    model.predict("history.csv")                    # raw columns in, an answer in raw units out
    stream = model.stream()
    for chunk in chunks:                            # [T D] each
        y = stream.push(chunk)                      # [T' *outputs]
    y = stream.flush()

Letters of shapes: B rows of a stream or batch, T steps, D input columns, T' output steps.
"""

from seqhub.runtime.answers import Answer, Classification, Forecast, Values
from seqhub.runtime.manifest import Manifest
from seqhub.runtime.model import Model
from seqhub.runtime.opening import load
from seqhub.runtime.pool import Pool
from seqhub.runtime.sampling import Sampling
from seqhub.runtime.stream import Snapshot, Stream
from seqhub.runtime.text_answers import NextTokens, Tagged
from seqhub.runtime.translation import Candidate, Translation

__all__ = [
    "Answer",
    "Candidate",
    "Classification",
    "Forecast",
    "Manifest",
    "Model",
    "NextTokens",
    "Pool",
    "Sampling",
    "Snapshot",
    "Stream",
    "Tagged",
    "Translation",
    "Values",
    "load",
]

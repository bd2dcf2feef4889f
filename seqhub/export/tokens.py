"""`tokens.onnx`: the vocabulary of a text model as a graph of its own, for programs that read no JSON.

One operator of the standard's machine-learning domain (LabelEncoder) maps tokens to ids, exactly, in every
onnxruntime. Cutting a text into tokens stays outside: no standard operator splits by a pattern, and those that split at
blanks or make small letters do it otherwise than Python (StringSplit knows the space alone, StringNormalizer no final
sigma).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

import seqhub
from seqhub.runtime.verify_tokens import ABSENT, FILE
from seqhub.text import UNKNOWN, Vocabulary

_KINDS = ("chars", "words")  # whose tokens are pieces of the text; others need their own code anyway
_ML_OPSET = 4


def save_tokens(folder: Path, task: Mapping[str, Any]) -> tuple[str, ...]:
    """Write the graph where the task has such a vocabulary; gives the files written, one or none."""
    saved = task.get("tokenizer")
    if not isinstance(saved, Mapping) or saved.get("type") not in _KINDS:
        return ()
    onnx.save(token_graph(Vocabulary.from_dict(saved["vocabulary"])), folder / FILE)
    return (FILE,)


def token_graph(vocabulary: Vocabulary) -> onnx.ModelProto:
    """tokens, strings [batch time] -> ids, int64 [batch time].

    What is not in the vocabulary is `<unk>`, or -1 where there is none; so is what looks like a special.
    """
    special = vocabulary.tokens[: vocabulary.specials]
    default = vocabulary.id(UNKNOWN) if UNKNOWN in special else ABSENT
    known = list(vocabulary.tokens[vocabulary.specials :])
    node = helper.make_node(
        "LabelEncoder",
        ["tokens"],
        ["ids"],
        domain="ai.onnx.ml",
        keys_strings=known,
        values_int64s=list(range(vocabulary.specials, len(vocabulary))),
        default_int64=default,
    )
    shape = ["batch", "time"]
    tokens = helper.make_tensor_value_info("tokens", TensorProto.STRING, shape)
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, shape)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
    graph = helper.make_graph([node], "tokens", [tokens], [ids])
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    model.producer_name, model.producer_version = "seqhub", seqhub.__version__
    onnx.checker.check_model(model, full_check=True)
    return model

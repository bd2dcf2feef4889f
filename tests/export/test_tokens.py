"""`tokens.onnx` against the tokenisers' own ids, in onnxruntime and in onnx's reference evaluator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from seqhub.export.tokens import save_tokens, token_graph
from seqhub.runtime.manifest import parse_manifest, sha256_of
from seqhub.runtime.session import open_session
from seqhub.runtime.verify_tokens import FILE, check_tokens
from seqhub.text import PAD, SPECIALS, UNKNOWN, Tokenizer, Vocabulary
from seqhub.text.tokenizers import Bytes, Chars, Words
from tests.runtime.conftest import sums_manifest

TEXTS = ["Straße, naïve café — don't!", "Ada pays Wu 30 euros .", "<pad> is a word here", "e\u0301 é ß İ 👍"]


def ids_of(graph: onnx.ModelProto, tokens: list[str]) -> list[int]:
    feeds = {"tokens": np.array([tokens], dtype=object)}
    (by_runtime,) = open_session(graph.SerializeToString()).run(None, feeds)
    (by_reference,) = ReferenceEvaluator(graph).run(None, feeds)
    assert by_runtime.shape == (1, len(tokens))
    np.testing.assert_array_equal(by_runtime, by_reference)
    return list(by_runtime[0].tolist())


@pytest.mark.parametrize("tokenizer", [Chars(), Words(), Words(pattern=r"\S+", lowercase=True, most=12)])
@pytest.mark.parametrize("specials", [SPECIALS, (PAD, UNKNOWN)])
def test_pieces_of_a_text_get_the_tokenisers_ids(tokenizer: Tokenizer, specials: tuple[str, ...]) -> None:
    tokenizer.fit(TEXTS[:2], specials)
    graph = token_graph(tokenizer.vocabulary)
    for text in TEXTS:
        assert ids_of(graph, tokenizer.pieces(text)) == tokenizer.encode(text)


def test_without_an_unknown_token_what_is_absent_is_minus_one() -> None:
    assert ids_of(token_graph(Vocabulary(("a", "b"))), ["b", "c", "", "a"]) == [1, -1, -1, 0]


def test_what_looks_like_a_special_is_unknown() -> None:
    vocabulary = Vocabulary((*SPECIALS, "a"), len(SPECIALS))
    assert ids_of(token_graph(vocabulary), [*SPECIALS, "a"]) == [1, 1, 1, 1, 4]


def manifest_with(folder: Path, tokenizer: dict[str, Any]) -> Any:
    files = {FILE: {"sha256": sha256_of(folder / FILE), "bytes": (folder / FILE).stat().st_size}}
    raw = {**sums_manifest({"type": "language-model", "tokenizer": tokenizer}, 1), "files": files}
    return parse_manifest(json.loads(json.dumps(raw)), "m")


def test_the_check_passes_and_notices_another_order(tmp_path: Path) -> None:
    tokenizer = Chars()
    tokenizer.fit(TEXTS, SPECIALS)
    saved = tokenizer.as_dict()
    assert save_tokens(tmp_path, {"tokenizer": saved}) == (FILE,)
    (check,) = check_tokens(tmp_path, manifest_with(tmp_path, saved))
    assert check.ok, check.detail
    tokens = saved["vocabulary"]["tokens"]
    tokens[-1], tokens[-2] = tokens[-2], tokens[-1]
    (check,) = check_tokens(tmp_path, manifest_with(tmp_path, saved))
    assert check.ok is False
    assert repr(tokens[-1]) in check.detail


def test_numbers_and_bytes_have_no_such_graph(tmp_path: Path) -> None:
    tokenizer = Bytes()
    tokenizer.fit(TEXTS, SPECIALS)
    assert save_tokens(tmp_path, {"tokenizer": tokenizer.as_dict()}) == ()
    assert save_tokens(tmp_path, {"type": "forecast"}) == ()
    assert list(tmp_path.iterdir()) == []
    assert check_tokens(tmp_path, parse_manifest(sums_manifest({"type": "sums"}, 1), "m")) == []

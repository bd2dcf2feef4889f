"""The catalogue: what its entries say, and how files come here over a server that does everything wrong."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from seqhub.cli import main
from seqhub.data.catalogue import download, entries
from seqhub.data.catalogue.entries import known_sets
from seqhub.data.files import located

BODY = np.random.default_rng(0).bytes(200_000)
OTHER = b"a second file, in a folder\n"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOML = '[tiny]\ntitle = "Two files"\ntask = "none"\nlicence = "CC0 1.0"\ncitation = "Nobody 2020"\n'


@dataclass
class Server:
    """url; how it misbehaves; and what it was asked: (path, Range)."""

    url: str = ""
    kind: str = "well"
    asked: list[tuple[str, str]] = field(default_factory=list)


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = str(self.headers.get("Range", ""))
            server.asked.append((self.path, wanted))
            body = OTHER if self.path.endswith("second%20file.txt") else BODY
            if server.kind == "missing":
                self.send_error(404)
            elif server.kind == "busy" and len(server.asked) == 1:
                self.send_error(503)
            elif server.kind == "moved" and not self.path.startswith("/elsewhere"):
                self.send_response(302)
                self.send_header("Location", "/elsewhere" + self.path)
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif server.kind == "changed":
                self._give(200, bytes(len(body)), len(body))
            elif server.kind == "longer":
                self._give(200, body + b"more", len(body) + 4)
            elif wanted and server.kind != "no ranges":
                first = int(wanted.removeprefix("bytes=").removesuffix("-"))
                self._give(206, body[first:], len(body) - first, f"bytes {first}-{len(body) - 1}/{len(body)}")
            elif server.kind in ("breaks", "no ranges") and len(server.asked) == 1:
                self._give(200, body[: len(body) // 2], len(body))
            elif server.kind == "always breaks":
                self._give(200, b"", len(body))
            else:
                self._give(200, body, len(body))

        def _give(self, status: int, body: bytes, length: int, part: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            if part:
                self.send_header("Content-Range", part)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    found = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(found)) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        found.url = f"http://127.0.0.1:{http.server_port}"
        monkeypatch.setenv("SEQHUB_DATA_URL", found.url)
        yield found
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A catalogue of one set; nothing of this machine's; no waiting."""
    folder = tmp_path / "catalogue"
    (folder / "sums").mkdir(parents=True)
    (folder / "sets.toml").write_text(TOML)
    lines = [
        f"@ somebody/data {COMMIT}",
        f"{hashlib.sha256(BODY).hexdigest()} {len(BODY)} first.bin",
        f"{hashlib.sha256(OTHER).hexdigest()} {len(OTHER)} deep/second.txt | raw/second file.txt",
    ]
    (folder / "sums" / "tiny.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(entries, "files", lambda package: folder)
    monkeypatch.setattr(download, "PAUSES_S", (0.0, 0.0))
    monkeypatch.setenv("SEQHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SEQHUB_DATA", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    known_sets.cache_clear()
    yield
    known_sets.cache_clear()


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def get(folder: Path, *more: str) -> int:
    return main(["data", "get", "tiny", "--dir", str(folder), *more])


@pytest.mark.parametrize("kind", ["well", "busy", "moved", "breaks", "no ranges"])
def test_a_set_is_complete_whatever_the_server_does(server, tmp_path, capsys, kind):
    server.kind = kind
    assert get(tmp_path / "data", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["fetched"] == 2
    assert said["licence"] == "CC0 1.0"
    assert files_in(tmp_path / "data") == ["tiny/deep/second.txt", "tiny/first.bin"]
    assert (tmp_path / "data/tiny/first.bin").read_bytes() == BODY
    assert (tmp_path / "data/tiny/deep/second.txt").read_bytes() == OTHER
    assert (f"/somebody/data/{COMMIT}/raw/second%20file.txt", "") in server.asked
    ranges = [wanted for path, wanted in server.asked if wanted]
    assert bool(ranges) == (kind in ("breaks", "no ranges"))


def test_a_transfer_that_broke_goes_on_in_the_next_command(server, tmp_path):
    folder = tmp_path / "data" / "tiny"
    folder.mkdir(parents=True)
    (folder / ".first.bin.part").write_bytes(BODY[:70_000])
    assert get(tmp_path / "data") == 0
    assert (f"/somebody/data/{COMMIT}/first.bin", "bytes=70000-") in server.asked
    assert (folder / "first.bin").read_bytes() == BODY
    server.asked.clear()
    assert get(tmp_path / "data") == 0
    assert not server.asked  # what is there is checked, not fetched again


def test_a_part_that_is_too_long_or_wrong_is_thrown_away(server, tmp_path, capsys):
    folder = tmp_path / "data" / "tiny"
    folder.mkdir(parents=True)
    (folder / ".first.bin.part").write_bytes(BODY + b"x")
    (folder / "deep").mkdir()
    (folder / "deep" / ".second.txt.part").write_bytes(b"A")
    assert get(tmp_path / "data") == 2
    assert "E333" in capsys.readouterr().err  # it went on from a byte that was never part of the file
    assert get(tmp_path / "data") == 0


REFUSALS = {
    "missing": ("E332", "404", "SEQHUB_DATA"),
    "changed": ("E333", "sha256", "origin"),
    "longer": ("E333", "longer than", "origin"),
    "always breaks": ("E331", "broke off", "run the command again"),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_failure_is_one_error_and_leaves_nothing_under_the_final_name(server, tmp_path, capsys, kind):
    server.kind = kind
    code, says, fix = REFUSALS[kind]
    assert get(tmp_path / "data") == 2
    said = capsys.readouterr().err
    assert re.findall(r"error\[(E\d+)\]", said) == [code]
    assert says in said
    assert fix in said
    assert server.url in said
    assert [name for name in files_in(tmp_path / "data") if not name.endswith(".part")] == []


def test_without_a_network(tmp_path, capsys, monkeypatch):
    with socket.socket() as taken:  # a port that nobody listens on
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("SEQHUB_DATA_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        assert get(tmp_path / "data", "--json") == 2
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem["code"] == "E331"
    assert "refused" in problem["message"]
    assert files_in(tmp_path / "data") == []


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "mirror"
    (root / "tiny" / "deep").mkdir(parents=True)
    (root / "tiny" / "first.bin").write_bytes(BODY)
    (root / "tiny" / "deep" / "second.txt").write_bytes(OTHER)
    monkeypatch.setenv("SEQHUB_DATA", str(root))
    return root


def test_a_mirror_serves_offline_and_is_checked(server, mirror, tmp_path, capsys):
    assert get(tmp_path / "data", "--json") == 0
    assert json.loads(capsys.readouterr().out)["copied"] == 2
    assert (tmp_path / "data/tiny/first.bin").read_bytes() == BODY
    assert main(["data", "get", "tiny", "--json"]) == 0  # it is where it belongs already
    assert json.loads(capsys.readouterr().out)["present"] == 2
    (mirror / "tiny" / "first.bin").write_bytes(BODY[:-1] + b"?")
    assert get(tmp_path / "more") == 2
    said = capsys.readouterr().err
    assert "E334" in said
    assert "first.bin is another file" in said
    assert not (tmp_path / "more/tiny/first.bin").exists()
    assert not server.asked


def test_a_file_of_ones_own_is_not_overwritten(server, tmp_path, capsys):
    (tmp_path / "data/tiny").mkdir(parents=True)
    (tmp_path / "data/tiny/first.bin").write_bytes(b"mine")
    assert get(tmp_path / "data") == 2
    assert "E334" in capsys.readouterr().err
    assert (tmp_path / "data/tiny/first.bin").read_bytes() == b"mine"


def test_recipes_find_what_went_to_the_cache(server, tmp_path, capsys):
    assert main(["data", "list"]) == 0
    assert re.search(r"tiny +none +2 +0.2 MB +no", capsys.readouterr().out)
    assert main(["data", "get", "tiny"]) == 0
    assert "licence   CC0 1.0" in capsys.readouterr().out
    assert located(tmp_path, "tiny/first.bin") == tmp_path / "cache/data/tiny/first.bin"
    assert main(["data", "list", "--json"]) == 0
    (only,) = json.loads(capsys.readouterr().out)
    assert only["here"] == str(tmp_path / "cache/data/tiny")
    assert only["origins"] == [f"https://github.com/somebody/data/tree/{COMMIT}"]


def test_an_unknown_set_is_told_with_the_nearest(capsys):
    assert main(["data", "get", "tinny"]) == 2
    said = capsys.readouterr().err
    assert "E330" in said
    assert "did you mean 'tiny'?" in said


def test_a_recipe_needs_no_action(capsys):
    assert main(["data", "nowhere.yaml", "--json"]) == 2
    short = json.loads(capsys.readouterr().out)
    assert main(["data", "report", "nowhere.yaml", "--json"]) == 2
    assert json.loads(capsys.readouterr().out) == short
    assert short["problems"][0]["code"] == "E100"
    assert main(["data", "--set", "a=b", "nowhere.yaml", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["problems"][0]["code"] == "E100"
    assert main(["data"]) == 2


def test_the_entries_that_come_with_seqhub(monkeypatch):
    monkeypatch.undo()
    known_sets.cache_clear()
    found = known_sets()
    assert len(found) == 19
    for one in found.values():
        assert one.files
        assert one.licence
        assert one.citation
        for origin in one.origins:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+", origin.repository)
            assert re.fullmatch(r"[0-9a-f]{40}", origin.commit)
        paths = [file.path for file in one.files]
        assert len(set(paths)) == len(paths)
        for file in one.files:
            assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
            assert file.size > 0
            assert ".." not in file.path
            assert " " not in file.where
    assert found["eeg_eye_state"].files[0].where.endswith("/EEG%20Eye%20State.arff")
    assert found["etth1"].files[0].sha256 == "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066"

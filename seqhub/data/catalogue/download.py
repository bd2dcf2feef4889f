"""One file over HTTP: what has arrived is not fetched again, and nothing stands under the final name but the whole.

What arrives goes to `.NAME.part` beside the target. A connection that breaks is taken up where it broke (HTTP Range);
the next command goes on there too. By the standard library: pooch would bring seven packages, and cannot resume.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import seqhub
from seqhub.errors import DataError

PAUSES_S = (0.5, 2.0, 5.0)  # before the next try, after one that brought nothing
TIMEOUT_S = 30.0
_PIECE = 1 << 16
_MOST = 100  # tries that each brought a little
_BUSY = (408, 425, 429, 500, 502, 503, 504)  # answers after which it is worth to try again

Advance = Callable[[int], None]  # bytes that arrived; less than 0 where they have to come again


def download(url: str, path: Path, *, size: int, sha256: str, advance: Advance = lambda _: None) -> None:
    """Bring `url` to `path`.

    Raises DataError E331 where the server cannot be reached or breaks off, E332 where it refuses, E333 where what it
    gives is not of this size and sha256.
    """
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    have = part.stat().st_size if part.exists() else 0
    if have > size:
        part.unlink()
        have = 0
    advance(have)
    idle, why = 0, "it sent nothing"
    for _ in range(_MOST):
        if have == size and part.exists():
            break
        before = have
        try:
            have, why = _append(url, part, have, size, advance), "it broke off"
        except urllib.error.HTTPError as error:
            have, why = _refused(error, url, part, have, advance), f"it answers {error.code}"
        except (OSError, http.client.HTTPException) as error:  # URLError is an OSError, as are timeouts
            why = _reason(error)
            have = part.stat().st_size if part.exists() else 0
        if have <= before and have != size:
            if idle == len(PAUSES_S):
                break
            time.sleep(PAUSES_S[idle])
            idle += 1
    if not part.exists() or have != size:
        kept = f" after {have} of {size} bytes, which are kept" if have else ""
        fix = "check the network, and run the command again: it goes on where it stopped"
        raise DataError(f"{url} cannot be fetched: {why}{kept}", code="E331", fix=fix)
    found = checksum(part)
    if found != sha256:
        part.unlink()
        what = f"{url}: its sha256 is {found}, the catalogue names {sha256}"
        raise DataError(what, code="E333", fix="try again; if it stays so, a proxy changes it, or its origin did")
    os.replace(part, path)


def checksum(path: Path) -> str:
    """The sha256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _append(url: str, part: Path, have: int, size: int, advance: Advance) -> int:
    """Bytes that are there after this try. DataError E333 where there are more than `size`."""
    headers = {"User-Agent": f"seqhub/{seqhub.__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S) as answer:
        begins = f"bytes {have}-"
        goes_on = answer.status == 206 and str(answer.headers.get("Content-Range", "")).startswith(begins)
        if have and not goes_on:  # the whole again: a server without ranges
            advance(-have)
            have = 0
        with part.open("ab" if have else "wb") as file:
            while piece := answer.read(_PIECE):
                if have + len(piece) > size:
                    file.close()
                    part.unlink()
                    what = f"{url} is longer than the {size} bytes that the catalogue names"
                    raise DataError(what, code="E333", fix="try again; if it stays so, its origin changed")
                file.write(piece)
                have += len(piece)
                advance(len(piece))
    return have


def _refused(error: urllib.error.HTTPError, url: str, part: Path, have: int, advance: Advance) -> int:
    """Bytes to go on from after an answer that is an error; DataError E332 where trying again is in vain."""
    error.close()
    if error.code == 416 and have:  # what is there does not fit what the server has
        part.unlink(missing_ok=True)
        advance(-have)
        return 0
    if error.code in _BUSY:
        return have
    fix = "it may have moved: get a copy from its origin, and name its folder by SEQHUB_DATA"
    raise DataError(f"{url}: the server answers {error.code} {error.reason}", code="E332", fix=fix) from None


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", None) or error
    return str(inner).strip() or type(inner).__name__

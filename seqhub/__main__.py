"""`python -m seqhub`."""

from __future__ import annotations

from seqhub.cli import entry

if __name__ == "__main__":
    entry()

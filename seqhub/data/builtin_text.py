"""Text that arrives with Python: nothing is downloaded."""

from __future__ import annotations

import platform
from pathlib import Path

from seqhub.data.configs import BuiltinConfig
from seqhub.data.document import Document, document_of


class PydocSource:
    """The chapters of Python's language reference that `help()` shows: plain English with programs in it."""

    def __init__(self, config: BuiltinConfig, base_dir: Path) -> None:
        del config, base_dir

    def read(self) -> Document:
        """About 465,000 characters; the text is that of the running Python's version."""
        from pydoc_data.topics import topics

        text = "\n".join(topics[name] for name in sorted(topics))
        return document_of(text, "pydoc", (f"the text is that of Python {platform.python_version()}",))

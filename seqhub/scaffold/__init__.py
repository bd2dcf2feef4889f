"""A new distribution of a third party: every file of it, with a component that works. No torch here."""

from __future__ import annotations

from seqhub.scaffold.names import KINDS, Names
from seqhub.scaffold.project import project_files, write_project

__all__ = ["KINDS", "Names", "project_files", "write_project"]

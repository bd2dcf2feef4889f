"""Plugins: found by entry point, loaded one by one, and looked up by name. Nothing here loads torch or numpy."""

from __future__ import annotations

from seqhub.plugins.records import PluginRecord
from seqhub.plugins.registry import Component, Registry, load_registry, load_target
from seqhub.plugins.scan import scan_plugins

__all__ = ["Component", "PluginRecord", "Registry", "load_registry", "load_target", "scan_plugins"]

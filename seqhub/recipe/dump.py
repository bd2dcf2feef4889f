"""Plain values -> YAML that reads back the same by YAML 1.2, and by 1.1 too."""

from __future__ import annotations

from typing import Any

import yaml

from seqhub.recipe.nodes import plain_value


class _Dumper(yaml.SafeDumper):
    """Quotes every string that either version of YAML would take for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None if isinstance(plain_value(value), str) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def dump_yaml(values: Any) -> str:
    """Keys in their own order, short lists on one line."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100)


def flow(value: Any) -> str:
    """A value as a recipe has it on one line, for tables."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value) if isinstance(value, str) and not isinstance(plain_value(value), str) else str(value)

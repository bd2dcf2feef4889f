"""`seqhub plugins reference`: hooks, specs and checks as Markdown, from their own documentation."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import textwrap
from collections.abc import Iterable, Iterator

from seqhub import api
from seqhub.api import ComponentSpec
from seqhub.plugins import hookspecs
from seqhub.recipe.catalogue import write_atomically

_HEAD = """\
# Plugin reference

Written by `seqhub plugins reference -o docs/plugin-reference.md`, from the documentation of the code. The guide is
[plugins.md](plugins.md).
"""


def run(args: argparse.Namespace) -> int:
    text = reference()
    if args.output is None:
        print(text, end="")
    else:
        write_atomically(args.output, text.encode())
        print(f"wrote {args.output}")
    return 0


def reference() -> str:
    """The whole page."""
    parts = [_HEAD, "## Hooks\n", _prose(inspect.getdoc(hookspecs)), *_hooks(), *_specs(), *_options(), *_checks()]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _hooks() -> Iterator[str]:
    for name in hookspecs.HOOKS:
        yield f"### `{name}`\n"
        yield _prose(inspect.getdoc(getattr(hookspecs, name)))


def _specs() -> Iterator[str]:
    yield "## Specs\n"
    yield "Frozen dataclasses of `seqhub.api`; every field is given by name.\n"
    shared = {field.name for field in dataclasses.fields(ComponentSpec)}
    classes: list[type[ComponentSpec]] = [ComponentSpec, *hookspecs.HOOKS.values()]
    for cls in classes:
        title = "Every spec" if cls is ComponentSpec else f"`{cls.__name__}`"
        yield f"### {title}\n"
        yield _prose(inspect.getdoc(cls))
        fields = [f for f in dataclasses.fields(cls) if cls is ComponentSpec or f.name not in shared]
        if fields:
            yield _table(("field", "type", "default"), ((f"`{f.name}`", f"`{_type(f)}`", _default(f)) for f in fields))
        if cls.FLAGS:
            yield f"Flags: {', '.join(f'`{flag}`' for flag in cls.FLAGS)}.\n"


def _options() -> Iterator[str]:
    yield "## Options of a component\n"
    yield "A config is a class of fields, made with `@config`; each field is one option of a recipe.\n"
    for name in ("Config", "CellConfig", "option", "use", "config", "Use"):
        yield f"### `{name}`\n"
        yield _prose(inspect.getdoc(getattr(api, name)))
    for name in ("geometry", "problems"):
        yield f"### `Config.{name}`\n"
        yield _prose(inspect.getdoc(getattr(api.Config, name)))


def _checks() -> Iterator[str]:
    from seqhub.testing import parts  # torch, from here on
    from seqhub.testing.suite import CONTRACT, GRAPHS, LAYER_KINDS

    yield "## Checks\n"
    kinds = ", ".join(LAYER_KINDS)
    yield f"What the conformance suite asks of each example of a component: first of layers ({kinds}).\n"
    layers = [("The contract, `--fast`", CONTRACT), ("Both ONNX graphs, `--full`", GRAPHS)]
    others = [(f"Of a {kind}", checks) for kind, checks in parts.CHECKS.items()]
    for title, checks in layers + others:
        yield f"### {title}\n"
        rows = ((f"`{check.__name__}`", " ".join((inspect.getdoc(check) or "").split())) for check in checks)
        yield _table(("check", "holds when"), rows)


def _prose(doc: str | None) -> str:
    """A docstring as Markdown: what is code in it becomes a block, whether it is indented or not."""
    found: list[str] = []
    for block in _blocks((doc or "").splitlines()):
        code = any(line.startswith(("from seqhub.api import", "    from seqhub.api import")) for line in block)
        if code:
            found.append("```python\n" + textwrap.dedent("\n".join(block)).strip() + "\n```")
        else:
            found.append("\n".join(block).strip())
    return "\n\n".join(found) + "\n"


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """Paragraphs; a code example, blank lines and all, is one of them."""
    block: list[str] = []
    indent: str | None = None  # of the example that is being read
    for line in lines:
        if indent is None and line.lstrip().startswith("from seqhub.api import"):
            if block:
                yield block
            block, indent = [line], line[: len(line) - len(line.lstrip())]
        elif indent is not None and line and not line.startswith(indent):
            yield block
            block, indent = [line], None
        elif indent is None and not line.strip():
            if block:
                yield block
            block = []
        else:
            block.append(line)
    if block:
        yield block


def _table(headers: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(headers), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def _type(field: dataclasses.Field[object]) -> str:
    return str(field.type)


def _default(field: dataclasses.Field[object]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return f"`{field.default_factory()!r}`"
    if field.default is dataclasses.MISSING:
        return "required"
    return "`api.Config`" if isinstance(field.default, type) else f"`{field.default!r}`"

"""From the names in a recipe to the components that plugins provide."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqhub.api import ComponentSpec
from seqhub.errors import PluginError
from seqhub.plugins.checks import MODEL_KINDS
from seqhub.plugins.hints import FIRST_PARTY, first_party_provider
from seqhub.plugins.local import PREFIX, local_records, refusal
from seqhub.plugins.manager import Manager
from seqhub.plugins.records import PluginRecord, normalise
from seqhub.plugins.scan import scan_plugins


@dataclass(frozen=True)
class Component:
    """One component and who provides it; `plugin` is the key of the record that registered it."""

    spec: ComponentSpec
    dist: str
    version: str
    plugin: str = ""

    @property
    def ref(self) -> str:
        """The exact name, such as `seqhub-cells/gru`: means the same whatever else is installed."""
        return f"{self.dist}/{self.spec.name}"

    @property
    def provider(self) -> str:
        """What runs and bundles record, such as `seqhub-cells/gru==0.1.0`."""
        return f"{self.ref}=={self.version}"


class Registry:
    """The components of one environment; `records` says what became of each plugin."""

    def __init__(self, components: Iterable[Component], records: Iterable[PluginRecord] = ()) -> None:
        self.records = tuple(records)
        self._components = tuple(sorted(components, key=lambda c: (c.spec.name, c.dist, c.spec.kind)))

    def components(self, kind: str | None = None) -> tuple[Component, ...]:
        """All of one kind (or of every kind), sorted by name."""
        return tuple(c for c in self._components if kind is None or c.spec.kind == kind)

    def resolve(self, name: str, kinds: Sequence[str] = MODEL_KINDS) -> Component:
        """The component that a recipe means by `name` or `dist/name`.

        A short name means the only component that claims it, or else the first-party one. Raises PluginError:
        E601 unknown, E602 of another kind, E603 claimed by several third parties, E604 its plugin did not load.
        """
        dist, _, short = name.rpartition("/")
        claims = self._claims(short, kinds, normalise(dist))
        ours = [c for c in claims if c.dist in FIRST_PARTY]
        if len(claims) == 1 or len(ours) == 1:
            return (ours or claims)[0]
        if claims:
            who = " and ".join(f"{c.dist} {c.version}" for c in claims)
            exact = " or ".join(f"'{c.ref}'" for c in claims)
            raise PluginError(f"{_noun(kinds)} '{name}' is claimed by {who}", fix=f"write {exact}", code="E603")
        raise self._unknown(name, kinds)

    def shadowed(self) -> tuple[tuple[Component, Component], ...]:
        """Components whose short name means another one: (the component, the one that has the short name)."""
        pairs = []
        for component in self._components:
            kinds = _space(component.spec.kind)
            ours = [c for c in self._claims(component.spec.name, kinds) if c.dist in FIRST_PARTY]
            if ours and component not in ours:
                pairs.append((component, ours[0]))
        return tuple(pairs)

    def disputed(self) -> dict[str, tuple[Component, ...]]:
        """Short names that several third parties claim; each is an error on use."""
        found = {}
        for component in self._components:
            claims = self._claims(component.spec.name, _space(component.spec.kind))
            if len(claims) > 1 and not any(c.dist in FIRST_PARTY for c in claims):
                found[component.spec.name] = claims
        return found

    def _claims(self, short: str, kinds: Sequence[str], dist: str = "") -> tuple[Component, ...]:
        return tuple(
            c
            for c in self._components
            if c.spec.kind in kinds and short in (c.spec.name, *c.spec.aliases) and (not dist or c.dist == dist)
        )

    def _unknown(self, name: str, kinds: Sequence[str]) -> PluginError:
        """The most useful of the reasons why a name means nothing."""
        dist, _, short = name.rpartition("/")
        what = _noun(kinds)
        elsewhere = [c for c in self._components if c.spec.name == short and (not dist or c.dist == normalise(dist))]
        if elsewhere:
            message = f"'{name}' is of the kind {elsewhere[0].spec.kind}, where a {what} is wanted"
            return PluginError(message, fix=self._near(short, kinds), code="E602")
        absent = f"no {what} '{name}' is installed"
        provider = normalise(dist) or first_party_provider(short)
        of_provider = [record for record in self.records if record.dist == provider]
        if broken := [record for record in of_provider if not record.healthy]:
            return PluginError(f"{absent}: {broken[0].line()}", fix=broken[0].fix, code="E604")
        near = self._near(short, kinds)
        if of_provider:
            return PluginError(f"{provider} {of_provider[0].version} has no {what} '{short}'", fix=near, code="E601")
        if provider.startswith(PREFIX):
            file = provider.removeprefix(PREFIX).replace("-", "_")
            return PluginError(absent, fix=f"it is of a file of your own: add --plugin PATH/{file}.py", code="E601")
        if provider:
            return PluginError(absent, fix=f"'{short}' comes with {provider}: pip install {provider}", code="E601")
        left_out = [record for record in self.records if not record.healthy]
        if not near and left_out:
            return PluginError(absent, fix=f"it may belong to {left_out[0].dist}, which is not loaded", code="E601")
        return PluginError(absent, fix=near or "list what there is: seqhub plugins list --load", code="E601")

    def _near(self, short: str, kinds: Sequence[str]) -> str:
        names = {name for c in self._components if c.spec.kind in kinds for name in (c.spec.name, *c.spec.aliases)}
        close = difflib.get_close_matches(short, sorted(names), n=3, cutoff=0.6)
        return f"did you mean {' or '.join(repr(n) for n in close)}?" if close else ""


def _space(kind: str) -> tuple[str, ...]:
    return MODEL_KINDS if kind in MODEL_KINDS else (kind,)


def _noun(kinds: Sequence[str]) -> str:
    return "block type" if len(kinds) > 1 else kinds[0]


def load_registry(environ: Mapping[str, str] | None = None, *, notify: Callable[[str], None] | None = None) -> Registry:
    """Import the plugin modules of this environment (none loads torch) and gather what they register.

    A plugin that is left out is told once, by `notify` (stderr by default). With SEQHUB_STRICT=1 it raises PluginError.
    The files of `seqhub.plugins.local.using` are loaded too, and one that does not load raises PluginError E607.
    """
    settings = os.environ if environ is None else environ
    manager = Manager(strict=settings.get("SEQHUB_STRICT", "0") not in ("", "0"))
    manager.load((*scan_plugins(settings), *local_records()))
    records = [record for record, _ in manager.loaded]
    for record in records:
        if record.file and not record.healthy:  # it was asked for by name
            raise refusal(record)
        if not record.healthy:
            (notify or _tell_once)(f"seqhub: {record.line()}")
    components = [Component(spec, r.dist, r.version, r.key) for r, specs in manager.loaded for spec in specs]
    return Registry(components, records)


def load_target(component: Component) -> Any:
    """The class that a component's spec names; PluginError E605 where it cannot be imported."""
    module, _, attribute = component.spec.target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        missing = isinstance(error, ModuleNotFoundError) and error.name in ("torch", "numpy")
        fix = "pip install 'seqhub[train]'" if missing else f"run: seqhub plugins doctor {component.dist}"
        message = f"'{component.ref}' cannot be loaded from {module}: {reason}"
        raise PluginError(message, fix=fix, code="E605") from error


_told: set[str] = set()


def _tell_once(line: str) -> None:
    if line not in _told:
        _told.add(line)
        print(line, file=sys.stderr)

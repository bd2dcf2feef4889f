"""Nodes -> Config instances, collecting every problem on the way."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from seqhub.api import Config, Use
from seqhub.errors import Place, Problem
from seqhub.recipe.fields import Option, check_values, freeze, options_of
from seqhub.recipe.hints import UnknownKey, expectation, key_hint, value_hint
from seqhub.recipe.nodes import Entry, Node, Scalar, Sequence, describe, plain
from seqhub.recipe.nodes import Mapping as MappingNode
from seqhub.recipe.suggest import nearest
from seqhub.recipe.types import Keys

if TYPE_CHECKING:
    from seqhub.plugins import Component

_C = TypeVar("_C", bound=Config)
_WRONG = object()  # a value that was reported
_TAG = re.compile(r"[a-z].*")


@dataclass
class Reader:
    """What has been found so far. `places` and `origins` are those of the recipe; see `Recipe`.

    lookup: what a name in the recipe means, among components of these kinds; it reports what means nothing.
    """

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    places: dict[Keys, Place] = field(default_factory=dict)
    origins: dict[Keys, str] = field(default_factory=dict)
    unknown: list[UnknownKey] = field(default_factory=list)
    lookup: Callable[[Scalar, tuple[str, ...]], Component | None] | None = None

    def report(self, code: str, message: str, fix: str, place: Place) -> None:
        self.problems.append(Problem(code, message, fix, place))

    def warn(self, code: str, message: str, fix: str, place: Place) -> None:
        self.warnings.append(Problem(code, message, fix, place, severity="warning"))

    def mark(self, path: Keys, entry: Entry) -> None:
        """Remember where a value was written: by its start, or by its key where it begins on a line of its own."""
        inline = entry.node.place.line == entry.place.line
        self.places[path] = entry.node.place if inline else entry.place

    def mapping(self, node: Node, path: Keys, instead: str) -> MappingNode | None:
        """The node as a mapping; `a: ` with nothing under it is an empty one."""
        if isinstance(node, MappingNode):
            return node
        if isinstance(node, Scalar) and node.value is None and node.text == "":
            return MappingNode(node.place, ())
        self.report("E104", f"{dotted(path)}: expected a mapping, got {describe(node)}", instead, node.place)
        return None

    def typed(self, node: Node, path: Keys, instead: str) -> MappingNode | None:
        """A mapping with a `type`; the bare name is short for one. E104 or E105 where it is neither."""
        if isinstance(node, Scalar) and isinstance(node.value, str) and _TAG.match(node.text):
            return MappingNode(node.place, (Entry(node.place, "type", node),))
        return self.mapping(node, path, instead)

    def tag(self, node: MappingNode, path: Keys, help: str) -> Scalar | None:
        """The `type` of a mapping, a name."""
        entry = node.get("type")
        if entry is None:
            typo = next((e for e in node.entries if nearest(e.key, ["type"], 0.7)), None)
            if typo is not None:
                self.report("E102", f"unknown key '{dotted((*path, typo.key))}'", "did you mean 'type'?", typo.place)
            else:
                self.report("E105", f"{dotted(path)} has no 'type'", f"add 'type: ...': {help}", self.places[path])
            return None
        self.mark((*path, "type"), entry)
        if isinstance(entry.node, Scalar) and isinstance(entry.node.value, str):
            return entry.node
        message = f"{dotted((*path, 'type'))}: expected a name, got {describe(entry.node)}"
        self.report("E104", message, help, entry.node.place)
        return None

    def config(
        self, node: MappingNode, path: Keys, cls: type[_C], *, owner: str = "", also: Iterable[str] = ()
    ) -> _C | None:
        """One instance from one mapping, its fields checked against each other too."""
        found = self.configs(node, path, [cls], owner=owner, also=also)[0]
        if isinstance(found, cls):
            return found if self.agrees(found, path) else None
        return None

    def agrees(self, options: Config, path: Keys, width: int = 0, code: str = "E114") -> bool:
        """Report what the options say is wrong between them."""
        wrong = options.problems(width)
        for name, message, fix in wrong:
            self.report(code, message, fix, place_of(self.places, (*path, *name.split("."))))
        return not wrong

    def configs(
        self, node: MappingNode, path: Keys, classes: list[type[Config]], *, owner: str = "", also: Iterable[str] = ()
    ) -> list[Config | None]:
        """One instance of each class from one mapping; None where a value is wrong, missing or misspelt.

        An option belongs to the first class that has it. `also` are keys that the caller reads; all others are unknown.
        """
        owners: dict[str, type[Config]] = {}
        for cls in classes:
            for name in options_of(cls):
                owners.setdefault(name, cls)
        passed = tuple(also)
        values: dict[type[Config], dict[str, Any]] = {cls: {} for cls in classes}
        allowed = tuple(dict.fromkeys((*owners, *passed)))
        present = frozenset(entry.key for entry in node.entries)
        strays = [entry for entry in node.entries if entry.key not in allowed]
        self.unknown += [UnknownKey(entry, (*path, entry.key), owner, allowed, present) for entry in strays]
        for entry in node.entries:
            if entry.key in owners and entry.key not in passed:
                self.mark((*path, entry.key), entry)
                cls = owners[entry.key]
                values[cls][entry.key] = self._value(options_of(cls)[entry.key], entry.node, (*path, entry.key))
        for cls in classes:
            self._check(cls, values[cls], node, path)
            for option in options_of(cls).values():
                if owners[option.name] is cls and option.name not in (*values[cls], *passed):
                    self._absent(option, path, strays, values[cls])
        meant = {near for entry in strays if (near := nearest(entry.key, set(owners) - present))}
        return [None if meant & set(options_of(cls)) else self._build(cls, values[cls], path) for cls in classes]

    def _value(self, option: Option, node: Node, path: Keys) -> Any:
        if option.is_value:
            return plain(node)
        if option.many:
            return self._listed(option, node, path)
        if option.nullable and isinstance(node, Scalar) and node.value is None:
            self.origins[path] = origin(node.place)
            return None
        if option.kind:
            return self._used(option, node, path)
        if option.tagged:
            return self._tagged(option, node, path)
        (cls,) = option.nested.values()
        names = ", ".join(options_of(cls))
        mapping = self.mapping(node, path, f"write a mapping of {names}")
        found = None if mapping is None else self.config(mapping, path, cls)
        return _WRONG if found is None else found

    def _tagged(self, option: Option, node: Node, path: Keys) -> Any:
        mapping = self.typed(node, path, f"write {{type: {next(iter(option.nested))}}}")
        if mapping is None:
            return _WRONG
        typos = not option.required and any(nearest(e.key, ["type"], 0.7) for e in mapping.entries)
        if mapping.get("type") is None and not typos and not option.required:
            cls = type(option.default)
        else:
            tag = self.tag(mapping, path, f"one of {', '.join(option.nested)}")
            if tag is None:
                return _WRONG
            if tag.text not in option.nested:
                near = nearest(tag.text, option.nested)
                message = f"{dotted((*path, 'type'))}: expected {option.expected}, got {describe(tag)}"
                self.report("E104", message, f"did you mean '{near}'?" if near else option.help, tag.place)
                return _WRONG
            cls = option.nested[tag.text]
        name = next(name for name, variant in option.nested.items() if variant is cls)
        found = self.config(mapping, path, cls, owner=f"{option.name} type '{name}'")
        return _WRONG if found is None else found

    def _listed(self, option: Option, node: Node, path: Keys) -> Any:
        """A component for each entry of a list."""
        if not isinstance(node, Sequence):
            message = f"{dotted(path)}: expected {option.expected}, got {describe(node)}"
            self.report("E104", message, option.help, node.place)
            return _WRONG
        found = []
        for index, item in enumerate(node.items):
            self.places[(*path, index)] = item.place
            found.append(self._used(option, item, (*path, index)))
        self.origins[path] = origin(node.place)
        names = [use.spec.name for use in found if isinstance(use, Use)]
        for index, name in enumerate(names):
            if name in names[:index]:
                self.report("E114", f"{dotted(path)} names '{name}' twice", "name it once", node.place)
                return _WRONG
        return _WRONG if _WRONG in found else tuple(found)

    def _used(self, option: Option, node: Node, path: Keys) -> Any:
        """The component that a name means, with the options beside its `type`."""
        mapping = self.typed(node, path, f"write the name of a {option.kind}")
        tag = None if mapping is None else self.tag(mapping, path, f"the name of a {option.kind}")
        component = None if tag is None or self.lookup is None else self.lookup(tag, (option.kind,))
        if mapping is None or tag is None or component is None:
            return _WRONG
        compared = getattr(component.spec, "on", "")
        if option.on and compared != option.on:
            message = f"{dotted(path)}: '{tag.text}' compares {compared}, and {option.on} are compared here"
            self.report("E114", message, f"name a {option.kind} of {option.on}: seqhub plugins list --load", tag.place)
            return _WRONG
        self.origins[path] = self.origins[(*path, "type")] = origin(tag.place)
        owner = f"{option.kind} '{tag.text}'"
        found = self.config(mapping, path, component.spec.config, owner=owner, also=["type"])
        return _WRONG if found is None else Use(component.spec, found, component.dist, component.version)

    def _check(self, cls: type[Config], values: dict[str, Any], node: MappingNode, path: Keys) -> None:
        """Types and bounds of the plain values, by pydantic; the wrong ones are reported and marked."""
        options = options_of(cls)
        for location in check_values(cls, {n: v for n, v in values.items() if options[n].is_value}):
            name = str(location[0])
            wrong: Node = node
            for key in location:
                wrong = _inside(wrong, key)
            expected = expectation(options[name], location)
            message = f"{dotted((*path, *location))}: expected {expected}, got {describe(wrong)}"
            self.report("E104", message, value_hint(options[name], expected, wrong), wrong.place)
            values[name] = _WRONG
        for name, value in values.items():
            if value is not _WRONG and options[name].is_value:
                values[name] = freeze(value, options[name].annotation)
                self.origins[(*path, name)] = origin(self.places[(*path, name)])

    def _absent(self, option: Option, path: Keys, strays: list[Entry], values: dict[str, Any]) -> None:
        if not option.required:
            record_defaults(self.origins, (*path, option.name), option.default)
            if option.kind and option.default:
                values[option.name] = self._default(option, path)
            return
        values[option.name] = _WRONG
        if any(nearest(entry.key, [option.name]) for entry in strays):
            return  # the misspelt key says it
        example = f"add '{option.name}: ...', {option.expected}"
        self.report("E105", f"{dotted(path)} has no '{option.name}'", f"{example}: {option.help}", self.places[path])

    def _default(self, option: Option, path: Keys) -> Any:
        """The component, or components, that an absent option stands for; its names where they are not installed."""
        names = option.default if option.many else (option.default,)
        nodes = [Scalar(self.places[path], name) for name in names]
        found = [Reader(places={path: self.places[path]}, lookup=self.lookup)._used(option, n, path) for n in nodes]
        if _WRONG in found:
            return option.default
        return tuple(found) if option.many else found[0]

    def _build(self, cls: type[Config], values: dict[str, Any], path: Keys) -> Config | None:
        if any(value is _WRONG for value in values.values()):
            return None
        try:
            return cls(**values)
        except ValueError as error:  # a plugin's own check in __post_init__
            self.report("E114", f"{dotted(path)}: {error}", "change the options named", self.places[path])
            return None

    def finish(self, elsewhere: Callable[[str], str]) -> None:
        """Report the unknown keys, now that it is known what else the recipe could hold."""
        for key in self.unknown:
            suffix = f" for {key.owner}" if key.owner else ""
            message = f"unknown key '{dotted(key.path)}'{suffix}"
            self.report("E102", message, key_hint(key, elsewhere), key.entry.place)
        self.unknown.clear()


def dotted(path: Keys) -> str:
    """As `--set` takes it; the top is `the recipe`."""
    return ".".join(map(str, path)) or "the recipe"


def origin(place: Place) -> str:
    """Where a value came from, for `explain`."""
    return f"line {place.line}" if place.line else place.file


def place_of(places: Mapping[Keys, Place], path: Keys) -> Place:
    """Where a path was written, or the nearest mapping that could hold it."""
    while path not in places:
        path = path[:-1]
    return places[path]


def record_defaults(origins: dict[Keys, str], path: Keys, default: Any) -> None:
    """Mark a value, or every value in a Config, as a default."""
    if isinstance(default, Config):
        for item in dataclasses.fields(default):
            record_defaults(origins, (*path, item.name), getattr(default, item.name))
    else:
        origins[path] = "default"


def _inside(node: Node, key: str | int) -> Node:
    if isinstance(node, MappingNode):
        entry = node.get(str(key))
        return entry.node if entry else node
    return node.items[int(key)] if isinstance(node, Sequence) else node

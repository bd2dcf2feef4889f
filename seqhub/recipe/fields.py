"""The options of a Config class, as recipes, messages and schemas need them; pydantic decides what a value may be."""

from __future__ import annotations

import dataclasses
import functools
import operator
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union

import annotated_types
import pydantic

from seqhub.api import Config

_STRICT = pydantic.ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())
_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_LIMITS: dict[str, Callable[[Any], annotated_types.BaseMetadata]] = {
    "ge": annotated_types.Ge,
    "gt": annotated_types.Gt,
    "le": annotated_types.Le,
    "lt": annotated_types.Lt,
}
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


@dataclass(frozen=True)
class Option:
    """One field of a Config. `nested` holds the Config classes that its value may be, by the name in their `type`.

    kind: of the component that the field names, or empty; `many` for a list of them; `on`: what they must compare.
    """

    name: str
    annotation: Any
    required: bool
    default: Any
    help: str
    bounds: dict[str, float]
    unit: str
    nested: dict[str, type[Config]]
    nullable: bool
    kind: str = ""
    many: bool = False
    on: str = ""

    @property
    def is_value(self) -> bool:
        """A plain value: no mapping of its own, and no component."""
        return not self.nested and not self.kind

    @property
    def tagged(self) -> bool:
        """One of several classes, chosen by `type`."""
        return len(self.nested) > 1

    @property
    def expected(self) -> str:
        """In words: `a whole number, at least 1`."""
        if self.kind:
            one = f"a list, each entry a {self.kind}" if self.many else f"a {self.kind}"
            return one + (" or null" if self.nullable else "")
        if self.nested:
            names = f"one of {', '.join(self.nested)}" if self.tagged else "a mapping"
            return names + (" or null" if self.nullable else "")
        return _words(self.annotation, self.bounds)


_options: dict[type[Config], dict[str, Option]] = {}
_models: dict[type[Config], type[pydantic.BaseModel]] = {}


def options_of(cls: type[Config]) -> dict[str, Option]:
    """The options by name, in the order they are declared."""
    if cls not in _options:
        hints = typing.get_type_hints(cls)
        _options[cls] = {field.name: _option(field, hints[field.name]) for field in dataclasses.fields(cls)}
    return _options[cls]


def _option(field: dataclasses.Field[Any], annotation: Any) -> Option:
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    variants = _arms(annotation)
    nested = [arm for arm in variants if isinstance(arm, type) and issubclass(arm, Config)]
    return Option(
        name=field.name,
        annotation=annotation,
        required=default is dataclasses.MISSING,
        default=default,
        help=field.metadata.get("help", ""),
        bounds=field.metadata.get("bounds", {}),
        unit=field.metadata.get("unit", ""),
        nested={tag_of(arm): arm for arm in nested},
        nullable=types.NoneType in variants,
        kind=field.metadata.get("kind", ""),
        many=any(typing.get_origin(arm) is tuple for arm in variants),
        on=field.metadata.get("on", ""),
    )


def tag_of(cls: type[Config]) -> str:
    """The value of its `type: Literal[...]`, by which a union of classes is told apart; else the class name."""
    hint = typing.get_type_hints(cls).get("type")
    return str(typing.get_args(hint)[0]) if typing.get_origin(hint) is Literal else cls.__name__


def value_model(cls: type[Config]) -> type[pydantic.BaseModel]:
    """A strict pydantic model of the options that are values, not mappings of their own. All may be left out."""
    if cls not in _models:
        fields: dict[str, Any] = {
            option.name: (
                _wire(option.annotation, option.bounds),
                pydantic.Field(default=None, description=option.help),
            )
            for option in options_of(cls).values()
            if option.is_value
        }
        _models[cls] = pydantic.create_model(cls.__name__, __config__=_STRICT, **fields)
    return _models[cls]


def check_values(cls: type[Config], values: dict[str, Any]) -> list[tuple[str | int, ...]]:
    """The paths of the values that their options do not allow, each once; (name,) or (name, index)."""
    try:
        value_model(cls).model_validate(values)
    except pydantic.ValidationError as error:
        wrong = [_location(issue["loc"], values) for issue in error.errors(include_url=False, include_context=False)]
        return list(dict.fromkeys(wrong))
    return []


def freeze(value: Any, annotation: Any) -> Any:
    """YAML's lists as tuples, and its whole numbers as floats, where the option says so."""
    arms = _arms(annotation)
    if isinstance(value, list):
        arm = next((arm for arm in arms if typing.get_origin(arm) in (tuple, list)), tuple[Any, ...])
        args = typing.get_args(arm)
        items = [
            freeze(item, args[i if i < len(args) and args[-1] is not Ellipsis else 0]) for i, item in enumerate(value)
        ]
        return items if typing.get_origin(arm) is list else tuple(items)
    if type(value) is int and float in arms and int not in arms:
        return float(value)
    return value


def _location(loc: tuple[int | str, ...], values: Any) -> tuple[str | int, ...]:
    """The part of pydantic's location that exists in the values; the rest names the arms of unions."""
    path: list[str | int] = []
    for key in loc:
        inside = isinstance(values, dict) and key in values
        if inside or (isinstance(values, list) and isinstance(key, int) and key < len(values)):
            values = values[key]
            path.append(key)
    return tuple(path)


def _arms(annotation: Any) -> tuple[Any, ...]:
    union = typing.get_origin(annotation) in (Union, types.UnionType)
    return typing.get_args(annotation) if union else (annotation,)


def _wire(annotation: Any, bounds: dict[str, float]) -> Any:
    """The type of the plain YAML value: a tuple arrives as a list; bounds hold for each number inside."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in (int, float):
        return (
            Annotated[(annotation, *(_LIMITS[name](limit) for name, limit in bounds.items()))] if bounds else annotation
        )
    inner = [_wire(arm, bounds) for arm in args if arm is not Ellipsis] if origin is not Literal else []
    if origin in (Union, types.UnionType):
        return functools.reduce(operator.or_, inner)
    if origin is tuple and args[-1] is not Ellipsis:
        items = types.GenericAlias(list, (functools.reduce(operator.or_, inner),))
        return Annotated[items, annotated_types.Len(len(args), len(args))]
    if origin in (tuple, list):
        return types.GenericAlias(list, tuple(inner))
    return types.GenericAlias(dict, tuple(inner)) if origin is dict else annotation


def _words(annotation: Any, bounds: dict[str, float]) -> str:
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is types.NoneType:
        return "null"
    if annotation in _WORDS:
        limits = " and ".join(f"{_BOUNDS[name]} {limit:.15g}" for name, limit in bounds.items())
        return f"{_WORDS[annotation]}, {limits}" if limits and annotation in (int, float) else _WORDS[annotation]
    if origin is Literal:
        return ("one of " if len(args) > 1 else "") + ", ".join(map(str, args))
    if origin in (Union, types.UnionType):
        return ", or ".join(_words(arm, bounds) for arm in args)
    if origin is tuple and args[-1] is not Ellipsis:
        return f"a list of {len(args)}, each entry {_words(args[0], bounds)}"
    if origin in (tuple, list):
        return f"a list, each entry {_words(args[0], bounds)}"
    if origin is dict:
        return f"a mapping to {_words(args[1], bounds)}"
    return str(getattr(annotation, "__name__", annotation))

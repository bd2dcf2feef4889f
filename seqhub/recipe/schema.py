"""The JSON Schema (Draft 2020-12) of recipes with the installed components: completion and checks in editors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seqhub.api import Config, MetricSpec, TaskSpec
from seqhub.errors import PluginError
from seqhub.plugins import Component
from seqhub.recipe.fields import Option, options_of, value_model
from seqhub.recipe.resolve import plain_options
from seqhub.recipe.sections import DecoderHead, ExportSection, Head, ModelHead, TrainSection
from seqhub.recipe.structures import STRUCTURES
from seqhub.recipe.types import BLOCK_KINDS, Common, Components, Named, Recurrent, Repeated

Json = dict[str, Any]
USED_KINDS = ("loss", "metric", "head", "tokenizer")  # what an option may name
_BOUND = r"^\s*(<=|>=|<|>)\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*$"
_ABOUT = {
    "task": "what is learnt",
    "data": "where the sequences come from",
    "model": "from the input columns to the head, block by block",
    "train": "how the model is trained",
    "export": "what is written for deployment",
    "expect": "bounds on the metrics of the test data, as in {mae: '<= 0.5'}; a run that misses one exits with 3",
}


def recipe_schema(registry: Components) -> Json:
    """The whole schema. A component's part stands in `$defs` and applies where its name is the `type`."""
    defs: Json = {"block": _block_schema(registry)}
    tasks, sources = registry.components("task"), registry.components("source")
    data_rules, properties = [], options_schema(Head)["properties"]
    for component in (*tasks, *sources):
        spec = component.spec
        defs[f"{spec.kind}.{component.ref}"] = options_schema(spec.config, extra={"type": {}}, required=("type",))
        if isinstance(spec, TaskSpec):
            defs[f"data.{component.ref}"] = _data_schema(spec, sources, registry)
            data_rules.append(_when_task(names_of(component, registry), component, _metrics(spec, registry)))
    for kind in USED_KINDS:
        found = registry.components(kind)
        for c in found:
            defs[f"{kind}.{c.ref}"] = options_schema(c.spec.config, extra={"type": {}}, required=("type",))
        choices = [(names_of(c, registry), f"{kind}.{c.ref}", _bare(c.spec.config)) for c in found]
        defs[f"use.{kind}"] = _typed(choices) if choices else {"not": {}, "description": f"no {kind} is installed"}
    properties["task"] = _typed((names_of(c, registry), f"task.{c.ref}", _bare(c.spec.config)) for c in tasks)
    decoder = options_schema(DecoderHead, extra={"blocks": _blocks()}, required=("blocks",))
    decoder = {"description": DecoderHead.__doc__, **decoder}
    model = {"blocks": _blocks(), "decoder": {"anyOf": [decoder, {"type": "null"}]}}
    properties["model"] = options_schema(ModelHead, extra=model, required=("blocks",))
    properties["train"] = options_schema(TrainSection)
    properties["export"] = options_schema(ExportSection)
    properties |= {"data": {"type": "object"}, "expect": {"type": "object"}}
    for name, text in _ABOUT.items():
        properties[name] = {"description": text, **properties[name]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "seqhub recipe",
        "type": "object",
        "properties": properties,
        "required": ["recipe", "name", "task", "data", "model"],
        "additionalProperties": False,
        "allOf": data_rules,
        "$defs": defs,
    }


def names_of(component: Component, registry: Components) -> list[str]:
    """Every name by which a recipe can mean the component: its own and its aliases, short or with the distribution."""
    own = (component.spec.name, *component.spec.aliases)
    names = [*own, *(f"{component.dist}/{name}" for name in own)]
    kinds = BLOCK_KINDS if component.spec.kind in BLOCK_KINDS else (component.spec.kind,)
    return [name for name in names if _means(name, component, registry, kinds)]


def options_schema(cls: type[Config], extra: Json | None = None, required: Iterable[str] = ()) -> Json:
    """The schema of one mapping; `extra` are properties beside the options."""
    return _mapping([cls], extra or {}, required)


def _mapping(classes: list[type[Config]], extra: Json, required: Iterable[str]) -> Json:
    options: dict[str, Json] = {}
    needed = list(required)
    for cls in classes:
        values = value_model(cls).model_json_schema()["properties"]
        for option in options_of(cls).values():
            if option.name not in options and option.name not in extra:
                options[option.name] = _option_schema(option, values.get(option.name, {}))
                needed += [option.name] if option.required else []
    schema: Json = {"type": "object", "properties": {**extra, **options}, "additionalProperties": False}
    return {**schema, "required": needed} if needed else schema


def _option_schema(option: Option, value: Json) -> Json:
    text = option.help + (f" [{option.unit}]" if option.unit else "")
    if option.kind:
        one: Json = {"$ref": f"#/$defs/use.{option.kind}"}
        body: Json = {"type": "array", "items": one} if option.many else one
        body = {"anyOf": [body, {"type": "null"}]} if option.nullable else body
    elif option.nested:
        body = _nested_schema(option)
        body = {"anyOf": [body, {"type": "null"}]} if option.nullable else body
    else:
        body = {key: part for key, part in value.items() if key not in ("title", "default", "description")}
    schema = {"description": text, **body}
    if not option.required:
        default = option.default
        schema["default"] = plain_options(default) if isinstance(default, Config) else _json(default)
    return schema


def _nested_schema(option: Option) -> Json:
    if not option.tagged:
        return options_schema(next(iter(option.nested.values())))
    rules = [_when_type([name], options_schema(cls)) for name, cls in option.nested.items()]
    names = list(option.nested)
    bare = [name for name, cls in option.nested.items() if _bare(cls)]
    tagged: Json = {"type": "object", "properties": {"type": {"enum": names}}, "allOf": rules}
    if option.required:
        tagged["required"] = ["type"]
    else:
        tagged["allOf"] = [
            *rules,
            {"if": {"not": {"required": ["type"]}}, "then": options_schema(type(option.default))},
        ]
    return {"if": {"type": "object"}, "then": tagged, "else": {"enum": bare}}


def _typed(choices: Iterable[tuple[list[str], str, bool]]) -> Json:
    """A mapping with a `type`, or the bare name where nothing else is required: (names, definition, may be bare)."""
    known = list(choices)
    every = [name for names, _, _ in known for name in names]
    rules = [_when_type(names, {"$ref": f"#/$defs/{_pointer(definition)}"}) for names, definition, _ in known]
    tagged = {"type": "object", "required": ["type"], "properties": {"type": {"enum": every}}, "allOf": rules}
    return {
        "if": {"type": "object"},
        "then": tagged,
        "else": {"enum": [n for names, _, bare in known if bare for n in names]},
    }


def _block_schema(registry: Components) -> Json:
    choices: list[tuple[list[str], Json, bool]] = []
    for kind in BLOCK_KINDS:
        for component in registry.components(kind):
            cls = component.spec.config
            common = [Common, Recurrent] if kind == "cell" else [Common]
            about = {"description": component.spec.summary, "deprecated": bool(component.spec.deprecated)}
            schema = _mapping([cls, *common, Repeated, Named], {"type": {}}, ["type"])
            choices.append((names_of(component, registry), {**about, **schema}, _bare(cls)))
    for name, structure in STRUCTURES.items():
        classes: list[type[Config]] = [structure, Repeated, Named] if structure.repeats else [structure, Named]
        branches: Json = {"type": "array", "minItems": 2, "items": _blocks(least=0)}
        inside: Json = branches if structure.inner == "branches" else _blocks()
        inner: Json = {structure.inner: inside} if structure.inner else {}
        about = {"description": structure.__doc__}
        choices.append(([name], {**about, **_mapping(classes, {"type": {}, **inner}, ["type", *inner])}, False))
    every = [name for names, _, _ in choices for name in names]
    rules = [_when_type(names, schema) for names, schema, _ in choices]
    tagged = {"type": "object", "required": ["type"], "properties": {"type": {"enum": every}}, "allOf": rules}
    return {
        "if": {"type": "object"},
        "then": tagged,
        "else": {"enum": [n for names, _, bare in choices if bare for n in names]},
    }


def _blocks(least: int = 1) -> Json:
    return {
        "type": "array",
        "minItems": least,
        "items": {"$ref": "#/$defs/block"},
        "description": "read from top to bottom",
    }


def _data_schema(spec: TaskSpec, sources: tuple[Component, ...], registry: Components) -> Json:
    source = _typed((names_of(c, registry), f"source.{c.ref}", _bare(c.spec.config)) for c in sources)
    return options_schema(spec.data, extra={"source": source}, required=("source",))


def _metrics(spec: TaskSpec, registry: Components) -> dict[str, str]:
    """What `expect` may name: the task's own metrics, and every other where it takes more."""
    takes_more = any(option.kind == "metric" for option in options_of(spec.config).values())
    others = [c.spec for c in registry.components("metric")] if takes_more else []
    more: dict[str, str] = dict(getattr(spec.config, "MORE_METRICS", {}))  # what only some options have
    named = {metric.name: metric.better for metric in others if isinstance(metric, MetricSpec)}
    return {**named, **more, **spec.metrics}


def _when_task(names: list[str], component: Component, metrics: dict[str, str]) -> Json:
    typed = {"type": "object", "required": ["type"], "properties": {"type": {"enum": names}}}
    bounds = {
        name: {
            "type": "string",
            "pattern": _BOUND,
            "description": "lower is better" if b == "min" else "higher is better",
        }
        for name, b in metrics.items()
    }
    return {
        "if": {"required": ["task"], "properties": {"task": {"anyOf": [{"enum": names}, typed]}}},
        "then": {
            "properties": {
                "data": {"$ref": f"#/$defs/{_pointer(f'data.{component.ref}')}"},
                "expect": {"properties": bounds, "additionalProperties": False},
                "train": {"properties": {"monitor": {"enum": [None, *metrics]}}},
            }
        },
    }


def _when_type(names: list[str], then: Json) -> Json:
    return {"if": {"required": ["type"], "properties": {"type": {"enum": names}}}, "then": then}


def _bare(cls: type[Config]) -> bool:
    """Nothing is required, so that the name alone will do."""
    return not any(option.required for option in options_of(cls).values())


def _means(name: str, component: Component, registry: Components, kinds: tuple[str, ...]) -> bool:
    try:
        return registry.resolve(name, kinds) == component
    except PluginError:
        return False


def _json(value: Any) -> Any:
    return [_json(item) for item in value] if isinstance(value, list | tuple) else value


def _pointer(name: str) -> str:
    """A key of `$defs` in a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")

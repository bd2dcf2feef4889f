"""The tables of the recipe reference, made from the same options that recipes are checked against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seqhub.api import Config, TaskSpec
from seqhub.plugins import Component
from seqhub.recipe.dump import flow
from seqhub.recipe.fields import Option, options_of
from seqhub.recipe.resolve import plain_options
from seqhub.recipe.schema import USED_KINDS
from seqhub.recipe.sections import DecoderHead, ExportSection, Head, ModelHead, TrainSection
from seqhub.recipe.structures import STRUCTURES
from seqhub.recipe.types import BLOCK_KINDS, Common, Components, Named, Recurrent, Repeated

BEGIN = "<!-- begin: written by `seqhub schema --markdown -o docs/recipes.md` -->"
END = "<!-- end -->"
_DISTS = ("seqhub", "seqhub-cells", "seqhub-attention", "seqhub-conv")  # what the reference covers, wherever it is made
_TITLES = {"block": "Plain blocks", "loss": "Losses", "tokenizer": "Tokenisers"}
_BETTER = {"min": "lower", "max": "higher"}


def reference(registry: Components) -> str:
    """Markdown: the sections, then every first-party component with its options."""
    return "\n".join(_lines(registry)).strip() + "\n"


def between_marks(text: str, registry: Components) -> str:
    """A page with its generated part made anew; ValueError where it has no marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no lines '{BEGIN}' and '{END}'")
    return f"{before}{BEGIN}\n\n{reference(registry)}\n{END}{after}"


def _lines(registry: Components) -> Iterator[str]:
    yield from _section("The top of the recipe", [Head])
    yield from _section("`model`", [ModelHead])
    yield from _section("`model.decoder`", [DecoderHead], f"{DecoderHead.__doc__} `blocks`: a list of blocks.")
    yield from _section("Every block", [Named, Repeated, Common])
    yield from _section("Every recurrent cell", [Recurrent])
    for name, cls in STRUCTURES.items():
        inner = {"branches": " `branches`: two or more lists of blocks.", "blocks": " `blocks`: a list of blocks."}
        yield from _section(f"`type: {name}`", [cls], f"{cls.__doc__}{inner.get(cls.inner, '')}")
    for name, section in (("train", TrainSection), ("export", ExportSection)):
        yield from _section(f"`{name}`", [section])
        yield from _inside(section, name)
    for kind in ("task", "source", *BLOCK_KINDS, *USED_KINDS):
        found = [c for c in registry.components(kind) if c.dist in _DISTS]
        if found:
            yield from (f"### {_TITLES.get(kind, f'{kind.capitalize()}s')}", "")
        for component in found:
            yield from _component(component)


def _component(component: Component) -> Iterator[str]:
    spec = component.spec
    about = f"{spec.summary} In {component.dist}." + (f" {spec.reference}." if spec.reference else "")
    yield from _section(f"`{spec.name}`", [spec.config], about, level=4)
    yield from _inside(spec.config, spec.name)
    if isinstance(spec, TaskSpec):
        yield from _section(f"`data` of `{spec.name}`", [spec.data], "Beside `source`:", level=4)
        yield from _inside(spec.data, "data")
        metrics = ", ".join(f"`{name}` ({_BETTER[better]} is better)" for name, better in spec.metrics.items())
        yield from (f"Metrics for `expect` and `train.monitor`: {metrics}.", "")


def _inside(cls: type[Config], prefix: str) -> Iterator[str]:
    """The options that are mappings themselves."""
    for option in options_of(cls).values():
        for tag, variant in option.nested.items():
            title = f"`{prefix}.{option.name}`" + (f" of `type: {tag}`" if option.tagged else "")
            yield from _section(title, [variant], variant.__doc__ or "", level=4)


def _section(title: str, classes: Iterable[type[Config]], about: str = "", level: int = 3) -> Iterator[str]:
    yield from (f"{'#' * level} {title}", "")
    if about:
        yield from (about, "")
    options = [option for cls in classes for option in options_of(cls).values() if option.name != "type"]
    if options:
        yield from ("| option | value | default | |", "|---|---|---|---|")
        yield from (_row(option) for option in options)
    else:
        yield "No options."
    yield ""


def _row(option: Option) -> str:
    unit = f" [{option.unit}]" if option.unit else ""
    default = "required" if option.required else f"`{_default(option.default)}`"
    return f"| `{option.name}` | {_cell(option.expected)} | {default} | {_cell(option.help)}{unit} |"


def _default(value: object) -> str:
    if isinstance(value, Config):
        options = plain_options(value)
        return str(options["type"]) if "type" in options else flow(options)
    return flow(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

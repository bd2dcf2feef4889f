"""From the name of a component to all the names that its distribution needs."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass

from seqhub.errors import UsageError
from seqhub.plugins.checks import STRUCTURES

KINDS = ("cell", "attention", "encoder")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 40
_TAKEN = ("plugin",)  # the module with the hooks


@dataclass(frozen=True)
class Names:
    """component: as recipes say it, `leaky-unit`.  kind: one of `KINDS`."""

    component: str
    kind: str

    @classmethod
    def of(cls, given: str, kind: str) -> Names:
        """The names of a new distribution; `seqhub-` in front is left off. UsageError E001 where it cannot be one."""
        component = given.removeprefix("seqhub-")
        fix = "begin with a small letter; then small letters, digits and single dashes, as in leaky-unit"
        if not _NAME.fullmatch(component) or len(component) > _LONGEST:
            longest = f", {_LONGEST} characters at most" if len(component) > _LONGEST else ""
            raise UsageError(f"'{given}' cannot name a component{longest}", fix=fix, code="E001")
        names = cls(component, kind)
        if component in STRUCTURES:
            raise UsageError(f"'{component}' is a word of the recipe language", fix="take another", code="E001")
        if keyword.iskeyword(names.module) or keyword.issoftkeyword(names.module) or names.module in _TAKEN:
            message = f"'{component}' cannot name a component: '{names.module}' cannot name its module"
            raise UsageError(message, fix="take another, as in leaky-unit", code="E001")
        return names

    @property
    def dist(self) -> str:
        """`seqhub-leaky-unit`, which is also the folder."""
        return f"seqhub-{self.component}"

    @property
    def package(self) -> str:
        """`seqhub_leaky_unit`."""
        return self.dist.replace("-", "_")

    @property
    def module(self) -> str:
        """`leaky_unit`, the file of the component."""
        return self.component.replace("-", "_")

    @property
    def cls(self) -> str:
        """`LeakyUnit`; of a cell `LeakyUnitCell`."""
        return "".join(part.capitalize() for part in self.component.split("-")) + (
            "Cell" if self.kind == "cell" else ""
        )

"""Checks of constructor arguments, for those who build a cell without a recipe."""

from __future__ import annotations


def at_least(low: int, **values: int) -> None:
    """Raise ValueError naming the first value below `low`."""
    for name, value in values.items():
        if value < low:
            raise ValueError(f"{name} is {value}, expected {low} or more")


def one_of(name: str, value: str, accepted: tuple[str, ...]) -> None:
    """Raise ValueError unless `value` is among `accepted`."""
    if value not in accepted:
        raise ValueError(f"{name} is {value!r}, expected one of {accepted}")


def divides(what: str, part: int, whole_name: str, whole: int) -> None:
    """Raise ValueError unless `part` goes into `whole` without rest."""
    if part < 1 or whole % part:
        raise ValueError(f"{what} is {part}, which does not divide {whole_name} ({whole})")

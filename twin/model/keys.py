"""Tables of the keys of a file, for the pages that explain it: made from the models, so that they cannot differ."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from twin.model.spec import parse_duration

if TYPE_CHECKING:
    from collections.abc import Collection

    from pydantic.fields import FieldInfo

_UNITS_S = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def table(title: str, model: type[BaseModel], percent: Collection[str] = ()) -> str:
    """Return the table of a model's keys under its title; the keys of `percent` are numbers in %."""
    rows = [_row(name, info, percent) for name, info in model.model_fields.items()]
    return "\n".join([title, "", "| key | without it | meaning |", "|---|---|---|", *rows, ""])


def _row(name: str, info: FieldInfo, percent: Collection[str]) -> str:
    shown = "required" if info.is_required() else _default(name, info, percent)
    return f"| `{info.alias or name}` | {shown} | {info.description} |"


def _default(name: str, info: FieldInfo, percent: Collection[str]) -> str:
    value = info.get_default()
    if value is None or value in ("", ()):
        return "–"
    if isinstance(value, BaseModel):
        return "as below"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in percent:
        return f"`{value:g} %`"
    if any(getattr(one, "func", None) is parse_duration for one in info.metadata):
        return f"`{_duration(value)}`"
    return _plain(value)


def _plain(value: Any) -> str:
    if type(value) is tuple:
        return ", ".join(f"`{one}`" for one in value)
    if isinstance(value, time):
        return f"`{value.isoformat('minutes')}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _duration(seconds: float) -> str:
    unit, size = next((unit, size) for unit, size in _UNITS_S if seconds >= size and seconds % size == 0)
    return f"{seconds / size:.0f} {unit}"
